"""PaymentIntents, charges, refunds and disputes in Stripe's shape."""

from __future__ import annotations

from app.devstack.stripe_emulator.records import Charge, Dispute, Json, PaymentIntent, Refund

_NEVER_EMULATED: Json = {  # on every PaymentIntent and charge: live money, other accounts' money, reviews
    "application": None,
    "application_fee_amount": None,
    "livemode": False,
    "on_behalf_of": None,
    "review": None,
    "source": None,
    "transfer_data": None,
    "transfer_group": None,
}


_EVIDENCE = (
    "access_activity_log", "billing_address", "cancellation_policy", "cancellation_policy_disclosure",
    "cancellation_rebuttal", "customer_communication", "customer_email_address", "customer_name",
    "customer_purchase_ip", "customer_signature", "duplicate_charge_documentation", "duplicate_charge_explanation",
    "duplicate_charge_id", "product_description", "receipt", "refund_policy", "refund_policy_disclosure",
    "refund_refusal_explanation", "service_date", "service_documentation", "shipping_address", "shipping_carrier",
    "shipping_date", "shipping_documentation", "shipping_tracking_number", "uncategorized_file", "uncategorized_text",
)  # fmt: skip


def render_payment_intent(record: PaymentIntent) -> Json:
    """The PaymentIntent as Stripe answers it."""
    automatic = {"allow_redirects": record.allow_redirects, "enabled": True} if record.allow_redirects else None
    return {
        "id": record.id,
        "object": "payment_intent",
        **_NEVER_EMULATED,
        "allowed_payment_method_types": _list(record.allowed_payment_method_types),
        "amount": record.amount,
        "amount_capturable": record.amount_capturable,
        "amount_details": {"tip": {}},
        "amount_received": record.amount_received,
        "automatic_payment_methods": automatic,
        "canceled_at": record.canceled_at,
        "cancellation_reason": record.cancellation_reason,
        "capture_method": record.capture_method,
        "client_secret": record.client_secret,
        "confirmation_method": record.confirmation_method,
        "created": record.created,
        "currency": record.currency,
        "customer": record.customer,
        "customer_account": None,
        "description": record.description,
        "excluded_payment_method_types": _list(record.excluded_payment_method_types),
        "last_payment_error": record.last_payment_error,
        "latest_charge": record.latest_charge,
        "metadata": record.metadata,
        "next_action": record.next_action,
        "payment_method": record.payment_method,
        "payment_method_configuration_details": None,
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card"],
        "processing": {"type": "card"} if record.status == "processing" else None,
        "receipt_email": record.receipt_email,
        "setup_future_usage": record.setup_future_usage,
        "shipping": record.shipping,
        "statement_descriptor": record.statement_descriptor,
        "statement_descriptor_suffix": record.statement_descriptor_suffix,
        "status": record.status,
    }


def render_charge(record: Charge) -> Json:
    """The charge as Stripe answers it."""
    return {
        "id": record.id,
        "object": "charge",
        **_NEVER_EMULATED,
        "amount": record.amount,
        "amount_captured": record.amount_captured,
        "amount_refunded": record.amount_refunded,
        "application_fee": None,
        "balance_transaction": None,
        "billing_details": record.billing_details,
        "calculated_statement_descriptor": record.statement_descriptor,
        "captured": record.captured,
        "created": record.created,
        "currency": record.currency,
        "customer": record.customer,
        "description": record.description,
        "disputed": record.disputed,
        "failure_balance_transaction": None,
        "failure_code": record.failure_code,
        "failure_message": record.failure_message,
        "fraud_details": {},
        "metadata": record.metadata,
        "outcome": _outcome(record),
        "paid": record.status == "succeeded",
        "payment_intent": record.payment_intent,
        "payment_method": record.payment_method,
        "payment_method_details": {"card": _card_details(record), "type": "card"},
        "radar_options": {},
        "receipt_email": record.receipt_email,
        "receipt_number": None,
        "receipt_url": None,
        "refunded": 0 < record.amount_captured == record.amount_refunded,
        "shipping": record.shipping,
        "source_transfer": None,
        "statement_descriptor": record.statement_descriptor,
        "statement_descriptor_suffix": record.statement_descriptor_suffix,
        "status": record.status,
    }


def render_refund(record: Refund) -> Json:
    """The refund as Stripe answers it."""
    return {
        "id": record.id,
        "object": "refund",
        "amount": record.amount,
        "balance_transaction": None,
        "charge": record.charge,
        "created": record.created,
        "currency": record.currency,
        "destination_details": {"card": {"type": "refund"}, "type": "card"},
        "failure_reason": record.failure_reason,
        "metadata": record.metadata,
        "payment_intent": record.payment_intent,
        "reason": record.reason,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": record.status,
        "transfer_reversal": None,
    }


def render_dispute(record: Dispute) -> Json:
    """The dispute as Stripe answers it."""
    return {
        "id": record.id,
        "object": "dispute",
        "amount": record.amount,
        "balance_transactions": [],
        "charge": record.charge,
        "created": record.created,
        "currency": record.currency,
        "enhanced_eligibility_types": [],
        "evidence": {**dict.fromkeys(_EVIDENCE), "enhanced_evidence": {}},
        "evidence_details": {
            "due_by": record.due_by,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "is_charge_refundable": record.is_inquiry,
        "livemode": False,
        "metadata": record.metadata,
        "payment_intent": record.payment_intent,
        "payment_method_details": {
            "card": {
                "brand": record.brand,
                "case_type": "inquiry" if record.is_inquiry else "chargeback",
                "network": record.brand,
                "network_reason_code": None,
            },
            "type": "card",
        },
        "reason": record.reason,
        "status": record.status,
    }


def _outcome(record: Charge) -> Json | None:
    if record.status == "pending":
        return None
    if record.status == "succeeded":
        status, kind, reason, message = "approved_by_network", "authorized", None, "Payment complete."
    elif record.blocked:
        status, kind, reason = "not_sent_to_network", "blocked", "highest_risk_level"
        message = "Stripe blocked this payment as too risky."
    else:
        status, kind, reason = "declined_by_network", "issuer_declined", record.decline_code
        message = f"The bank returned the decline code `{record.decline_code}`."
    return {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": status,
        "reason": reason,
        "risk_level": "highest" if record.blocked else "normal",
        "risk_score": 75 if record.blocked else 20,
        "seller_message": message,
        "type": kind,
    }


def _card_details(record: Charge) -> Json:
    card = record.card
    authentication = {"result": "authenticated", "version": "2.2.0"} if record.authenticated else None
    return {
        "amount_authorized": record.amount if record.status == "succeeded" else None,
        "brand": card.brand,
        "capture_before": record.capture_before,
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
        "country": card.country,
        "exp_month": card.exp_month,
        "exp_year": card.exp_year,
        "fingerprint": card.fingerprint,
        "funding": card.funding,
        "installments": None,
        "last4": card.last4,
        "mandate": None,
        "network": card.brand,
        "three_d_secure": authentication,
        "wallet": None,
    }


def _list(values: tuple[str, ...] | None) -> list[str] | None:
    return None if values is None else list(values)
