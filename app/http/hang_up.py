"""Work is given up once the client that it is for has hung up."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.types import Receive

WATCHED_AFTER_SECONDS = 0.03

T = TypeVar("T")


class ClientGone(Exception):
    """The client has hung up; what was under way for it has been canceled."""


async def while_connected(work: Coroutine[Any, Any, T], request: Request) -> T:
    """The result of the work. The request's body must have been read.

    Raises ClientGone when the client hangs up before; the work is then canceled, and has ended. Nobody looks for that
    during the first WATCHED_AFTER_SECONDS, in which most work ends: to look costs more than to begin in vain.
    """
    worker = asyncio.current_task()
    assert worker is not None, "the loop runs nothing outside a task"
    watchers: list[asyncio.Task[None]] = []
    is_gone = False

    async def watch() -> None:
        nonlocal is_gone
        await hung_up(request.receive)
        if not worker.cancelling():  # else it ends already, and must not be disturbed in that
            is_gone = worker.cancel()

    def begin_to_watch() -> None:
        watchers.append(asyncio.ensure_future(watch()))

    beginning = asyncio.get_running_loop().call_later(WATCHED_AFTER_SECONDS, begin_to_watch)
    try:
        return await work
    except asyncio.CancelledError:
        if not is_gone or worker.cancelling() > 1:  # somebody else wants it to end too
            raise
        raise ClientGone from None
    finally:
        if is_gone:
            worker.uncancel()
        beginning.cancel()
        for each in watchers:
            each.cancel()


async def hung_up(receive: Receive) -> None:
    """Return once the client has hung up. receive: of a request whose body has been read."""
    while (await receive())["type"] != "http.disconnect":
        pass
