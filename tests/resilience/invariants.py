"""I1 to I10: what holds after every run, whatever broke in it. Each is a function from facts to readable violations."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator

from app.core.state_machine import BEGIN
from tests.resilience.facts import PAID_STATES, Facts, MoneyFact, OrderFact, Transition

ENDED_WITHOUT_MONEY = frozenset({"failed", "canceled"})
TAKES = frozenset({"charge_succeeded", "capture"})
SIGNS = {"charge_succeeded": 1, "capture": 1, "refund": -1, "refund_failed": 1}  # disputes are between bank and shop
ONCE_PER_ORDER = frozenset({"placed", "paid"})  # events of an order's timeline
ONCE_MAILED = frozenset({"order_confirmed", "payment_delayed", "payment_succeeded", "payment_failed", "order_canceled"})
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")  # by chance, parts of one are all digits
_DIGITS = re.compile(r"(?<![0-9A-Za-z])\d(?:[ -]?\d){12,18}(?![0-9A-Za-z])")


def violations(facts: Facts) -> list[str]:
    """Everything that does not hold."""
    return [f"{name}: {found}" for name, check in INVARIANTS.items() for found in check(facts)]


def never_charged_too_much(facts: Facts) -> Iterator[str]:
    """I1. No order is charged more than its total, net of refunds; one that is canceled, what could not go back."""
    owed = {order.id: order.total for order in facts.orders if order.status != "canceled"}
    not_given_back: Counter[str] = Counter()
    for refund in facts.refunds:
        not_given_back[refund.order_id] += refund.amount if refund.state == "failed" else 0
    for order_id, taken in _taken_by_order(facts).items():
        may_be = owed.get(order_id, not_given_back[order_id])
        if taken > may_be:
            yield f"order {order_id} may cost {may_be} and was charged {taken}"


def no_money_without_a_paid_order(facts: Facts) -> Iterator[str]:
    """I2. No succeeded PaymentIntent without an order that says paid; what was given back whole is no longer one."""
    orders = {order.id: order for order in facts.orders}
    for intent_id, entries in _intents(facts).items():
        order = orders.get(entries[0].order_id or "")
        if _net(entries) > 0 and (order is None or order.payment_status not in PAID_STATES):
            said = "there is no such order" if order is None else f"it says {order.status}, {order.payment_status}"
            yield f"{intent_id} has taken {_net(entries)} for order {entries[0].order_id}: {said}"


def no_paid_order_without_money(facts: Facts) -> Iterator[str]:
    """I3. No paid order without a succeeded PaymentIntent of the same amount and currency."""
    taken: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for entry in facts.ledger:
        if entry.movement in TAKES:
            taken[entry.order_id or ""].append((entry.amount, entry.currency.upper()))
    for order in facts.orders:
        owed = (order.total, order.currency)
        if order.payment_status in PAID_STATES and order.total and owed not in taken[order.id]:
            if _is_refund_of_nothing_owed(order, taken[order.id]):
                continue
            yield f"order {order.id} says {order.payment_status}, {owed}; the provider took {taken[order.id]}"


def _is_refund_of_nothing_owed(order: OrderFact, taken: list[tuple[int, str]]) -> bool:
    return order.payment_status == "refunded" and order.status == "canceled" and bool(taken)


def one_order_and_one_live_attempt(facts: Facts) -> Iterator[str]:
    """I4. One order per cart, at most one live attempt per order, and one PaymentIntent per attempt."""
    carts = Counter(order.cart_id for order in facts.orders if order.status != "canceled")
    yield from (f"cart {cart_id} became {count} orders" for cart_id, count in carts.items() if count > 1)
    live = Counter(attempt.order_id for attempt in facts.attempts if attempt.state not in ENDED_WITHOUT_MONEY)
    yield from (f"order {order_id} has {count} live attempts" for order_id, count in live.items() if count > 1)
    intents: dict[str | None, set[str]] = defaultdict(set)
    for entry in facts.ledger:
        intents[entry.attempt_id].add(entry.intent_id)
    for attempt_id, found in intents.items():
        if len(found) > 1:
            yield f"attempt {attempt_id} made {len(found)} PaymentIntents: {sorted(found)}"


def never_oversold(facts: Facts) -> Iterator[str]:
    """I5. Sold and on hand are what there was, active reservations are what is reserved, nothing is below zero."""
    units: Counter[tuple[int, str]] = Counter()
    for held in facts.reservations:
        units[held.variant_id, held.state] += held.quantity
    for level in facts.stock:
        sold, active = units[level.variant_id, "sold"], units[level.variant_id, "held"]
        name = f"variant {level.variant_id}"
        if level.reserved != active:
            yield f"{name}: {level.reserved} are reserved, orders hold {active}"
        if level.initial is not None and level.on_hand + sold != level.initial:
            yield f"{name}: {sold} sold and {level.on_hand} on hand are not the {level.initial} that there were"
        if level.reserved < 0 or (level.denies and level.reserved > level.on_hand):
            yield f"{name}: {level.reserved} of {level.on_hand} are reserved"
    yield from _orders_without_their_units(facts)


def _orders_without_their_units(facts: Facts) -> Iterator[str]:
    """Orders that are alive and hold, or have been sold, other units than their lines name."""
    alive = {order.id for order in facts.orders if order.status != "canceled"}  # staff may take units back from one
    by_order: dict[str, Counter[int]] = defaultdict(Counter)
    for held in facts.reservations:
        if held.state in ("held", "sold") or (held.state == "returned" and held.order_id in alive):
            by_order[held.order_id][held.variant_id] += held.quantity
    tracked = {level.variant_id for level in facts.stock}
    for order in facts.orders:
        wanted: Counter[int] = Counter()
        for line in order.lines:
            wanted[line.variant_id] += line.quantity if line.variant_id in tracked else 0
        wanted = +wanted if order.status != "canceled" else Counter()
        if wanted != by_order[order.id]:
            yield f"order {order.id} ({order.status}) is for {dict(wanted)} and has {dict(by_order[order.id])}"


def totals_add_up(facts: Facts) -> Iterator[str]:
    """I6. Lines − discounts + shipping + tax = total, and the total is what the buyer accepted."""
    amounts = {attempt.order_id: attempt.amount for attempt in facts.attempts}
    for order in facts.orders:
        if any(line.quantity * line.unit_price - line.discount != line.total for line in order.lines):
            yield f"order {order.id}: a line does not add up"
        gross = sum(line.quantity * line.unit_price for line in order.lines)
        off = sum(line.discount for line in order.lines)
        if (gross, off) != (order.subtotal, order.discount):
            yield f"order {order.id}: its lines are {gross} − {off}, not {order.subtotal} − {order.discount}"
        if gross - off + order.shipping + order.tax != order.total:
            yield f"order {order.id}: {gross} − {off} + {order.shipping} + {order.tax} is not {order.total}"
        accepted = facts.accepted.get(order.cart_id)
        if accepted is not None and order.total not in accepted:
            yield f"order {order.id} costs {order.total}; its buyer accepted {sorted(accepted)}"
        if amounts.get(order.id, order.total) != order.total:
            yield f"order {order.id} costs {order.total}; its attempt is for {amounts[order.id]}"


def every_transition_is_drawn(facts: Facts) -> Iterator[str]:
    """I7. Every row of the state log is an allowed edge, follows the row before it, and the last one is the state."""
    now = _states_now(facts)
    last: dict[tuple[str, str], str] = {}
    for row in facts.log:
        if (row.machine, row.before, row.after) not in facts.edges:
            yield f"{row.machine} {row.subject}: {row.before} → {row.after} is not drawn"
        if row.before != last.get((row.machine, row.subject), BEGIN):
            yield f"{row.machine} {row.subject}: {_words(row)} follows {last.get((row.machine, row.subject), BEGIN)}"
        last[row.machine, row.subject] = row.after
    for subject, state in last.items():
        if subject in now and now[subject] != state:
            yield f"{' '.join(subject)} is {now[subject]}; the log ends with {state}"
    if facts.log:
        yield from (f"{' '.join(subject)} is {now[subject]} and has no log" for subject in now.keys() - last.keys())


def _words(row: Transition) -> str:
    return f"{row.before} → {row.after}"


def _states_now(facts: Facts) -> dict[tuple[str, str], str]:
    orders, attempts, refunds = facts.orders, facts.attempts, facts.refunds
    return {
        **{("order", order.id): order.status for order in orders},
        **{("order_payment", order.id): order.payment_status for order in orders},
        **{("attempt", attempt.id): attempt.state for attempt in attempts},
        **{("refund", refund.id): refund.state for refund in refunds},
    }


def effects_happen_once(facts: Facts) -> Iterator[str]:
    """I8. An event's effect happens once, even under different event ids."""
    kinds = Counter((event.order_id, event.kind) for event in facts.events)
    for (order_id, kind), count in kinds.items():
        if kind in ONCE_PER_ORDER and count > 1:
            yield f"order {order_id}: {kind} happened {count} times"
    ended = Counter((row.machine, row.subject, row.after) for row in facts.log if row.before != row.after)
    for (machine, subject, state), count in ended.items():
        if machine == "attempt" and state in {"succeeded", *ENDED_WITHOUT_MONEY} and count > 1:
            yield f"attempt {subject} became {state} {count} times"
    keys = Counter(mail.key for mail in facts.mails)
    yield from (f"mail {key} was posted {count} times" for key, count in keys.items() if count > 1)
    templates = Counter((mail.order_id, mail.template) for mail in facts.mails)
    for (order_id, template), count in templates.items():
        if template in ONCE_MAILED and count > 1:
            yield f"order {order_id}: {count} mails {template}"
    yield from _refunds_that_differ(facts)


def _refunds_that_differ(facts: Facts) -> Iterator[str]:
    """Refunds that the provider made more or less of than the shop has recorded as made."""
    recorded: Counter[str] = Counter()
    for refund in facts.refunds:
        recorded[refund.order_id] += refund.amount if refund.state == "succeeded" else 0
    given: Counter[str] = Counter()
    for entry in facts.ledger:
        if entry.movement in ("refund", "refund_failed"):
            given[entry.order_id or ""] -= SIGNS[entry.movement] * entry.amount
    for order_id in recorded.keys() | given.keys():
        if recorded[order_id] != given[order_id]:
            yield f"order {order_id}: {recorded[order_id]} refunded by the record, {given[order_id]} by the provider"


def delays_are_told(facts: Facts) -> Iterator[str]:
    """I9. Every delayed order has a customer notice and an alert."""
    delayed = {row.subject for row in facts.log if row.machine == "order_payment" and row.after == "delayed"}
    told = {mail.order_id for mail in facts.mails if mail.template == "payment_delayed"}
    yield from (f"order {order_id} was delayed and its buyer not told" for order_id in sorted(delayed - told))
    if len(delayed) > facts.alerted:
        yield f"{len(delayed)} orders were delayed, on-call was told of {facts.alerted}"


def no_card_numbers(facts: Facts) -> Iterator[str]:
    """I10. No Luhn-valid run of 13 to 19 digits anywhere."""
    yield from (f"{place} holds a card number" for place in facts.card_places)
    for source, text in facts.texts.items():
        for found in _DIGITS.finditer(_UUID.sub("…", text)):
            digits = re.sub(r"\D", "", found[0])
            if _is_luhn_valid(digits):
                yield f"{source} holds a card number: {digits[:6]}…{digits[-4:]}"


def _is_luhn_valid(digits: str) -> bool:
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return sum(number - 9 if number > 9 else number for number in doubled) % 10 == 0 and len(set(digits)) > 1


def _intents(facts: Facts) -> dict[str, list[MoneyFact]]:
    by_intent: dict[str, list[MoneyFact]] = defaultdict(list)
    for entry in facts.ledger:
        by_intent[entry.intent_id].append(entry)
    return by_intent


def _net(entries: list[MoneyFact]) -> int:
    return sum(SIGNS.get(entry.movement, 0) * entry.amount for entry in entries)


def _taken_by_order(facts: Facts) -> dict[str, int]:
    taken: Counter[str] = Counter()
    for entry in facts.ledger:
        taken[entry.order_id or ""] += SIGNS.get(entry.movement, 0) * entry.amount
    return dict(taken)


INVARIANTS: dict[str, Callable[[Facts], Iterator[str]]] = {
    "I1": never_charged_too_much,
    "I2": no_money_without_a_paid_order,
    "I3": no_paid_order_without_money,
    "I4": one_order_and_one_live_attempt,
    "I5": never_oversold,
    "I6": totals_add_up,
    "I7": every_transition_is_drawn,
    "I8": effects_happen_once,
    "I9": delays_are_told,
    "I10": no_card_numbers,
}
