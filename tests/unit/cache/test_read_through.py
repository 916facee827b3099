from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.cache import keys
from app.cache.read_through import FRESH_SECONDS, STALE_SECONDS, Found, ReadThrough
from app.core.errors import Bug, DatabaseUnavailable, NotFound, PaymentsUnavailable
from app.core.freshness import Freshness, ReadSource
from app.core.provenance import Provenance, is_for_this_request, noted
from tests.unit.fakes import NOON, FixedClock, MemoryCache

READ_NOW = Freshness(NOON, 0, ReadSource.PRIMARY)


@dataclass(frozen=True)
class Price:
    """What is cached here."""

    sku: str
    cents: int


class Catalogue:
    """The truth behind the cache. loads: the skus of every reading of it."""

    def __init__(self) -> None:
        self.prices = {"mug": 1_800, "map": 900, "tin": 400}
        self.loads: list[list[str]] = []
        self.failure: Exception | None = None
        self.gate: asyncio.Event | None = None  # what a reading waits for after it has read

    async def load_many(self, skus: Sequence[str]) -> Mapping[str, Price]:
        self.loads.append(list(skus))
        found = {sku: Price(sku, self.prices[sku]) for sku in skus if sku in self.prices}
        if self.gate is not None:
            await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        return found

    async def load(self) -> Price:
        return (await self.load_many(["mug"]))["mug"]


class Desk:
    """A cache in front of a catalogue."""

    def __init__(self) -> None:
        self.clock = FixedClock()
        self.store = MemoryCache(self.clock)
        self.cache = ReadThrough(self.store, self.clock)
        self.catalogue = Catalogue()

    async def mug(self, *, tags: Sequence[str] = ("product:7",)) -> Found[Price]:
        """The mug's price."""
        return await self.cache.get("mug", tags, Price, self.catalogue.load)

    async def many(self, *skus: str) -> dict[str, Found[Price]]:
        """Several prices, each with a tag of its own."""
        return await self.cache.get_many(
            skus, lambda sku: f"price:{sku}", lambda sku: (f"tag-{sku}", "all"), Price, self.catalogue.load_many
        )

    async def reprice(self, cents: int) -> None:
        """Give the mug another price, as a writer does: first the truth, then the tag."""
        self.catalogue.prices["mug"] = cents
        await self.store.drop_tags(["product:7"])


def told(found: Found[Price]) -> tuple[Price, Freshness]:
    """What is told of it."""
    return found.value, found.freshness


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def others_run() -> None:
    """Let every other task go as far as it can."""
    for _ in range(20):
        await asyncio.sleep(0)


# ------------------------------------------------------------------------------------------------ hits and misses


async def test_a_miss_is_loaded_and_the_next_reader_hits(desk: Desk) -> None:
    first = await desk.mug()
    desk.clock.turn(seconds=7, milliseconds=250)
    second = await desk.mug()

    assert told(first) == (Price("mug", 1_800), READ_NOW)
    assert told(second) == (Price("mug", 1_800), Freshness(NOON, 7_250, ReadSource.CACHE))
    assert desk.catalogue.loads == [["mug"]]


async def test_an_entry_that_is_hit_again_is_decoded_once_and_a_new_one_anew(desk: Desk) -> None:
    await desk.mug()
    second, third = await desk.mug(), await desk.mug()
    desk.catalogue.prices["mug"] = 2_000
    await desk.store.drop_tags(["product:7"])
    await desk.mug()

    assert third.value is second.value
    assert (await desk.mug()).value == Price("mug", 2_000)


async def test_an_entry_is_fresh_for_60_seconds_and_not_longer(desk: Desk) -> None:
    await desk.mug()
    desk.catalogue.prices["mug"] = 2_000

    desk.clock.turn(seconds=60)
    assert (await desk.mug()).value.cents == 1_800
    desk.clock.turn(milliseconds=1)
    late = await desk.mug()

    assert told(late) == (Price("mug", 2_000), Freshness(NOON + timedelta(seconds=60.001), 0, ReadSource.PRIMARY))
    assert (FRESH_SECONDS, STALE_SECONDS) == (60, 300)


async def test_what_was_just_loaded_says_where_it_was_read() -> None:
    desk = Desk()
    replica = ReadThrough(desk.store, desk.clock, source=ReadSource.REPLICA)

    found = await replica.get("mug", (), Price, desk.catalogue.load)

    assert found.freshness == replica.just_read() == Freshness(NOON, 0, ReadSource.REPLICA)


async def test_many_ids_are_read_in_one_round_trip_and_stored_in_one(desk: Desk) -> None:
    found = await desk.many("mug", "map", "tin")

    assert {sku: each.value.cents for sku, each in found.items()} == {"mug": 1_800, "map": 900, "tin": 400}
    assert (desk.store.gets, desk.store.puts) == (1, 1)
    assert desk.catalogue.loads == [["mug", "map", "tin"]]


async def test_only_what_is_missing_is_loaded(desk: Desk) -> None:
    await desk.many("map")

    found = await desk.many("mug", "map", "tin")

    assert desk.catalogue.loads == [["map"], ["mug", "tin"]]
    assert {sku: each.freshness.source for sku, each in found.items()} == {
        "mug": ReadSource.PRIMARY,
        "map": ReadSource.CACHE,
        "tin": ReadSource.PRIMARY,
    }


async def test_what_does_not_exist_is_absent_and_is_asked_for_again(desk: Desk) -> None:
    assert set(await desk.many("mug", "yeti")) == {"mug"}
    assert set(await desk.many("mug", "yeti")) == {"mug"}

    assert desk.catalogue.loads == [["mug", "yeti"], ["yeti"]]


async def test_nothing_is_loaded_for_nothing(desk: Desk) -> None:
    assert await desk.many() == {}

    assert desk.catalogue.loads == []


async def test_a_cache_that_has_forgotten_everything_only_costs_a_reading(desk: Desk) -> None:
    await desk.mug()
    desk.store.entries.clear()

    assert (await desk.mug()).value.cents == 1_800
    assert len(desk.catalogue.loads) == 2


# ------------------------------------------------------------------------------------------------ an answer's notes


async def test_an_answer_notes_how_old_the_oldest_of_what_it_reads_is(desk: Desk) -> None:
    await desk.many("mug")
    desk.clock.turn(seconds=20)
    notes = Provenance()

    with noted(notes):
        await desk.many("mug", "map")

    assert (notes.is_public, notes.oldest) == (True, NOON.timestamp())
    assert notes.lookups == {"hit": 1, "miss": 1}


async def test_what_the_cache_reads_to_load_is_not_read_by_the_answer(desk: Desk) -> None:
    notes = Provenance()

    async def load() -> Price:
        is_for_this_request()
        return Price("mug", 1_800)

    with noted(notes):
        await desk.cache.get("mug", (), Price, load)
        loaded = notes.is_public
        is_for_this_request()

    assert (loaded, notes.is_public) == (True, False)
    assert notes.oldest == NOON.timestamp()


async def test_an_answer_is_given_nothing_that_is_older_than_it_may_have(desk: Desk) -> None:
    await desk.many("mug", "map")
    desk.clock.turn(seconds=30)

    with noted(Provenance(max_age=30)):
        await desk.many("mug", "map")
        desk.clock.turn(milliseconds=1)
        await desk.many("mug", "map")
    await desk.many("mug", "map")

    assert desk.catalogue.loads == [["mug", "map"], ["mug", "map"]]


async def test_it_is_given_what_is_fresh_where_nothing_younger_can_be_had(desk: Desk) -> None:
    await desk.many("mug")
    desk.clock.turn(seconds=50)
    desk.catalogue.failure = DatabaseUnavailable("gone")
    notes = Provenance(max_age=30)

    with noted(notes):
        found = await desk.many("mug")

    assert {sku: each.freshness for sku, each in found.items()} == {"mug": Freshness(NOON, 50_000, ReadSource.CACHE)}
    assert notes.is_public


async def test_no_answer_is_given_what_is_not_fresh_however_old_it_may_be(desk: Desk) -> None:
    await desk.many("mug")
    desk.clock.turn(seconds=61)

    with noted(Provenance(max_age=1_000)):
        await desk.many("mug")

    assert desk.catalogue.loads == [["mug"], ["mug"]]


async def test_whoever_shares_a_load_notes_it_too(desk: Desk) -> None:
    desk.catalogue.gate = asyncio.Event()
    both = [Provenance(), Provenance()]

    async def read(notes: Provenance) -> None:
        with noted(notes):
            await desk.mug()

    async with asyncio.TaskGroup() as tasks:
        for notes in both:
            tasks.create_task(read(notes))
        await others_run()
        desk.catalogue.gate.set()

    assert desk.catalogue.loads == [["mug"]]
    assert [notes.oldest for notes in both] == [NOON.timestamp()] * 2


async def test_an_answer_of_stale_entries_is_for_nobody_else(desk: Desk) -> None:
    await desk.mug()
    desk.catalogue.failure = DatabaseUnavailable("gone")
    desk.clock.turn(seconds=61)
    notes = Provenance()

    with noted(notes):
        await desk.mug()

    assert not notes.is_public


# ------------------------------------------------------------------------------------------------ a database that fails


@pytest.mark.parametrize("failure", [DatabaseUnavailable("gone"), PaymentsUnavailable("gone")])
async def test_a_stale_entry_stands_in_for_a_dependency_that_fails_and_says_so(desk: Desk, failure: Exception) -> None:
    await desk.mug()
    desk.catalogue.failure = failure

    desk.clock.turn(seconds=299, milliseconds=999)
    found = await desk.mug()

    assert told(found) == (Price("mug", 1_800), Freshness(NOON, 299_999, ReadSource.STALE_CACHE))


async def test_an_entry_that_is_300_seconds_old_stands_in_for_nothing(desk: Desk) -> None:
    await desk.mug()
    desk.catalogue.failure = DatabaseUnavailable("gone")

    desk.clock.turn(seconds=300)

    with pytest.raises(DatabaseUnavailable):
        await desk.mug()


@pytest.mark.parametrize("failure", [Bug("broken"), NotFound("no"), ZeroDivisionError(), msgspec.ValidationError()])
async def test_nothing_stale_hides_a_failure_of_another_kind(desk: Desk, failure: Exception) -> None:
    await desk.mug()
    desk.catalogue.failure = failure
    desk.clock.turn(seconds=61)

    with pytest.raises(type(failure)):
        await desk.mug()


async def test_a_stale_entry_is_not_used_while_the_database_answers(desk: Desk) -> None:
    await desk.mug()
    desk.catalogue.prices["mug"] = 2_000
    desk.clock.turn(seconds=61)

    assert (await desk.mug()).value.cents == 2_000


async def test_serving_a_stale_entry_does_not_make_it_younger(desk: Desk) -> None:
    await desk.mug()
    desk.catalogue.failure = DatabaseUnavailable("gone")

    desk.clock.turn(seconds=200)
    assert (await desk.mug()).freshness.age_ms == 200_000
    desk.clock.turn(seconds=100)
    with pytest.raises(DatabaseUnavailable):
        await desk.mug()

    assert desk.store.puts == 1


async def test_a_dropped_entry_stands_in_for_nothing(desk: Desk) -> None:
    await desk.mug()
    await desk.reprice(2_000)
    desk.catalogue.failure = DatabaseUnavailable("gone")

    with pytest.raises(DatabaseUnavailable):
        await desk.mug()


async def test_half_an_answer_is_no_answer(desk: Desk) -> None:
    await desk.many("mug")
    desk.catalogue.failure = DatabaseUnavailable("gone")
    desk.clock.turn(seconds=61)

    with pytest.raises(DatabaseUnavailable):
        await desk.many("mug", "map")

    assert (await desk.many("mug"))["mug"].freshness.source is ReadSource.STALE_CACHE


async def test_fresh_and_stale_entries_together_are_a_whole_answer(desk: Desk) -> None:
    await desk.many("mug")
    desk.clock.turn(seconds=50)
    await desk.many("map")
    desk.clock.turn(seconds=30)
    desk.catalogue.failure = DatabaseUnavailable("gone")

    found = await desk.many("mug", "map")

    assert {sku: each.freshness for sku, each in found.items()} == {
        "mug": Freshness(NOON, 80_000, ReadSource.STALE_CACHE),
        "map": Freshness(NOON + timedelta(seconds=50), 30_000, ReadSource.CACHE),
    }


# ------------------------------------------------------------------------------------------------ tags


async def test_a_dropped_tag_makes_its_entries_stale_and_no_others(desk: Desk) -> None:
    await desk.many("mug", "map")

    await desk.store.drop_tags(["tag-mug"])
    await desk.many("mug", "map")

    assert desk.catalogue.loads == [["mug", "map"], ["mug"]]


async def test_dropping_any_of_its_tags_makes_an_entry_stale(desk: Desk) -> None:
    await desk.many("mug", "map")

    await desk.store.drop_tags(["all"])
    await desk.many("mug", "map")

    assert desk.catalogue.loads == [["mug", "map"], ["mug", "map"]]


async def test_an_entry_that_was_loaded_after_a_drop_is_valid_until_the_next(desk: Desk) -> None:
    await desk.reprice(2_000)
    assert (await desk.mug()).value.cents == 2_000
    assert (await desk.mug()).freshness.source is ReadSource.CACHE

    await desk.reprice(2_200)

    assert (await desk.mug()).value.cents == 2_200


async def test_a_tag_that_is_dropped_between_read_and_store_leaves_no_old_value_behind(desk: Desk) -> None:
    desk.catalogue.gate = asyncio.Event()
    slow = asyncio.create_task(desk.mug())
    await others_run()
    assert desk.catalogue.loads == [["mug"]]  # it has read the old price, and has not stored it yet

    await desk.reprice(2_000)
    desk.catalogue.gate.set()
    assert (await slow).value.cents == 1_800
    assert "mug" in desk.store.entries  # the old price has been stored after the drop

    assert (await desk.mug()).value.cents == 2_000
    assert (await desk.mug()).value.cents == 2_000


async def test_a_tag_that_is_dropped_before_the_reading_leaves_no_old_value_behind(desk: Desk) -> None:
    await desk.mug()
    desk.clock.turn(seconds=61)
    slow = asyncio.create_task(desk.mug())
    await asyncio.sleep(0)  # it is asking the cache

    await desk.reprice(2_000)
    await slow

    assert (await desk.mug()).value.cents == 2_000


@settings(deadline=None, max_examples=150)
@given(st.lists(st.sampled_from(["read", "step", "reprice", "turn", "forget"]), max_size=30))
async def test_no_order_of_events_leaves_an_old_value_behind(steps: list[str]) -> None:
    desk = Desk()
    readers: list[asyncio.Task[Found[Price]]] = []
    cents = 1_800

    for step in steps:
        if step == "read":
            readers.append(asyncio.create_task(desk.mug()))
        elif step == "step":
            await asyncio.sleep(0)
        elif step == "reprice":
            cents += 1
            await desk.reprice(cents)
        elif step == "turn":
            desk.clock.turn(seconds=25)
        else:
            desk.store.entries = {key: entry for key, entry in desk.store.entries.items() if "tag" in key}
    await asyncio.gather(*readers)

    assert (await desk.mug()).value.cents == cents


def test_keys_name_the_kind_the_version_and_the_identity() -> None:
    assert keys.entry("price:USD", 7) == "cg:3:price:USD:7"
    assert keys.tag_version(keys.product(7)) == "cg:tag:product:7"
    assert keys.catalog_tags([7], [8, 9]) == ["catalog", "product:7", "variant:8", "variant:9"]


# ------------------------------------------------------------------------------------------------ single flight


async def test_fifty_readers_at_once_are_one_load(desk: Desk) -> None:
    desk.catalogue.gate = asyncio.Event()
    readers = [asyncio.create_task(desk.mug()) for _ in range(50)]
    await others_run()
    desk.catalogue.gate.set()

    found = await asyncio.gather(*readers)

    assert [told(each) for each in found] == [(Price("mug", 1_800), READ_NOW)] * 50
    assert desk.catalogue.loads == [["mug"]]
    assert (desk.store.gets, desk.store.puts) == (1, 1)


async def test_readers_of_other_keys_do_not_wait(desk: Desk) -> None:
    desk.catalogue.gate = asyncio.Event()
    slow = asyncio.create_task(desk.mug())
    await others_run()

    async def load_map() -> Price:
        return Price("map", 900)

    found = await desk.cache.get("map", (), Price, load_map)

    assert found.value.cents == 900
    assert not slow.done()
    desk.catalogue.gate.set()
    assert (await slow).value.cents == 1_800


async def test_a_failed_load_fails_all_who_waited_and_the_next_reader_loads_anew(desk: Desk) -> None:
    desk.catalogue.gate = asyncio.Event()
    desk.catalogue.failure = DatabaseUnavailable("gone")
    readers = [asyncio.create_task(desk.mug()) for _ in range(3)]
    await others_run()
    desk.catalogue.gate.set()

    outcomes = await asyncio.gather(*readers, return_exceptions=True)

    assert [type(each) for each in outcomes] == [DatabaseUnavailable] * 3
    assert desk.catalogue.loads == [["mug"]]
    desk.catalogue.failure = None
    assert (await desk.mug()).value.cents == 1_800


async def test_a_load_that_is_canceled_is_taken_over_by_one_of_those_who_wait(desk: Desk) -> None:
    desk.catalogue.gate = asyncio.Event()
    loader, *waiters = [asyncio.create_task(desk.mug()) for _ in range(5)]
    await others_run()

    loader.cancel()
    await others_run()
    assert loader.cancelled()
    assert desk.catalogue.loads == [["mug"], ["mug"]]  # one took over, not all four
    desk.catalogue.gate.set()

    assert [found.value.cents for found in await asyncio.gather(*waiters)] == [1_800] * 4
    assert len(desk.catalogue.loads) == 2


async def test_canceling_one_who_waits_stops_neither_the_load_nor_the_others(desk: Desk) -> None:
    desk.catalogue.gate = asyncio.Event()
    loader, waiter, other = [asyncio.create_task(desk.mug()) for _ in range(3)]
    await others_run()

    waiter.cancel()
    await others_run()
    assert waiter.cancelled()
    assert not loader.done()
    desk.catalogue.gate.set()

    assert [found.value.cents for found in await asyncio.gather(loader, other)] == [1_800] * 2
    assert desk.catalogue.loads == [["mug"]]


async def test_a_reader_that_is_canceled_together_with_the_loader_loads_nothing(desk: Desk) -> None:
    desk.catalogue.gate = asyncio.Event()
    loader, waiter = [asyncio.create_task(desk.mug()) for _ in range(2)]
    await others_run()

    loader.cancel()
    waiter.cancel()
    await others_run()

    assert (loader.cancelled(), waiter.cancelled()) == (True, True)
    assert desk.catalogue.loads == [["mug"]]
    desk.catalogue.gate.set()
    assert (await desk.mug()).value.cents == 1_800


# ------------------------------------------------------------------------------------------------ damaged entries


async def damaged(desk: Desk, raw: bytes) -> Found[Price]:
    """What a reader gets when the mug's entry has been replaced by this."""
    until = desk.clock.now() + timedelta(seconds=300)
    desk.store.entries["mug"] = (raw, until)
    return await desk.mug()


def entry(stored_at: object, value: object, versions: Sequence[bytes] = (b"",)) -> bytes:
    return msgspec.msgpack.encode([stored_at, list(versions), value])


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x00",
        b"\xc1",
        b"null",
        b'{"sku":"mug","cents":1}',
        entry(NOON.timestamp(), {"sku": "mug"}),  # an older shape
        entry(NOON.timestamp(), {"sku": "mug", "cents": "1"}),
        entry(NOON.timestamp(), None),
        entry(NOON.timestamp(), 7),
        entry(None, {"sku": "mug", "cents": 1}),
        entry("yesterday", {"sku": "mug", "cents": 1}),
        entry(float("nan"), {"sku": "mug", "cents": 1}),
        entry(float("inf"), {"sku": "mug", "cents": 1}),
        entry(-float("inf"), {"sku": "mug", "cents": 1}),
        entry(1e300, {"sku": "mug", "cents": 1}),
        entry(NOON.timestamp(), {"sku": "mug", "cents": 1}, versions=()),
        entry(NOON.timestamp(), {"sku": "mug", "cents": 1}, versions=(b"", b"")),
        entry(NOON.timestamp(), {"sku": "mug", "cents": 1}, versions=(b"other",)),
        msgspec.msgpack.encode([NOON.timestamp(), [b""]]),
    ],
)
async def test_what_cannot_be_read_is_a_miss(desk: Desk, raw: bytes) -> None:
    found = await damaged(desk, raw)

    assert told(found) == (Price("mug", 1_800), READ_NOW)
    assert desk.catalogue.loads == [["mug"]]
    assert (await desk.mug()).freshness.source is ReadSource.CACHE  # and has been replaced


async def test_an_entry_that_was_cut_anywhere_is_a_miss(desk: Desk) -> None:
    await desk.mug()
    whole, _ = desk.store.entries["mug"]

    found = [await damaged(desk, whole[:end]) for end in range(len(whole))]

    assert {each.freshness.source for each in found} == {ReadSource.PRIMARY}


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=60), st.data())
async def test_no_bytes_at_all_break_a_reader(noise: bytes, data: st.DataObject) -> None:
    desk = Desk()
    await desk.mug()
    whole, _ = desk.store.entries["mug"]
    place = data.draw(st.integers(0, len(whole)))

    for raw in (noise, whole[:place] + noise, whole[:place] + noise + whole[place + len(noise) :]):
        found: Found[Any] = await damaged(desk, raw)
        assert type(found.value) is Price
