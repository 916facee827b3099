"""Stripe's published test cards, and what the bank says to each.

The numbers are public and work nowhere else. They are looked up here and then forgotten: a record keeps the card's
name.
Source: docs.stripe.com, Testing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from app.devstack.stripe_emulator.problems import CardRefused
from app.devstack.stripe_emulator.records import Card

_DEFAULT_EXPIRY = (12, 2034)  # of the cards behind pm_card_…
_BRANDS = {"4": "visa", "5": "mastercard", "2": "mastercard", "34": "amex", "37": "amex", "6011": "discover"} | {
    "30": "diners", "36": "diners", "35": "jcb", "62": "unionpay"
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Decline:
    """The bank's no.

    blocked: Stripe's own risk rules said it, before the bank was asked.
    """

    code: str
    decline_code: str
    message: str = "Your card was declined."
    blocked: bool = False


GENERIC = Decline("card_declined", "generic_decline")
INSUFFICIENT_FUNDS = Decline("card_declined", "insufficient_funds", "Your card has insufficient funds.")
AUTHENTICATION_REQUIRED = Decline(
    "authentication_required",
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
)


@dataclass(frozen=True, slots=True)
class DisputeKind:
    """What its owner will complain about. is_inquiry: the bank asks before it takes the money."""

    reason: str
    is_inquiry: bool = False


@dataclass(frozen=True, slots=True)
class TestCard:
    """One published card.

    needs_authentication: the bank wants 3-D Secure; the decline, if any, comes after it.
    skips_authentication_off_session: it was set up for payments without the buyer.
    dispute: what follows a successful charge. slow_refund: how a refund ends some time after it was made.
    bank_is_slow: a charge stays `processing` for half a minute.
    """

    __test__ = False  # not a test case, whatever its name

    number: str
    decline: Decline | None = None
    needs_authentication: bool = False
    skips_authentication_off_session: bool = False
    funding: str = "credit"
    dispute: DisputeKind | None = None
    slow_refund: Literal["succeeds", "fails"] | None = None
    bank_is_slow: bool = False


TEST_CARDS: Mapping[str, TestCard] = {
    "visa": TestCard("4242424242424242"),
    "visa_debit": TestCard("4000056655665556", funding="debit"),
    "mastercard": TestCard("5555555555554444"),
    "mastercard_debit": TestCard("5200828282828210", funding="debit"),
    "mastercard_prepaid": TestCard("5105105105105100", funding="prepaid"),
    "amex": TestCard("378282246310005"),
    "discover": TestCard("6011111111111117"),
    "diners": TestCard("3056930009020004"),
    "jcb": TestCard("3566002020360505"),
    "unionpay": TestCard("6200000000000005"),
    "threeDSecureOptional": TestCard("4000000000003055"),
    "visa_chargeDeclined": TestCard("4000000000000002", GENERIC),
    "visa_chargeDeclinedInsufficientFunds": TestCard("4000000000009995", INSUFFICIENT_FUNDS),
    "visa_chargeDeclinedLostCard": TestCard("4000000000009987", Decline("card_declined", "lost_card")),
    "visa_chargeDeclinedStolenCard": TestCard("4000000000009979", Decline("card_declined", "stolen_card")),
    "visa_chargeDeclinedVelocityLimitExceeded": TestCard(
        "4000000000006975", Decline("card_declined", "card_velocity_exceeded")
    ),
    "chargeDeclinedExpiredCard": TestCard(
        "4000000000000069", Decline("expired_card", "expired_card", "Your card has expired.")
    ),
    "chargeDeclinedIncorrectCvc": TestCard(
        "4000000000000127", Decline("incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect.")
    ),
    "chargeDeclinedProcessingError": TestCard(
        "4000000000000119",
        Decline(
            "processing_error",
            "processing_error",
            "An error occurred while processing your card. Try again in a little bit.",
        ),
    ),
    "radarBlock": TestCard("4100000000000019", Decline("card_declined", "fraudulent", blocked=True)),
    "authenticationRequired": TestCard("4000002760003184", needs_authentication=True),
    "authenticationRequiredOnSetup": TestCard("4000002500003155", needs_authentication=True),
    "authenticationRequiredSetupForOffSession": TestCard(
        "4000003800000446", needs_authentication=True, skips_authentication_off_session=True
    ),
    "authenticationRequiredChargeDeclinedInsufficientFunds": TestCard(
        "4000008260003178", INSUFFICIENT_FUNDS, needs_authentication=True
    ),
    "threeDSecure2Required": TestCard("4000000000003220", needs_authentication=True),
    "threeDSecureRequired": TestCard("4000000000003063", needs_authentication=True),
    "threeDSecureRequiredChargeDeclined": TestCard("4000008400001629", GENERIC, needs_authentication=True),
    "createDispute": TestCard("4000000000000259", dispute=DisputeKind("fraudulent")),
    "createDisputeProductNotReceived": TestCard("4000000000002685", dispute=DisputeKind("product_not_received")),
    "createDisputeInquiry": TestCard("4000000000001976", dispute=DisputeKind("fraudulent", is_inquiry=True)),
    "pendingRefund": TestCard("4000000000007726", slow_refund="succeeds"),
    "refundFail": TestCard("4000000000005126", slow_refund="fails"),
}

_OWN_CARDS: Mapping[str, TestCard] = {  # not Stripe's: to see what a storefront does when a payment takes its time
    "emulatorAway": TestCard("4242424242424242"),  # see outages
    "emulatorBankSlow": TestCard("4242424242424242", bank_is_slow=True),
}
_BY_NAME = {**TEST_CARDS, **_OWN_CARDS}
_OTHER_NAMES = {
    "us": "visa",
    "chargeDeclined": "visa_chargeDeclined",
    "chargeDeclinedInsufficientFunds": "visa_chargeDeclinedInsufficientFunds",
    "chargeDeclinedLostCard": "visa_chargeDeclinedLostCard",
    "chargeDeclinedStolenCard": "visa_chargeDeclinedStolenCard",
    "visa_chargeDeclinedExpiredCard": "chargeDeclinedExpiredCard",
    "visa_chargeDeclinedIncorrectCvc": "chargeDeclinedIncorrectCvc",
    "visa_chargeDeclinedProcessingError": "chargeDeclinedProcessingError",
}
_NAME_OF_NUMBER = {test_card.number: name for name, test_card in TEST_CARDS.items()}


def find_static_card(payment_method_id: str) -> Card | None:
    """The card behind an id such as `pm_card_visa`, which every Stripe account knows."""
    name = payment_method_id.removeprefix("pm_card_")
    name = _OTHER_NAMES.get(name, name)
    if not payment_method_id.startswith("pm_card_") or name not in _BY_NAME:
        return None
    return _card(name, *_DEFAULT_EXPIRY)


def card_of_number(number: str, exp_month: int, exp_year: int) -> Card:
    """The card that a number names; the number is not kept.

    Raises CardRefused, as Stripe does in test mode, for anything but a published test card.
    """
    digits = number.replace(" ", "").replace("-", "")
    if not digits.isascii() or not digits.isdigit() or not _passes_luhn(digits):
        raise CardRefused("Your card number is incorrect.", code="incorrect_number", param="number")
    name = _NAME_OF_NUMBER.get(digits)
    if name is None:
        raise CardRefused(
            "Your card was declined. Your request was in test mode, but used a non test (live) card.",
            code="card_declined",
            decline_code="test_mode_live_card",
        )
    return _card(name, exp_month, exp_year)


def needs_authentication(card: Card, *, off_session: bool) -> bool:
    """Whether the bank wants to see the buyer first."""
    test_card = _BY_NAME[card.test_card]
    return test_card.needs_authentication and not (off_session and test_card.skips_authentication_off_session)


def bank_is_slow(card: Card) -> bool:
    """Whether the bank does not answer a charge at once."""
    return _BY_NAME[card.test_card].bank_is_slow


def find_decline(card: Card) -> Decline | None:
    """What the bank says to a charge, once any authentication is done: None is a yes."""
    return _BY_NAME[card.test_card].decline


def find_dispute(card: Card) -> DisputeKind | None:
    """What the card's owner will complain about, if at all."""
    return _BY_NAME[card.test_card].dispute


def find_slow_refund(card: Card) -> Literal["succeeds", "fails"] | None:
    """How a refund to this card ends some time after it was made; None where it has ended at once."""
    return _BY_NAME[card.test_card].slow_refund


def _card(name: str, exp_month: int, exp_year: int) -> Card:
    test_card = _BY_NAME[name]
    return Card(
        test_card=name,
        brand=next(brand for prefix, brand in _BRANDS.items() if test_card.number.startswith(prefix)),
        last4=test_card.number[-4:],
        funding=test_card.funding,
        country="US",
        fingerprint=hashlib.sha256(name.encode()).hexdigest()[:16],
        exp_month=exp_month,
        exp_year=exp_year,
    )


def _passes_luhn(digits: str) -> bool:
    if not 12 <= len(digits) <= 19:
        return False
    doubled = [int(digit) * (1 + position % 2) for position, digit in enumerate(reversed(digits))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0
