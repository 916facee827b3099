from __future__ import annotations

import asyncio
import gc
from collections.abc import Mapping, Sequence

import pytest

from app.core.errors import DatabaseUnavailable
from dataloaders.batching import CONNECTIONS, MAX_BATCH, Loader


class Port:
    """A port's reading of several keys at once. calls: the keys of each. Odd keys have no value."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        self.failure: Exception | None = None
        self.gate: asyncio.Event | None = None
        self.running = 0
        self.most_running = 0

    async def read(self, keys: Sequence[int]) -> Mapping[int, str]:
        self.calls.append(list(keys))
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        if self.gate is not None:
            await self.gate.wait()
        self.running -= 1
        if self.failure is not None:
            raise self.failure
        return {key: f"value {key} of call {len(self.calls)}" for key in keys if key % 2 == 0}


@pytest.fixture
def port() -> Port:
    return Port()


@pytest.fixture
async def loader(port: Port) -> Loader[int, str]:
    return Loader(port.read, asyncio.Semaphore(CONNECTIONS))


async def others_run() -> None:
    """Let every other task go as far as it can."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_keys_that_are_asked_for_together_are_read_in_one_call(port: Port, loader: Loader[int, str]) -> None:
    values = await asyncio.gather(*(loader.load(key) for key in (2, 4, 6)))

    assert values == ["value 2 of call 1", "value 4 of call 1", "value 6 of call 1"]
    assert port.calls == [[2, 4, 6]]


async def test_a_key_that_several_ask_for_is_read_once(port: Port, loader: Loader[int, str]) -> None:
    values = await asyncio.gather(loader.load(2), loader.load(2), loader.load_many([2, 4]))

    assert values == ["value 2 of call 1", "value 2 of call 1", ["value 2 of call 1", "value 4 of call 1"]]
    assert port.calls == [[2, 4]]


async def test_what_was_loaded_is_remembered(port: Port, loader: Loader[int, str]) -> None:
    await loader.load(2)

    assert await loader.load(2) == "value 2 of call 1"
    assert await loader.load_many([2, 4]) == ["value 2 of call 1", "value 4 of call 2"]
    assert port.calls == [[2], [4]]


async def test_what_does_not_exist_is_none_and_that_is_remembered_too(port: Port, loader: Loader[int, str]) -> None:
    assert await loader.load(3) is None
    assert await loader.load(3) is None

    assert port.calls == [[3]]


async def test_many_come_in_the_order_of_their_keys_without_those_that_do_not_exist(
    port: Port, loader: Loader[int, str]
) -> None:
    values = await loader.load_many([6, 3, 2, 6, 5, 4])

    assert [value.split()[1] for value in values] == ["6", "2", "6", "4"]
    assert port.calls == [[6, 3, 2, 5, 4]]
    assert await loader.load_many([]) == []


async def test_a_port_may_answer_in_any_order() -> None:
    async def backwards(keys: Sequence[int]) -> Mapping[int, str]:
        return {key: str(key) for key in reversed(keys)}

    loader = Loader(backwards, asyncio.Semaphore(1))

    assert await loader.load_many([1, 2, 3]) == ["1", "2", "3"]


async def test_nothing_is_remembered_after_a_clear(port: Port, loader: Loader[int, str]) -> None:
    await loader.load_many([2, 3])

    loader.clear()

    assert await loader.load(2) == "value 2 of call 2"
    assert port.calls == [[2, 3], [2]]


async def test_what_was_being_read_at_a_clear_is_read_again(port: Port, loader: Loader[int, str]) -> None:
    port.gate = asyncio.Event()
    before = asyncio.create_task(loader.load(2))
    await others_run()

    loader.clear()
    after = asyncio.create_task(loader.load(2))
    await others_run()
    port.gate.set()

    assert port.calls == [[2], [2]]
    await asyncio.gather(before, after)


async def test_a_failure_reaches_everyone_who_asked_and_is_not_remembered(port: Port, loader: Loader[int, str]) -> None:
    port.failure = DatabaseUnavailable("gone")

    outcomes = await asyncio.gather(loader.load(2), loader.load(4), return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [DatabaseUnavailable] * 2
    port.failure = None
    assert await loader.load(2) == "value 2 of call 2"


@pytest.mark.parametrize("is_slow", [False, True], ids=["one batch", "beside a slow batch"])
async def test_no_error_of_many_is_reported_as_forgotten(port: Port, loader: Loader[int, str], is_slow: bool) -> None:
    reported: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context["message"]))
    gate = port.gate = asyncio.Event() if is_slow else None
    slow = asyncio.create_task(loader.load(8)) if is_slow else None
    await others_run()
    port.gate, port.failure = None, DatabaseUnavailable("gone")

    many = asyncio.create_task(loader.load_many([8, 2, 4, 6] if is_slow else [2, 4, 6]))
    await others_run()
    port.failure = None
    if gate is not None and slow is not None:
        gate.set()
        await slow
    with pytest.raises(DatabaseUnavailable):
        await many
    del many
    await others_run()
    gc.collect()

    asyncio.get_running_loop().set_exception_handler(None)
    assert reported == []


async def test_whoever_is_canceled_while_waiting_takes_nothing_from_others(
    port: Port, loader: Loader[int, str]
) -> None:
    port.gate = asyncio.Event()
    canceled = [asyncio.create_task(loader.load(2)), asyncio.create_task(loader.load_many([2, 4]))]
    others = [asyncio.create_task(loader.load(2)), asyncio.create_task(loader.load(4))]
    await others_run()

    for task in canceled:
        task.cancel()
    await others_run()
    port.gate.set()

    assert await asyncio.gather(*others) == ["value 2 of call 1", "value 4 of call 1"]
    assert [task.cancelled() for task in canceled] == [True, True]


async def test_the_loaders_of_one_request_take_turns_for_three_connections(port: Port) -> None:
    turns = asyncio.Semaphore(CONNECTIONS)
    port.gate = asyncio.Event()
    loaders = [Loader(port.read, turns) for _ in range(8)]
    work = [asyncio.create_task(loader.load(2)) for loader in loaders]

    await others_run()

    assert CONNECTIONS == port.running == len(port.calls) == 3
    port.gate.set()
    await asyncio.gather(*work)
    assert (len(port.calls), port.most_running) == (8, 3)


async def test_a_failure_gives_its_turn_back(port: Port) -> None:
    turns = asyncio.Semaphore(1)
    port.failure = DatabaseUnavailable("gone")

    for _ in range(3):
        with pytest.raises(DatabaseUnavailable):
            await Loader(port.read, turns).load(2)

    port.failure = None
    assert await Loader(port.read, turns).load(2) == "value 2 of call 4"


async def test_no_call_reads_more_than_1000_keys(port: Port, loader: Loader[int, str]) -> None:
    await loader.load_many(range(2 * MAX_BATCH + 2))

    assert [len(keys) for keys in port.calls] == [1_000, 1_000, 2]
