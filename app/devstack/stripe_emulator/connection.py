"""Cutting a client's connection instead of answering it.

ASGI has no word for it: a response that is not sent becomes a 500. So the server's protocol puts the transport's
`abort` into each request's state, and `CutConnection` calls it.
"""

from __future__ import annotations

from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_CUT = "cut_connection"


class CuttableProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol, which lets a request cut its own connection."""

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self.scope["state"][_CUT] = self.transport.abort


class CutConnection(Response):
    """No answer: the client sees its connection close."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Close, and wait until the server has seen it, lest it send a 500."""
        scope["state"][_CUT]()
        while (await receive())["type"] != "http.disconnect":
            pass
