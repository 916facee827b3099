"""Work is given up once the client that it is for has hung up."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.types import Receive

T = TypeVar("T")


class ClientGone(Exception):
    """The client has hung up; what was under way for it has been canceled."""


async def while_connected(work: Coroutine[Any, Any, T], request: Request) -> T:
    """The result of the work. The request's body must have been read.

    Raises ClientGone when the client hangs up before; the work is then canceled, and has ended.
    """
    working = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(hung_up(request.receive))
    try:
        await asyncio.wait({working, gone}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise ClientGone
    finally:
        for task in (working, gone):
            task.cancel()
        await asyncio.gather(working, gone, return_exceptions=True)


async def hung_up(receive: Receive) -> None:
    """Return once the client has hung up. receive: of a request whose body has been read."""
    while (await receive())["type"] != "http.disconnect":
        pass
