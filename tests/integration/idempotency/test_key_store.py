"""Keyed calls on the real table: claimed once, answered once, forgotten in time."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.bootstrap import Shop
from app.core.errors import ClientError, ErrorCode, OutOfStock
from app.idempotency.domain import Effect, Kept, KeyedCall

NOW = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
FIRST, OTHER = b'{"first":1}', b'{"other":2}'


@pytest.fixture
def call() -> KeyedCall:
    return KeyedCall(scope=uuid.uuid4().bytes, key="key", input_digest=b"input", answer_digest=b"selection")


async def claim(shop: Shop, call: KeyedCall, *, now: datetime = NOW, subject: uuid.UUID | None = None) -> Effect | None:
    async with shop.transactions.begin() as tx:
        return await tx.keys.claim(call, now=now, subject=subject)


async def keep(shop: Shop, call: KeyedCall, answer: bytes, *, has_effect: bool, now: datetime = NOW) -> bytes | Kept:
    async with shop.transactions.read() as tx:
        return await tx.keys.keep_answer(call, answer, now=now, has_effect=has_effect)


async def find(shop: Shop, call: KeyedCall, *, now: datetime = NOW) -> bytes | None:
    async with shop.transactions.read() as tx:
        return await tx.keys.find_answer(call, now=now)


async def refusal(shop: Shop, call: KeyedCall) -> ErrorCode:
    with pytest.raises(ClientError) as caught:
        await claim(shop, call)
    return caught.value.code


async def test_a_second_claim_learns_what_the_first_did(shop: Shop, call: KeyedCall) -> None:
    subject, fault = uuid.uuid4(), OutOfStock(variant_id=7, requested=3, available=1, applied=1)
    async with shop.transactions.begin() as tx:
        assert await tx.keys.claim(call, now=NOW, subject=subject) is None
        await tx.keys.note(call, [fault])

    earlier = await claim(shop, call)

    assert earlier is not None
    assert earlier.subject == subject
    assert [vars(each) for each in earlier.faults] == [vars(fault)]


async def test_another_input_is_refused_and_another_scope_is_another_call(shop: Shop, call: KeyedCall) -> None:
    await claim(shop, call)

    assert await refusal(shop, replace(call, input_digest=b"else")) is ErrorCode.IDEMPOTENCY_KEY_REUSED
    assert await claim(shop, replace(call, scope=uuid.uuid4().bytes)) is None


async def test_a_claim_that_is_rolled_back_never_was(shop: Shop, call: KeyedCall) -> None:
    async def fail() -> None:
        async with shop.transactions.begin() as tx:
            await tx.keys.claim(call, now=NOW)
            raise KeyError

    with pytest.raises(KeyError):
        await fail()

    assert await claim(shop, call) is None


async def test_a_claim_waits_for_the_one_that_is_not_over(shop: Shop, call: KeyedCall) -> None:
    async with shop.transactions.begin() as tx:
        await tx.keys.claim(call, now=NOW)
        second = asyncio.create_task(claim(shop, call))
        await asyncio.sleep(0)
        assert not second.done()

    assert await second == Effect()


async def test_the_first_answer_to_an_effect_is_everybodys(shop: Shop, call: KeyedCall) -> None:
    await claim(shop, call)

    assert await find(shop, call) is None
    assert await keep(shop, call, FIRST, has_effect=True) is Kept.OURS
    assert await keep(shop, call, OTHER, has_effect=True) == FIRST
    assert await find(shop, call) == FIRST


async def test_another_selection_keeps_nothing_and_is_sent(shop: Shop, call: KeyedCall) -> None:
    other = replace(call, answer_digest=b"another selection")
    await claim(shop, call)
    await keep(shop, call, FIRST, has_effect=True)

    assert await find(shop, other) is None
    assert await keep(shop, other, OTHER, has_effect=True) is Kept.OURS
    assert await find(shop, call) == FIRST


async def test_a_refusal_is_kept_unless_another_call_took_effect_meanwhile(shop: Shop, call: KeyedCall) -> None:
    refused = replace(call, key="refused")

    assert await keep(shop, refused, FIRST, has_effect=False) is Kept.OURS
    assert await keep(shop, refused, OTHER, has_effect=False) == FIRST
    assert await refusal(shop, refused) is ErrorCode.IDEMPOTENCY_KEY_REUSED
    await claim(shop, call)
    assert await keep(shop, call, OTHER, has_effect=False) is Kept.SUPERSEDED
    await keep(shop, call, FIRST, has_effect=True)
    assert await keep(shop, call, OTHER, has_effect=False) == FIRST


async def test_an_answer_about_a_key_of_another_input_is_sent_and_not_kept(shop: Shop, call: KeyedCall) -> None:
    await claim(shop, call)
    await keep(shop, call, FIRST, has_effect=True)

    assert await keep(shop, replace(call, input_digest=b"else"), OTHER, has_effect=False) is Kept.OURS
    assert await find(shop, call) == FIRST


async def test_a_key_is_free_again_after_24_hours(shop: Shop, call: KeyedCall) -> None:
    await claim(shop, call, subject=uuid.uuid4())
    await keep(shop, call, FIRST, has_effect=True)
    later = NOW + timedelta(hours=24, seconds=1)

    assert await find(shop, call, now=NOW + timedelta(hours=24)) == FIRST
    assert await find(shop, call, now=later) is None
    assert await claim(shop, replace(call, input_digest=b"else"), now=later) is None
    assert await claim(shop, replace(call, input_digest=b"else"), now=later) == Effect()


async def test_old_calls_are_forgotten_oldest_first(shop: Shop, call: KeyedCall) -> None:
    long_ago = datetime(1999, 1, 1, tzinfo=UTC)
    calls = [replace(call, key=str(number)) for number in range(3)]
    for number, each in enumerate(calls):
        await claim(shop, each, now=long_ago + timedelta(days=number))

    async with shop.transactions.begin() as tx:
        forgotten = await tx.keys.forget(long_ago + timedelta(days=2), limit=1)
        forgotten_later = await tx.keys.forget(long_ago + timedelta(days=2), limit=10)

    assert (forgotten, forgotten_later) == (1, 1)
    assert await claim(shop, calls[2], now=long_ago + timedelta(days=2)) == Effect()
