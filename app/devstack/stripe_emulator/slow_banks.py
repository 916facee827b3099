"""Banks that do not answer within the request: the PaymentIntent is `processing` until they do."""

from __future__ import annotations

from contextlib import suppress

from app.devstack.stripe_emulator.cards import GENERIC, bank_is_slow
from app.devstack.stripe_emulator.changes import Changes
from app.devstack.stripe_emulator.charging import settle
from app.devstack.stripe_emulator.problems import CardRefused
from app.devstack.stripe_emulator.records import Charge, PaymentIntent

SLOW_SECONDS = 30  # the bank of pm_card_emulatorBankSlow


def answer_late(changes: Changes, payment_intent: PaymentIntent, charge: Charge, *, succeeds: bool) -> None:
    """Stage the bank's answer to a charge that is pending."""
    with suppress(CardRefused):  # asked for; the decline is staged
        settle(changes, payment_intent, charge, decline=None if succeeds else GENERIC)


def answer_slow_banks(changes: Changes) -> int:
    """Stage the answers that slow banks give by now; returns how many there were."""
    answered = 0
    for payment_intent in list(changes.payment_intents.newest_first()):
        if payment_intent.status != "processing":
            continue
        charge = changes.charges.get(payment_intent.latest_charge or "")
        if bank_is_slow(charge.card) and changes.now - charge.created >= SLOW_SECONDS:
            answer_late(changes, payment_intent, charge, succeeds=True)
            answered += 1
    return answered
