"""Whether the process lives, whether it can serve, and its metrics."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from app import telemetry
from app.core.errors import OperationalError


async def livez(_: Request) -> Response:
    """200 as long as the process answers; touches nothing."""
    return PlainTextResponse("ok\n")


def readyz(check: Callable[[], Awaitable[str | None]]) -> Callable[[Request], Awaitable[Response]]:
    """200 when this process can serve, 503 with the reason when it cannot.

    check: None when everything that cannot be done without is there, else what is missing. A payment provider or a
    cache that is away does not count: the shop works without.
    """

    async def ready(_: Request) -> Response:
        try:
            missing = await check()
        except OperationalError as error:
            missing = str(error)
        if missing is None:
            return PlainTextResponse("ok\n")
        return PlainTextResponse(f"{missing}\n", 503, {"retry-after": "1"})

    return ready


def metrics(look_around: Callable[[], Awaitable[None]]) -> Callable[[Request], Awaitable[Response]]:
    """Prometheus' text format. The gateway keeps it from the internet.

    look_around: brings up to date what no event counts, such as how long a queue is; without a database the last
    figures stay.
    """

    async def text(_: Request) -> Response:
        with contextlib.suppress(OperationalError):
            await look_around()
        return Response(telemetry.metrics_text(), media_type=telemetry.CONTENT_TYPE)

    return text
