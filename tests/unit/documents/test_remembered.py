"""What a process remembers, for how long, and how much of it."""

from __future__ import annotations

import asyncio

import pytest

from app.core.errors import DatabaseUnavailable
from app.documents.domain import TrustedDocument, digest
from app.documents.remembered import (
    FRESH_SECONDS,
    MAX_CHARACTERS,
    MISSING_SECONDS,
    RememberedDocuments,
    RememberedQueries,
)
from tests.unit.documents.fakes import FakeQueries, FakeTrusted, trusted
from tests.unit.fakes import FixedClock

TEXT = "{ shop { name } }"


async def test_a_document_is_looked_up_once_a_minute(clock: FixedClock) -> None:
    inner = FakeTrusted(trusted("a", TEXT))
    documents = RememberedDocuments(inner, clock)

    found = [await documents.find_by_id("a") for _ in range(3)]
    by_hash = [await documents.find_by_sha256(digest(TEXT)) for _ in range(3)]
    asked_first = list(inner.asked)
    clock.turn(seconds=FRESH_SECONDS)
    del inner.documents["a"]

    assert found == by_hash == [trusted("a", TEXT)] * 3
    assert asked_first == ["a", digest(TEXT)]
    assert await documents.find_by_id("a") is None


async def test_that_there_is_no_document_is_believed_for_two_seconds(clock: FixedClock) -> None:
    inner = FakeTrusted()
    documents = RememberedDocuments(inner, clock)

    missing = [await documents.find_by_id("a") for _ in range(3)]
    inner.documents["a"] = trusted("a", TEXT)
    still_missing = await documents.find_by_id("a")
    clock.turn(seconds=MISSING_SECONDS)
    imported = await documents.find_by_id("a")

    assert (missing, still_missing, imported) == ([None] * 3, None, trusted("a", TEXT))
    assert inner.asked == ["a", "a"]


async def test_while_the_database_is_away_what_was_seen_is_used(clock: FixedClock) -> None:
    inner = FakeTrusted(trusted("a", TEXT))
    documents = RememberedDocuments(inner, clock)
    await documents.find_by_id("a")
    await documents.find_by_id("b")
    clock.turn(seconds=3_600)
    inner.away = True

    found = [await documents.find_by_id("a") for _ in range(3)]

    assert found == [trusted("a", TEXT)] * 3
    for unknown in ("b", "c", "b"):
        with pytest.raises(DatabaseUnavailable):
            await documents.find_by_id(unknown)


async def test_one_request_looks_an_old_document_up_and_the_others_go_on(clock: FixedClock) -> None:
    class Slow(FakeTrusted):
        async def find_by_id(self, document_id: str) -> TrustedDocument | None:
            await asyncio.sleep(0)
            return await super().find_by_id(document_id)

    inner = Slow(trusted("a", TEXT))
    documents = RememberedDocuments(inner, clock)
    await documents.find_by_id("a")
    clock.turn(seconds=FRESH_SECONDS)

    found = await asyncio.gather(*(documents.find_by_id("a") for _ in range(50)))

    assert found == [trusted("a", TEXT)] * 50
    assert inner.asked == ["a", "a"]


async def test_a_process_remembers_so_many_characters_and_forgets_what_was_not_used(clock: FixedClock) -> None:
    size = 100_000
    count = MAX_CHARACTERS // size
    inner = FakeTrusted(*(trusted(str(number), f"{number:0{size}}") for number in range(count)))
    documents = RememberedDocuments(inner, clock)
    for number in range(count - 1):
        await documents.find_by_id(str(number))
    await documents.find_by_id("0")
    await documents.find_by_id(str(count - 1))
    inner.asked.clear()

    await documents.find_by_id("0")
    await documents.find_by_id("1")

    assert inner.asked == ["1"]


async def test_ids_that_do_not_exist_do_not_fill_the_memory(clock: FixedClock) -> None:
    documents = RememberedDocuments(FakeTrusted(), clock)

    for number in range(20_000):
        await documents.find_by_id(str(number))

    assert len(documents._seen) <= MAX_CHARACTERS // 500


async def test_a_kept_text_is_asked_for_only_in_a_process_that_has_not_seen_it() -> None:
    inner = FakeQueries()
    one, other = RememberedQueries(inner), RememberedQueries(inner)
    await one.keep(digest(TEXT), TEXT)

    found = [await each.find(digest(TEXT)) for each in (one, one, other, other)]

    assert found == [TEXT] * 4
    assert inner.asked == [digest(TEXT)]
    assert inner.texts == {digest(TEXT): TEXT}


async def test_a_text_that_is_not_kept_is_asked_for_each_time() -> None:
    inner = FakeQueries()
    queries = RememberedQueries(inner)

    missing = await queries.find(digest(TEXT))
    await RememberedQueries(inner).keep(digest(TEXT), TEXT)

    assert missing is None
    assert await queries.find(digest(TEXT)) == TEXT
