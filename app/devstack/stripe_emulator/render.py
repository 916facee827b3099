"""Records in Stripe's shape, with the fields that stripe-python declares for the API version in `limits`.

What Stripe always answers and the emulator never sets is there as null. References are ids; `expansion` puts objects in
their place.
"""

from __future__ import annotations

from app.devstack.stripe_emulator.limits import API_VERSION
from app.devstack.stripe_emulator.records import (
    Card,
    Charge,
    ConfirmationToken,
    Customer,
    Dispute,
    Event,
    Json,
    PaymentIntent,
    PaymentMethod,
    Record,
    Refund,
    WebhookEndpoint,
)
from app.devstack.stripe_emulator.render_payments import (
    render_charge,
    render_dispute,
    render_payment_intent,
    render_refund,
)


def render(record: Record) -> Json:
    """The record as Stripe answers it."""
    match record:
        case PaymentIntent():
            return render_payment_intent(record)
        case Charge():
            return render_charge(record)
        case Refund():
            return render_refund(record)
        case Dispute():
            return render_dispute(record)
        case PaymentMethod():
            return _payment_method(record)
        case ConfirmationToken():
            return _confirmation_token(record)
        case Customer():
            return _customer(record)
        case Event():
            return _event(record)
        case WebhookEndpoint():
            return _webhook_endpoint(record)


def _payment_method(record: PaymentMethod) -> Json:
    return {
        "id": record.id,
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": record.billing_details,
        "card": _card(record.card),
        "created": record.created,
        "customer": record.customer,
        "customer_account": None,
        "livemode": False,
        "metadata": record.metadata,
        "type": "card",
    }


def _card(card: Card) -> Json:
    return {
        "brand": card.brand,
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
        "country": card.country,
        "display_brand": card.brand,
        "exp_month": card.exp_month,
        "exp_year": card.exp_year,
        "fingerprint": card.fingerprint,
        "funding": card.funding,
        "generated_from": None,
        "last4": card.last4,
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": card.brand != "amex"},
        "wallet": None,
    }


def _confirmation_token(record: ConfirmationToken) -> Json:
    return {
        "id": record.id,
        "object": "confirmation_token",
        "created": record.created,
        "expires_at": record.expires_at,
        "livemode": False,
        "mandate_data": None,
        "payment_intent": record.payment_intent,
        "payment_method_options": None,
        "payment_method_preview": {
            "allow_redisplay": "unspecified",
            "billing_details": record.billing_details,
            "card": _card(record.card),
            "customer": None,
            "customer_account": None,
            "type": "card",
        },
        "return_url": record.return_url,
        "setup_future_usage": record.setup_future_usage,
        "setup_intent": None,
        "shipping": record.shipping,
        "use_stripe_sdk": True,
    }


def _customer(record: Customer) -> Json:
    return {
        "id": record.id,
        "object": "customer",
        "address": record.address,
        "balance": 0,
        "created": record.created,
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "description": record.description,
        "email": record.email,
        "livemode": False,
        "metadata": record.metadata,
        "name": record.name,
        "phone": record.phone,
        "preferred_locales": [],
        "shipping": record.shipping,
        "tax_exempt": "none",
        "test_clock": None,
    }


def _event(record: Event) -> Json:
    return {
        "id": record.id,
        "object": "event",
        "api_version": API_VERSION,
        "created": record.created,
        "data": {"object": record.data_object},
        "livemode": False,
        "pending_webhooks": record.pending_webhooks,
        "request": {"id": record.request_id, "idempotency_key": record.idempotency_key},
        "type": record.type,
    }


def _webhook_endpoint(record: WebhookEndpoint) -> Json:
    return {
        "id": record.id,
        "object": "webhook_endpoint",
        "api_version": None,
        "application": None,
        "created": record.created,
        "description": record.description,
        "enabled_events": list(record.enabled_events),
        "livemode": False,
        "metadata": record.metadata,
        "status": "enabled",
        "url": record.url,
    }
