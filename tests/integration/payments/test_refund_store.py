"""Refunds on the real tables: what is stored, what is refused, and what is logged."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from app.bootstrap import Shop
from app.checkout.refund_order import begin_refund
from app.core.errors import InvalidInput
from app.core.ids import RefundId, decode
from app.core.money import Currency, Money
from app.payments.domain import PaymentAttempt
from app.payments.refunds import Refund, RefundState
from tests.shopkeeping import Api, Shopkeeper

USD = Currency("USD")


@pytest.fixture
async def paid(api: Api, shop: Shop, keeper: Shopkeeper) -> PaymentAttempt:
    """The payment of an order of 40.90."""
    mug = await keeper.stock("Mug", price="18.00")
    outcome = await api.checkout(await api.ready_cart((mug.variant_id, 2)))
    key: Any = decode(outcome["attempt"]["id"])[1]
    async with shop.transactions.read() as tx:
        found = await tx.attempts.find(key)
    assert found is not None
    return found


def refund_of(shop: Shop, paid: PaymentAttempt, minor: int = 1_000, **values: Any) -> Refund:
    now = shop.clock.now()
    plain = {
        "id": RefundId(uuid.uuid4()),
        "order_id": paid.order_id,
        "attempt_id": paid.id,
        "intent_id": paid.intent_id,
        "amount": Money(minor, USD),
        "state": RefundState.PENDING,
        "reason": "because",
        "created_at": now,
        "updated_at": now,
    }
    return Refund(**(plain | values))


async def insert(shop: Shop, *refunds: Refund) -> None:
    async with shop.transactions.begin() as tx:
        for each in refunds:
            await tx.refunds.insert(each)


async def save(shop: Shop, refund: Refund) -> None:
    async with shop.transactions.begin() as tx:
        await tx.refunds.save(refund)


async def test_a_refund_is_read_back_as_it_was_stored(shop: Shop, paid: PaymentAttempt) -> None:
    refund = refund_of(shop, paid)
    await insert(shop, refund)
    ended = replace(
        refund,
        state=RefundState.FAILED,
        provider_id=f"re_{refund.id.hex}",
        failure="lost",
        sent_at=refund.created_at,
        updated_at=refund.created_at + timedelta(seconds=3),
    )
    await save(shop, ended)

    async with shop.transactions.read() as tx:
        assert await tx.refunds.find(refund.id) == ended
        assert await tx.refunds.find_by_provider_id(ended.provider_id or "") == ended
        assert await tx.refunds.of_attempt(paid.id) == [ended]
        assert await tx.refunds.find(RefundId(uuid.uuid4())) is None
        assert await tx.attempts.find_by_intent(paid.intent_id or "") == paid
        assert await tx.attempts.of_order(paid.order_id) == [paid]


async def test_refunds_wait_from_when_they_were_last_touched(shop: Shop, paid: PaymentAttempt) -> None:
    long_ago = shop.clock.now() - timedelta(days=30)
    older, newer, ended = [
        refund_of(shop, paid, 10, updated_at=long_ago + timedelta(minutes=number)) for number in range(3)
    ]
    await insert(shop, newer, older, ended)
    await save(shop, replace(ended, state=RefundState.FAILED))

    async with shop.transactions.read() as tx:
        waiting = await tx.refunds.waiting(before=long_ago + timedelta(hours=1), limit=10)
        first = await tx.refunds.waiting(before=long_ago + timedelta(hours=1), limit=1)

    assert [each for each in waiting if each in (older.id, newer.id, ended.id)] == [older.id, newer.id]
    assert len(first) == 1


@pytest.mark.parametrize("amounts", [(4_091,), (4_000, 91), (2_000, 2_000, 91)])
async def test_the_database_refuses_more_than_was_paid(
    shop: Shop, paid: PaymentAttempt, amounts: tuple[int, ...]
) -> None:
    with pytest.raises(IntegrityError, match="refunds of the payment come to 4091 USD, it was 4090 USD"):
        await insert(shop, *(refund_of(shop, paid, minor) for minor in amounts))

    async with shop.transactions.read() as tx:
        assert await tx.refunds.of_attempt(paid.id) == []


async def test_the_database_refuses_more_than_was_paid_by_a_change_too(shop: Shop, paid: PaymentAttempt) -> None:
    refund = refund_of(shop, paid)
    await insert(shop, refund)

    with pytest.raises(IntegrityError, match="come to 4091"):
        await save(shop, replace(refund, amount=Money(4_091, USD)))
    with pytest.raises(IntegrityError, match="EUR"):
        await save(shop, replace(refund, amount=Money(1, Currency("EUR"))))


async def test_what_has_failed_leaves_room(shop: Shop, paid: PaymentAttempt) -> None:
    refund = refund_of(shop, paid, 4_090)
    await insert(shop, refund)
    await save(shop, replace(refund, state=RefundState.FAILED))

    await insert(shop, refund_of(shop, paid, 4_090))

    with pytest.raises(IntegrityError, match="state_change_machine_fkey"):  # a failed one does not come back
        await save(shop, refund)


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ({"amount": Money(0, USD)}, "refund_amount_positive_check"),
        ({"amount": Money(-1, USD)}, "refund_amount_positive_check"),
        ({"state": RefundState.SUCCEEDED}, "refund_made_at_the_provider_check"),
        ({"state": RefundState.FAILED}, "state_change_machine_fkey"),
        ({"attempt_id": uuid.UUID(int=404)}, "refund_attempt_id_fkey"),
        ({"order_id": uuid.UUID(int=404)}, "refund_order_id_fkey"),
    ],
)
async def test_the_database_refuses_what_is_no_refund(
    shop: Shop, paid: PaymentAttempt, values: dict[str, Any], constraint: str
) -> None:
    with pytest.raises(IntegrityError, match=constraint):
        await insert(shop, refund_of(shop, paid, **values))


async def test_two_refunds_do_not_share_the_providers_name(shop: Shop, paid: PaymentAttempt) -> None:
    name = f"re_{uuid.uuid4().hex}"

    with pytest.raises(IntegrityError, match="refund_provider_id_key"):
        await insert(shop, *(refund_of(shop, paid, provider_id=name) for _ in "ab"))


async def test_without_any_lock_refunds_at_once_come_to_no_more_than_was_paid(shop: Shop, paid: PaymentAttempt) -> None:
    refunds = [refund_of(shop, paid, 1_000) for _ in range(8)]

    ended = await asyncio.gather(*(insert(shop, each) for each in refunds), return_exceptions=True)

    assert [each for each in ended if each is not None and not isinstance(each, IntegrityError)] == []
    assert ended.count(None) == 4
    async with shop.transactions.read() as tx:
        assert sum(each.amount.minor for each in await tx.refunds.of_attempt(paid.id)) == 4_000


async def test_refunds_that_are_begun_at_once_are_told_what_is_left(shop: Shop, paid: PaymentAttempt) -> None:
    async def begin() -> Refund:
        return await shop.refund_order(paid.order_id, Money(1_500, USD), reason="x")

    begun = await asyncio.gather(*(begin() for _ in range(8)), return_exceptions=True)

    assert [type(each) for each in begun].count(Refund) == 2
    assert [type(each) for each in begun].count(InvalidInput) == 6
    async with shop.database.read_fresh() as connection:
        query = text("SELECT count(*) FROM jobs.job WHERE dedupe_key = ANY(:keys)")
        keys = [f"refund_payment:{each.id}" for each in begun if isinstance(each, Refund)]
        assert await connection.scalar(query, {"keys": keys}) == 2


async def test_a_refund_that_is_rolled_back_leaves_no_job(shop: Shop, paid: PaymentAttempt) -> None:
    refund_id = RefundId(uuid.uuid4())

    async def begin_and_fail() -> None:
        async with shop.transactions.begin() as tx:
            await begin_refund(tx, paid, Money(1, USD), refund_id=refund_id, reason="x", now=shop.clock.now())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await begin_and_fail()

    async with shop.transactions.read() as tx, shop.database.read_fresh() as connection:
        query = text("SELECT count(*) FROM jobs.job WHERE dedupe_key = :key")
        assert await connection.scalar(query, {"key": f"refund_payment:{refund_id}"}) == 0
        assert await tx.refunds.find(refund_id) is None


async def test_the_states_of_a_refund_are_logged(shop: Shop, paid: PaymentAttempt) -> None:
    refund = refund_of(shop, paid)
    await insert(shop, refund)
    made = replace(refund, state=RefundState.SUCCEEDED, provider_id=f"re_{refund.id.hex}")
    await save(shop, made)
    await save(shop, replace(made, state=RefundState.FAILED))

    async with shop.database.read_fresh() as connection:
        query = text("SELECT before, after FROM state_change WHERE machine = 'refund' AND subject = :id ORDER BY id")
        logged = [tuple(row) for row in await connection.execute(query, {"id": str(refund.id)})]

    assert logged == [("", "pending"), ("pending", "succeeded"), ("succeeded", "failed")]
