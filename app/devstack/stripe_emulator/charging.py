"""Moving money: the bank's answer to a charge, capture, and what either does to the PaymentIntent.

ask the bank -> Charge, ledger entry, PaymentIntent's next state, events   (all in the caller's changes)

A declined card is raised as CardRefused *after* the decline is staged: it is an outcome, not a request that failed.
"""

from __future__ import annotations

from dataclasses import replace

from app.devstack.stripe_emulator import cards
from app.devstack.stripe_emulator.cards import Decline, find_decline
from app.devstack.stripe_emulator.changes import Changes
from app.devstack.stripe_emulator.disputes import dispute_as_the_card_does
from app.devstack.stripe_emulator.payment_methods import attach
from app.devstack.stripe_emulator.problems import CardRefused, doc_url
from app.devstack.stripe_emulator.records import Charge, PaymentIntent, PaymentMethod
from app.devstack.stripe_emulator.render import render

AUTHORIZATION_SECONDS = 7 * 24 * 60 * 60  # Stripe: Place a hold on a payment method, card not present


def charge(
    changes: Changes, payment_intent: PaymentIntent, payment_method: PaymentMethod, *, bank_is_slow: bool
) -> PaymentIntent:
    """Ask the bank for the PaymentIntent's amount.

    bank_is_slow: the PaymentIntent stays `processing` until `settle`.
    Raises CardRefused when the bank says no.
    """
    record = _new_charge(changes, payment_intent, payment_method)
    payment_intent = replace(payment_intent, latest_charge=record.id, next_action=None)
    if bank_is_slow or cards.bank_is_slow(record.card):
        changes.charges.put(record)
        payment_intent = changes.payment_intents.put(replace(payment_intent, status="processing"))
        changes.move_money("charge_pending", record, amount=record.amount)
        changes.emit("charge.pending", record)
        changes.emit("payment_intent.processing", payment_intent)
        return payment_intent
    return settle(changes, payment_intent, record, decline=find_decline(record.card))


def settle(
    changes: Changes, payment_intent: PaymentIntent, record: Charge, *, decline: Decline | None
) -> PaymentIntent:
    """Give a charge the bank's answer; raises CardRefused for a decline."""
    if decline is not None:
        raise decline_charge(changes, payment_intent, record, decline)
    if payment_intent.capture_method == "manual":
        return _authorize(changes, payment_intent, record)
    record = changes.charges.put(
        replace(record, status="succeeded", captured=True, amount_captured=record.amount, capture_before=None)
    )
    changes.move_money("charge_succeeded", record, amount=record.amount)
    changes.emit("charge.succeeded", record)
    payment_intent = _succeed(changes, payment_intent, amount_received=record.amount)
    dispute_as_the_card_does(changes, record)
    return payment_intent


def capture(changes: Changes, payment_intent: PaymentIntent, *, amount: int) -> PaymentIntent:
    """Take `amount` of what is held; the rest is free again."""
    record = changes.charges.get(payment_intent.latest_charge or "")
    record = changes.charges.put(replace(record, captured=True, amount_captured=amount, capture_before=None))
    changes.move_money("capture", record, amount=amount)
    changes.emit("charge.captured", record)
    payment_intent = _succeed(changes, payment_intent, amount_received=amount)
    dispute_as_the_card_does(changes, record)
    return payment_intent


def refuse_unauthenticated(
    changes: Changes, payment_intent: PaymentIntent, payment_method: PaymentMethod, decline: Decline
) -> CardRefused:
    """Stage the decline of a charge that was never sent to the bank, for the caller to raise."""
    record = _new_charge(changes, payment_intent, payment_method)
    return decline_charge(changes, replace(payment_intent, latest_charge=record.id), record, decline)


def decline_charge(changes: Changes, payment_intent: PaymentIntent, record: Charge, decline: Decline) -> CardRefused:
    """Stage the bank's no, for the caller to raise: the PaymentIntent needs another PaymentMethod."""
    record = changes.charges.put(
        replace(
            record,
            status="failed",
            failure_code=decline.code,
            failure_message=decline.message,
            decline_code=decline.decline_code,
            blocked=decline.blocked,
            capture_before=None,
        )
    )
    payment_method = changes.payment_methods.get(record.payment_method)
    facts: dict[str, object] = {
        "charge": record.id,
        "decline_code": decline.decline_code,
        "payment_method": render(payment_method),
    }
    error = {"code": decline.code, "doc_url": doc_url(decline.code), "message": decline.message, "type": "card_error"}
    payment_intent = changes.payment_intents.put(
        replace(
            payment_intent,
            status="requires_payment_method",
            payment_method=None,
            authenticated=False,
            next_action=None,
            last_payment_error={**error, **facts},
        )
    )
    changes.move_money("charge_failed", record, amount=record.amount)
    changes.emit("charge.failed", record)
    changes.emit("payment_intent.payment_failed", payment_intent)
    return CardRefused(decline.message, code=decline.code, payment_intent=render(payment_intent), **facts)


def _new_charge(changes: Changes, payment_intent: PaymentIntent, payment_method: PaymentMethod) -> Charge:
    return Charge(
        id=changes.identifiers.new("ch"),
        created=changes.now,
        amount=payment_intent.amount,
        currency=payment_intent.currency,
        payment_intent=payment_intent.id,
        payment_method=payment_method.id,
        card=payment_method.card,
        billing_details=payment_method.billing_details,
        status="pending",
        customer=payment_intent.customer,
        description=payment_intent.description,
        metadata=payment_intent.metadata,
        receipt_email=payment_intent.receipt_email,
        shipping=payment_intent.shipping,
        statement_descriptor=payment_intent.statement_descriptor,
        statement_descriptor_suffix=payment_intent.statement_descriptor_suffix,
        authenticated=payment_intent.authenticated,
    )


def _authorize(changes: Changes, payment_intent: PaymentIntent, record: Charge) -> PaymentIntent:
    record = changes.charges.put(
        replace(record, status="succeeded", capture_before=changes.now + AUTHORIZATION_SECONDS)
    )
    payment_intent = changes.payment_intents.put(
        replace(payment_intent, status="requires_capture", amount_capturable=record.amount, last_payment_error=None)
    )
    changes.move_money("charge_authorized", record, amount=record.amount)
    changes.emit("charge.succeeded", record)
    changes.emit("payment_intent.amount_capturable_updated", payment_intent)
    return payment_intent


def _succeed(changes: Changes, payment_intent: PaymentIntent, *, amount_received: int) -> PaymentIntent:
    payment_intent = changes.payment_intents.put(
        replace(
            payment_intent,
            status="succeeded",
            amount_received=amount_received,
            amount_capturable=0,
            last_payment_error=None,
        )
    )
    payment_method = changes.payment_methods.get(payment_intent.payment_method or "")
    wants_to_keep = payment_intent.setup_future_usage is not None and payment_intent.customer is not None
    if wants_to_keep and payment_method.customer is None:
        attach(changes, payment_method, payment_intent.customer or "")
    changes.emit("payment_intent.succeeded", payment_intent)
    return payment_intent
