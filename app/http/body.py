"""A request's body, read within bounds of size and time, and as JSON that has one meaning."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request

from app.http import strict_json
from app.http.card_check import refuse_card_data

READ_SECONDS = 10.0  # of a whole body; a slower one holds a connection for nothing


class BadRequest(Exception):
    """A request that is refused before anything is executed. code: of the error in the answer."""

    def __init__(
        self, status: int, message: str, code: str = "BAD_REQUEST", headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.headers = status, message, code, headers or {}


async def read_json(request: Request, max_bytes: int) -> Any:  # noqa: ANN401  JSON
    """The value in a JSON body. Raises BadRequest, and CardDataNotAllowed where a card number stands in it."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise BadRequest(415, "Send the request as JSON, with Content-Type: application/json.")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise BadRequest(415, "Send the request without Content-Encoding.", headers={"accept-encoding": "identity"})
    value = decoded(await read_body(request, max_bytes), "The body")
    refuse_card_data(value)
    return value


def decoded(raw: bytes, name: str) -> Any:  # noqa: ANN401  JSON
    """The value of a JSON text. name: what is wrong with it is said of this. Raises BadRequest."""
    try:
        return strict_json.decode(raw)
    except strict_json.NotJson as error:
        raise BadRequest(400, f"{name} {error}.") from None
    except strict_json.BadText as error:
        raise BadRequest(400, str(error), "BAD_USER_INPUT") from None


async def read_body(request: Request, max_bytes: int) -> bytes:
    """The body as it came. Raises BadRequest."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > max_bytes:  # nobody has to send what nobody will read
        raise _too_large(max_bytes)
    chunks: list[bytes] = []
    size, is_whole = 0, False
    try:
        async with asyncio.timeout(READ_SECONDS):
            while not is_whole:
                message = await request.receive()
                if message["type"] == "http.disconnect":
                    raise BadRequest(400, "The body ended early.")
                chunks.append(message.get("body", b""))
                size += len(chunks[-1])
                if size > max_bytes:
                    raise _too_large(max_bytes)
                is_whole = not message.get("more_body", False)
    except TimeoutError:
        raise BadRequest(408, "The body took too long to arrive.", headers={"connection": "close"}) from None
    return b"".join(chunks)


def _too_large(max_bytes: int) -> BadRequest:
    return BadRequest(413, f"The body is larger than {max_bytes} bytes.")
