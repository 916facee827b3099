"""The reconciler against lost webhooks and damaged books: whatever follows from the provider's word is made good, the
rest is told to a person, within two runs.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import pytest

from app.checkout.reconcile_report import ReconcileReport
from app.core.ids import AttemptId
from app.core.money import Money
from app.payments.domain import AttemptState, PaymentOutcome
from app.payments.findings import FindingKind
from app.payments.refunds import RefundOutcome, RefundState
from tests.conftest import Servers
from tests.damaged_books import DAMAGES, FAILED, PAID, WAITING, Damage, damage, place, states
from tests.provider_stand import ProviderStand, provider_stand
from tests.shopkeeping import USD, ManualClock, Stocked

ORDERS = 60
LOST = 0.3  # of the webhooks


@pytest.fixture
async def stand(servers: Servers, tmp_path: Path, clock: ManualClock) -> AsyncIterator[ProviderStand]:
    async with provider_stand(servers, tmp_path, "reconcile", clock) as stand:
        yield stand


@pytest.fixture
async def mug(stand: ProviderStand) -> Stocked:
    return await stand.keeper.stock("Mug", on_hand=500, price="18.00")


async def send_some(stand: ProviderStand, chance: Random) -> Counter[str]:
    """Deliver all but LOST of the events that were held back; how many were sent and how many lost."""
    rows = (await stand.provider.http.get("/_emulator/webhooks")).json()["deliveries"]
    tally: Counter[str] = Counter()
    for row in rows:
        fate = "lost" if chance.random() < LOST else "sent"
        tally[fate] += 1
        if fate == "sent":
            await stand.control("webhooks/resend", {"event": row["event_id"]})
    await stand.until_delivered()
    return tally


async def findings(stand: ProviderStand) -> dict[UUID, set[str]]:
    """The kinds of what was found, by order."""
    by_order: dict[UUID, set[str]] = {}
    query = """
        SELECT coalesce(finding.order_id, attempt.order_id, named.order_id), kind FROM payment_finding AS finding
        LEFT JOIN payment_attempt AS attempt ON attempt.intent_id = finding.intent_id
        LEFT JOIN test_payment AS named ON named.intent_id = finding.intent_id"""
    for order_id, kind in await stand.rows(query):
        by_order.setdefault(UUID(str(order_id)), set()).add(kind)
    return by_order


async def run_twice(stand: ProviderStand, clock: ManualClock) -> list[ReconcileReport]:
    """Two runs, the worker's jobs between and after them, and a third run."""
    reports = []
    for _ in range(3):
        reports.append(await stand.shop.provider_desk.reconcile())
        await stand.settle_all(clock)
    return reports


async def remember_payments(stand: ProviderStand) -> None:
    """Which order each payment of the provider is for, whatever becomes of the books."""
    await stand.execute("CREATE TABLE IF NOT EXISTS test_payment (intent_id text PRIMARY KEY, order_id uuid)")
    entries = (await stand.provider.http.get("/_emulator/ledger")).json()["entries"]
    for row in entries:
        values = {"intent_id": row["payment_intent"], "order_id": UUID(row["metadata"]["order_id"])}
        await stand.execute(
            "INSERT INTO test_payment VALUES (:intent_id, :order_id) ON CONFLICT (intent_id) DO NOTHING", **values
        )


async def taken(stand: ProviderStand) -> dict[UUID, int]:
    """What the provider's own ledger says was taken for each order."""
    signs = {"charge_succeeded": 1, "refund": -1}
    total: Counter[UUID] = Counter()
    for row in (await stand.provider.http.get("/_emulator/ledger")).json()["entries"]:
        total[UUID(row["metadata"]["order_id"])] += signs.get(row["movement"], 0) * row["amount"]
    return dict(total)


# ------------------------------------------------------------------------------------------------ the tests


async def test_lost_webhooks_and_damaged_books_are_made_good_or_told_within_two_runs(
    stand: ProviderStand, mug: Stocked, clock: ManualClock
) -> None:
    chance = Random(7)
    await stand.fault("drop")
    kinds = ["paid"] * 30 + ["approved"] * 12 + ["declined"] * 8 + ["lost"] * 4 + ["processing"] * 3 + ["failing"] * 3
    kinds = [*kinds, "waiting", "waiting"]
    orders = [await place(stand, mug, how) for how in kinds]
    await stand.provider.heal()
    tally = await send_some(stand, chance)
    await remember_payments(stand)
    damaged: dict[UUID, Damage] = {}
    for how in (*DAMAGES, *DAMAGES):
        victim = chance.choice([each for each in orders if each.how == how.of and each.order_id not in damaged])
        if victim.how == "approved":
            await stand.settle_all(clock)  # it may not be known to be paid
        await damage(stand, mug, victim, how)
        damaged[victim.order_id] = how

    reports = await run_twice(stand, clock)

    assert (len(orders) >= ORDERS, len(damaged), len(DAMAGES) >= 10) == (True, 2 * len(DAMAGES), True)
    assert 0.2 < tally["lost"] / tally.total() < 0.4
    found, money = await findings(stand), await taken(stand)
    expected = {"paid": PAID, "approved": PAID, "lost": PAID, "processing": PAID, "waiting": WAITING}
    wrong = []
    for placed in orders:
        how = damaged.get(placed.order_id)
        becomes = how.becomes if how else expected.get(placed.how, FAILED)
        if found.get(placed.order_id, set()) != (how.told if how else set()):
            wrong.append((placed.how, how and how.name, found.get(placed.order_id)))
        if becomes is not None and await states(stand, placed) != becomes:
            wrong.append((placed.how, how and how.name, await states(stand, placed)))
        if becomes is not None and money.get(placed.order_id, 0) != (2_290 if becomes == PAID else 0):
            wrong.append((placed.how, how and how.name, money.get(placed.order_id, 0)))
    assert wrong == []
    assert reports[0].failed == reports[1].failed == 0
    assert reports[0].repaired
    assert (dict(reports[2].repaired), reports[2].found, reports[2].failed) == ({}, [], 0)
    assert reports[2].is_clean
    assert reports[2].known > 0
    held = "SELECT count(*) FROM reservation WHERE state = 'held'"
    assert await stand.rows(held) == [(kinds.count("waiting"),)]


@pytest.mark.parametrize("how", DAMAGES, ids=lambda how: how.name)
async def test_books_of_payments_that_are_not_listed_any_more_are_looked_at_too(
    stand: ProviderStand, mug: Stocked, clock: ManualClock, how: Damage
) -> None:
    placed = await place(stand, mug, how.of)
    await stand.until_delivered()
    await stand.settle_all(clock)
    await remember_payments(stand)
    await damage(stand, mug, placed, how)

    with clock.turned(timedelta(days=3)):
        reports = await run_twice(stand, clock)
        in_the_end = await states(stand, placed)

    told = (await findings(stand)).get(placed.order_id, set())
    assert [report.payments for report in reports] == [0, 0, 0]
    assert told == how.told - {FindingKind.PAID_WITHOUT_ATTEMPT.value}  # which only the list can tell
    if how.becomes not in (None, WAITING):
        assert in_the_end == how.becomes
    assert reports[2].is_clean


async def test_an_open_attempt_that_lost_its_job_has_one_again(
    stand: ProviderStand, mug: Stocked, clock: ManualClock
) -> None:
    placed = [await place(stand, mug, "waiting") for _ in range(2)]
    await stand.until_delivered()
    lost_both, _ = placed
    await damage(stand, mug, lost_both, next(how for how in DAMAGES if how.of == "waiting"))
    await stand.execute("DELETE FROM jobs.job WHERE entrypoint = 'settle_payment'")

    report = await stand.shop.provider_desk.reconcile()

    query = """
        SELECT job.execute_after, attempt.check_at FROM payment_attempt AS attempt
        JOIN jobs.job ON dedupe_key = 'settle_payment:' || attempt.id WHERE attempt.id = :id"""
    jobs = [(await stand.rows(query, id=each.attempt_id))[0] for each in placed]
    assert (report.open_attempts, dict(report.repaired)) == (2, {"asked": 1})
    assert all(job_at == check_at for job_at, check_at in jobs)
    assert all(check_at < clock.now() + timedelta(hours=1) for _, check_at in jobs)


async def test_a_refund_whose_webhook_was_lost_is_read(stand: ProviderStand, mug: Stocked, clock: ManualClock) -> None:
    placed = await place(stand, mug, "paid")
    await stand.until_delivered()
    await stand.fault("drop")
    [(intent_id,)] = await stand.rows("SELECT intent_id FROM payment_attempt WHERE id = :id", id=placed.attempt_id)
    headers = {"authorization": "Bearer sk_test_emulator"}
    for _ in range(2):
        values = {"payment_intent": intent_id, "amount": "500"}
        assert (await stand.provider.http.post("/v1/refunds", data=values, headers=headers)).is_success

    reports = await run_twice(stand, clock)

    assert await stand.rows("SELECT state, amount_minor FROM refund") == [("succeeded", 500)] * 2
    assert (await states(stand, placed))[1] == "partially_refunded"
    assert dict(reports[0].repaired) == {"refunds read": 1}
    assert reports[1].is_clean


async def test_a_refund_that_the_provider_does_not_have_is_told(
    stand: ProviderStand, mug: Stocked, clock: ManualClock
) -> None:
    placed = await place(stand, mug, "paid")
    await stand.until_delivered()
    await remember_payments(stand)
    await stand.execute(
        "INSERT INTO refund (id, order_id, attempt_id, intent_id, currency, amount_minor, state, reason,"
        " provider_id, created_at,"
        " updated_at) SELECT gen_random_uuid(), order_id, id, intent_id, currency, 700, 'succeeded', 'never',"
        " 're_never', now(),"
        " now() FROM payment_attempt WHERE id = :id",
        id=placed.attempt_id,
    )

    reports = await run_twice(stand, clock)

    assert await findings(stand) == {placed.order_id: {"refunds_differ"}}
    assert reports[0].found[0].detail == ("7.00 USD given back and 0.00 USD under way, and the provider says 0.00 USD")
    assert reports[2].is_clean


async def test_a_charge_for_an_order_that_has_ended_is_given_back(
    stand: ProviderStand, mug: Stocked, clock: ManualClock
) -> None:
    await stand.fault("drop")
    placed = await place(stand, mug, "waiting")
    canceled = PaymentOutcome(AttemptState.CANCELED, None, Money(2_290, USD))
    await stand.shop.provider_desk.receive_event.settle(AttemptId(placed.attempt_id), canceled)
    [(secret,)] = await stand.rows("SELECT client_secret FROM payment_attempt WHERE id = :id", id=placed.attempt_id)
    await stand.provider.answer_bank(secret, "succeed")

    first = await stand.shop.provider_desk.reconcile()
    [(refund_id,)] = await stand.rows("SELECT id FROM refund")
    between = await stand.shop.provider_desk.reconcile()
    await stand.shop.refund_payment(refund_id)
    after = await stand.shop.provider_desk.reconcile()

    assert await taken(stand) == {placed.order_id: 0}
    assert dict(first.repaired) == {"settled": 1}
    assert between.is_clean
    assert after.is_clean


async def test_a_charge_that_cannot_be_given_back_is_told_to_a_person(
    stand: ProviderStand, mug: Stocked, clock: ManualClock
) -> None:
    await stand.fault("drop")
    placed, desk = await place(stand, mug, "waiting"), stand.shop.provider_desk
    total = Money(2_290, USD)
    canceled = PaymentOutcome(AttemptState.CANCELED, None, total)
    await desk.receive_event.settle(AttemptId(placed.attempt_id), canceled)
    [(secret,)] = await stand.rows("SELECT client_secret FROM payment_attempt WHERE id = :id", id=placed.attempt_id)
    await stand.provider.answer_bank(secret, "succeed")
    await desk.reconcile()
    [(refund_id, intent_id)] = await stand.rows("SELECT id, intent_id FROM refund")
    refused = RefundOutcome(RefundState.FAILED, total, None, intent_id, refund_id, "refused")
    await desk.receive_event.settle_refund(refund_id, refused)

    reports = [await desk.reconcile() for _ in range(2)]

    assert [dict(report.repaired) for report in reports] == [{}, {}]
    told = [[finding.kind for finding in report.found] for report in reports]
    assert told == [[FindingKind.CANCELED_BUT_PAID], []]


async def test_two_workers_at_once_repair_everything_once(
    stand: ProviderStand, mug: Stocked, clock: ManualClock
) -> None:
    await stand.fault("drop")
    orders = [await place(stand, mug, how) for how in ["approved"] * 6 + ["paid"] * 4]
    await stand.execute("UPDATE payment_attempt SET check_at = check_at + interval '1 hour' WHERE check_at IS NOT NULL")
    for placed in orders[6:]:
        await damage(stand, mug, placed, DAMAGES[8])

    reports = await asyncio.gather(*(stand.shop.provider_desk.reconcile() for _ in range(2)))

    assert [await states(stand, placed) for placed in orders[:6]] == [PAID] * 6
    assert sum(report.repaired["settled"] for report in reports) == 6
    assert sum(len(report.found) for report in reports) == 4
    paid = "SELECT count(*) FROM order_event WHERE kind = 'paid'"
    assert await stand.rows(paid) == [(10,)]
    assert await stand.keeper.level(mug.variant_id) == (490, 0)


async def test_books_that_move_on_while_the_provider_is_asked_are_left_alone(
    stand: ProviderStand, mug: Stocked, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stand.fault("drop")
    placed = await place(stand, mug, "approved")
    provider = stand.shop.gateway
    ask: Callable[[str], Any] = provider.payment

    async def ask_and_be_overtaken(intent_id: str) -> Any:
        payment = await ask(intent_id)
        await stand.settle_all(clock)
        return payment

    monkeypatch.setattr(provider, "payment", ask_and_be_overtaken)
    report = await stand.shop.provider_desk.reconcile()

    assert (report.moved_on, dict(report.repaired), report.found) == (1, {}, [])
    assert await states(stand, placed) == PAID


async def test_a_payment_that_nobody_waits_for_is_ended(stand: ProviderStand, mug: Stocked, clock: ManualClock) -> None:
    await stand.fault("drop")
    placed = await place(stand, mug, "waiting")
    await damage(
        stand,
        mug,
        placed,
        Damage(
            "an attempt is canceled while the bank waits",
            "waiting",
            (
                "UPDATE payment_attempt SET state = 'canceled', check_at = NULL WHERE id = :attempt_id",
                "UPDATE orders SET status = 'canceled', payment_status = 'failed' WHERE id = :order_id",
            ),
        ),
    )

    reports = await run_twice(stand, clock)

    entries = (await stand.provider.http.get("/_emulator/ledger")).json()["entries"]
    assert [row["movement"] for row in entries] == ["cancel"]
    assert reports[0].repaired["ended"] == 1
    assert reports[2].is_clean


async def test_a_shop_in_order_has_nothing_to_be_done(stand: ProviderStand, mug: Stocked) -> None:
    for how in ("paid", "declined"):
        await place(stand, mug, how)
    await stand.until_delivered()

    report = await stand.shop.provider_desk.reconcile()

    assert report.is_clean
    assert (report.payments, report.open_attempts, report.known) == (2, 0, 0)


async def test_more_payments_than_a_page_are_compared(stand: ProviderStand) -> None:
    headers = {"authorization": "Bearer sk_test_emulator"}
    values = {"amount": "100", "currency": "usd", "confirm": "true", "payment_method": "pm_card_visa"}
    values |= {"return_url": "https://shop.test"}
    for _ in range(230):
        answer = await stand.provider.http.post("/v1/payment_intents", data=values, headers=headers)
        assert answer.status_code == 200

    report = await stand.shop.provider_desk.reconcile()

    assert report.payments == 230
    assert {finding.kind for finding in report.found} == {FindingKind.PAID_WITHOUT_ATTEMPT}
    assert len(report.found) == 230
