from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.requests import Request
from starlette.types import Message

from app.http import hang_up
from app.http.hang_up import ClientGone, while_connected


class Client:
    """One that can hang up. asked: how often somebody looked for that."""

    def __init__(self) -> None:
        self.gone = asyncio.Event()
        self.asked = 0
        self.request = Request({"type": "http", "headers": []}, self.receive)

    async def receive(self) -> Message:
        self.asked += 1
        await self.gone.wait()
        return {"type": "http.disconnect"}


class Work:
    """Work that goes on until it is canceled. stubborn: it takes a moment to end then, and ends well."""

    def __init__(self, *, stubborn: bool = False) -> None:
        self.begun, self.ended = asyncio.Event(), False
        self._stubborn = stubborn

    async def __call__(self) -> str:
        self.begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if not self._stubborn:
                raise
        finally:
            await asyncio.sleep(0)
            self.ended = True
        return "done all the same"


@pytest.fixture
def watched_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hang_up, "WATCHED_AFTER_SECONDS", 0.0)


async def test_work_that_ends_soon_is_not_watched() -> None:
    client = Client()

    async def work() -> int:
        await asyncio.sleep(0)
        return 7

    assert await while_connected(work(), client.request) == 7
    assert client.asked == 0


@pytest.mark.usefixtures("watched_at_once")
async def test_work_ends_when_its_client_is_gone() -> None:
    client, work = Client(), Work()
    request = asyncio.ensure_future(while_connected(work(), client.request))
    await work.begun.wait()

    client.gone.set()

    with pytest.raises(ClientGone):
        await request
    assert work.ended
    assert not request.cancelling()


@pytest.mark.usefixtures("watched_at_once")
async def test_the_task_may_go_on_when_its_client_is_gone() -> None:
    client = Client()
    client.gone.set()

    async def request() -> str:
        with pytest.raises(ClientGone):
            await while_connected(Work()(), client.request)
        async with asyncio.timeout(60):
            await asyncio.sleep(0)
        return "the next one"

    assert await asyncio.create_task(request()) == "the next one"


@pytest.mark.usefixtures("watched_at_once")
async def test_a_result_that_comes_in_spite_of_it_counts() -> None:
    client = Client()
    client.gone.set()

    task = asyncio.ensure_future(while_connected(Work(stubborn=True)(), client.request))

    assert await task == "done all the same"
    assert not task.cancelling()


@pytest.mark.usefixtures("watched_at_once")
@pytest.mark.parametrize("is_gone", [False, True])
async def test_whoever_cancels_the_request_is_obeyed_whatever_its_client_does(is_gone: bool) -> None:
    client, work = Client(), Work()
    request = asyncio.ensure_future(while_connected(work(), client.request))
    await work.begun.wait()

    if is_gone:
        client.gone.set()
    request.cancel()

    with pytest.raises(asyncio.CancelledError):
        await request
    assert work.ended


@pytest.mark.usefixtures("watched_at_once")
async def test_what_the_work_raises_is_raised_and_nobody_looks_any_longer() -> None:
    client = Client()

    async def work() -> Any:
        while not client.asked:  # noqa: ASYNC110  no event
            await asyncio.sleep(0)
        raise LookupError("nothing there")

    before = asyncio.all_tasks()
    with pytest.raises(LookupError):
        await while_connected(work(), client.request)
    await asyncio.sleep(0)
    assert asyncio.all_tasks() <= before
