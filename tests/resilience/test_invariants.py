"""Each invariant is silent about a good shop and names a planted violation: a check that cannot fail is none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.resilience.facts import (
    AttemptFact,
    Edge,
    EventFact,
    Facts,
    MailFact,
    MoneyFact,
    OrderFact,
    OrderLineFact,
    RefundFact,
    ReservationFact,
    StockFact,
    Transition,
)
from tests.resilience.invariants import INVARIANTS, violations

LINE = OrderLineFact(variant_id=7, quantity=2, unit_price=1_000, discount=100, total=1_900)
PAID = OrderFact(
    "o1",
    "c1",
    "confirmed",
    "paid",
    "USD",
    subtotal=2_000,
    discount=100,
    shipping=490,
    tax=10,
    total=2_400,
    lines=(LINE,),
)
REFUSED = replace(PAID, id="o2", cart_id="c2", status="canceled", payment_status="failed")
ATTEMPT = AttemptFact("a1", "o1", "c1", "succeeded", 2_400, "USD", "pi_1")
NO = AttemptFact("a2", "o2", "c2", "failed", 2_400, "USD", "pi_2")
SOLD = ReservationFact("o1", 7, 2, "sold")
RELEASED = ReservationFact("o2", 7, 2, "released")
TAKEN = MoneyFact("charge_succeeded", 2_400, "usd", "pi_1", "a1", "o1")
DECLINED = MoneyFact("charge_failed", 2_400, "usd", "pi_2", "a2", "o2")
GIVEN_BACK = MoneyFact("refund", 400, "usd", "pi_1", "a1", "o1", "re_1")
LEVEL = StockFact(7, on_hand=8, reserved=0, denies=True, initial=10)
EDGES = frozenset(
    {
        Edge("order", "", "pending"),
        Edge("order_payment", "", "pending"),
        Edge("attempt", "", "pending"),
        Edge("refund", "", "succeeded"),
        *(Edge("order", "pending", each) for each in ("confirmed", "canceled")),
        *(Edge("order_payment", "pending", each) for each in ("paid", "failed", "delayed")),
        Edge("order_payment", "delayed", "paid"),
        *(Edge("attempt", "pending", each) for each in ("succeeded", "failed")),
    }
)
LOG = (
    Transition("order", "o1", "", "pending"),
    Transition("order_payment", "o1", "", "pending"),
    Transition("attempt", "a1", "", "pending"),
    Transition("order_payment", "o1", "pending", "delayed"),
    Transition("attempt", "a1", "pending", "succeeded"),
    Transition("order", "o1", "pending", "confirmed"),
    Transition("order_payment", "o1", "delayed", "paid"),
    Transition("order", "o2", "", "pending"),
    Transition("order_payment", "o2", "", "pending"),
    Transition("attempt", "a2", "", "pending"),
    Transition("attempt", "a2", "pending", "failed"),
    Transition("order", "o2", "pending", "canceled"),
    Transition("order_payment", "o2", "pending", "failed"),
)
TOLD = MailFact("payment_delayed:o1", "payment_delayed", "o1")
CONFIRMED = MailFact("order_confirmed:o1", "order_confirmed", "o1")
GOOD = Facts(
    orders=(PAID, REFUSED),
    attempts=(ATTEMPT, NO),
    reservations=(SOLD, RELEASED),
    stock=(LEVEL,),
    log=LOG,
    events=(EventFact("o1", "placed"), EventFact("o1", "paid"), EventFact("o2", "placed")),
    mails=(TOLD, CONFIRMED),
    ledger=(TAKEN, DECLINED),
    accepted={"c1": frozenset({2_400})},
    edges=EDGES,
    alerted=1,
    texts={"log": "order o1 pi_1 at 2026-03-01T12:00:00.123456Z for 1234567890123 and 00000000000000"},
)
REFUNDED = replace(
    GOOD,
    orders=(replace(PAID, payment_status="partially_refunded"), REFUSED),
    refunds=(RefundFact("r1", "o1", 400, "succeeded"),),
    ledger=(TAKEN, DECLINED, GIVEN_BACK),
    log=(
        *LOG,
        Transition("refund", "r1", "", "succeeded"),
        Transition("order_payment", "o1", "paid", "partially_refunded"),
    ),
    edges=EDGES | {Edge("order_payment", "paid", "partially_refunded")},
)


def with_order(**values: object) -> Facts:
    """The good shop, whose paid order is another one."""
    return replace(GOOD, orders=(replace(PAID, **values), REFUSED))


PLANTED: list[tuple[str, Facts, str]] = [
    ("I1", replace(GOOD, ledger=(TAKEN, replace(TAKEN, amount=1))), "order o1 may cost 2400 and was charged 2401"),
    ("I1", replace(GOOD, ledger=(replace(TAKEN, order_id="o9"),)), "order o9 may cost 0 and was charged 2400"),
    ("I1", with_order(status="canceled"), "order o1 may cost 0 and was charged 2400"),
    ("I2", with_order(payment_status="pending"), "pi_1 has taken 2400 for order o1: it says confirmed, pending"),
    ("I2", replace(GOOD, ledger=(TAKEN, replace(TAKEN, intent_id="pi_2", order_id="o2"))), "it says canceled, failed"),
    ("I2", replace(GOOD, ledger=(replace(TAKEN, order_id=None),)), "there is no such order"),
    ("I3", replace(GOOD, ledger=(DECLINED,)), "order o1 says paid, (2400, 'USD'); the provider took []"),
    ("I3", replace(GOOD, ledger=(replace(TAKEN, currency="eur"),)), "the provider took [(2400, 'EUR')]"),
    ("I3", replace(GOOD, ledger=(replace(TAKEN, amount=2_399),)), "the provider took [(2399, 'USD')]"),
    ("I4", replace(GOOD, orders=(PAID, replace(PAID, id="o3"))), "cart c1 became 2 orders"),
    (
        "I4",
        replace(GOOD, attempts=(ATTEMPT, replace(ATTEMPT, id="a3", state="queued"))),
        "order o1 has 2 live attempts",
    ),
    ("I4", replace(GOOD, ledger=(TAKEN, replace(TAKEN, intent_id="pi_9"))), "attempt a1 made 2 PaymentIntents"),
    ("I5", replace(GOOD, stock=(replace(LEVEL, reserved=1),)), "variant 7: 1 are reserved, orders hold 0"),
    ("I5", replace(GOOD, stock=(replace(LEVEL, on_hand=9),)), "2 sold and 9 on hand are not the 10 that there were"),
    (
        "I5",
        replace(GOOD, stock=(replace(LEVEL, on_hand=1, reserved=2, initial=3),), reservations=(SOLD, RELEASED)),
        "variant 7: 2 of 1 are reserved",
    ),
    ("I5", replace(GOOD, reservations=(RELEASED,)), "order o1 (confirmed) is for {7: 2} and has {}"),
    (
        "I5",
        replace(GOOD, reservations=(SOLD, replace(RELEASED, state="held"))),
        "order o2 (canceled) is for {} and has",
    ),
    ("I6", with_order(total=2_401), "order o1: 2000 − 100 + 490 + 10 is not 2401"),
    ("I6", with_order(subtotal=2_001), "its lines are 2000 − 100, not 2001 − 100"),
    ("I6", with_order(lines=(replace(LINE, total=1_901),)), "order o1: a line does not add up"),
    ("I6", replace(GOOD, accepted={"c1": frozenset({2_300})}), "order o1 costs 2400; its buyer accepted [2300]"),
    ("I6", replace(GOOD, attempts=(replace(ATTEMPT, amount=1), NO)), "order o1 costs 2400; its attempt is for 1"),
    ("I7", replace(GOOD, edges=EDGES - {Edge("order", "pending", "confirmed")}), "pending → confirmed is not drawn"),
    ("I7", replace(GOOD, log=(*LOG[:4], *LOG[5:])), "attempt a1 is succeeded; the log ends with pending"),
    ("I7", replace(GOOD, log=(*LOG, Transition("order", "o1", "pending", "canceled"))), "follows confirmed"),
    ("I7", replace(GOOD, log=tuple(row for row in LOG if row.subject != "o2")), "order o2 is canceled and has no log"),
    ("I8", replace(GOOD, events=(*GOOD.events, EventFact("o1", "paid"))), "order o1: paid happened 2 times"),
    ("I8", replace(GOOD, log=(*LOG, LOG[4])), "attempt a1 became succeeded 2 times"),
    ("I8", replace(GOOD, mails=(TOLD, TOLD)), "mail payment_delayed:o1 was posted 2 times"),
    ("I8", replace(GOOD, mails=(TOLD, replace(TOLD, key="other"))), "order o1: 2 mails payment_delayed"),
    (
        "I8",
        replace(REFUNDED, ledger=(TAKEN, GIVEN_BACK, GIVEN_BACK)),
        "400 refunded by the record, 800 by the provider",
    ),
    ("I8", replace(REFUNDED, refunds=()), "0 refunded by the record, 400 by the provider"),
    ("I9", replace(GOOD, mails=(CONFIRMED,)), "order o1 was delayed and its buyer not told"),
    ("I9", replace(GOOD, alerted=0), "1 orders were delayed, on-call was told of 0"),
    ("I10", replace(GOOD, texts={"orders.note": "card 4242 4242 4242 4242 thanks"}), "orders.note holds a card number"),
    ("I10", replace(GOOD, card_places=("public.cart.note (0,7)",)), "public.cart.note (0,7) holds a card number"),
    ("I10", replace(GOOD, texts={"redis": '{"pan":"378282246310005"}'}), "redis holds a card number: 378282…0005"),
]


@pytest.mark.parametrize("facts", [GOOD, REFUNDED, Facts()], ids=["paid and refused", "refunded", "nothing"])
def test_a_good_shop_violates_nothing(facts: Facts) -> None:
    assert violations(facts) == []


@pytest.mark.parametrize(("name", "facts", "words"), PLANTED)
def test_a_planted_violation_is_named(name: str, facts: Facts, words: str) -> None:
    found = violations(facts)

    assert [each for each in found if each.startswith(f"{name}: ") and words in each], found


def test_every_invariant_has_a_planted_violation() -> None:
    assert {name for name, _, _ in PLANTED} == set(INVARIANTS)
    assert list(INVARIANTS) == [f"I{number}" for number in range(1, 11)]
