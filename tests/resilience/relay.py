"""Passes webhooks on to whichever process a test names: the emulator knows one address only."""

from __future__ import annotations

import asyncio
import contextlib

NOBODY = 1  # a port on which nobody listens


class Relay:
    """Where webhooks go: to the port of one API process after the other, as a test says."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._passing: set[asyncio.Task[object]] = set()

    def send_to(self, port: int) -> None:
        """Send what comes from now on there; connections that are kept alive end."""
        self._port = port
        for writer in self._open:
            writer.close()

    def send_nowhere(self) -> None:
        """Refuse what comes from now on: the provider keeps it, and sends it again."""
        self.send_to(NOBODY)

    async def start(self) -> int:
        """Listen; returns the port."""
        self._server = await asyncio.start_server(self._pass_on, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def close(self) -> None:
        """Listen no more, and end every connection."""
        if self._server is not None:
            self._server.close()
        for task in self._passing:
            task.cancel()
        await asyncio.gather(*self._passing)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            return
        task = asyncio.current_task()
        assert task is not None
        self._open.add(writer)
        self._passing.add(task)
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(_copy(reader, there_writer), _copy(there_reader, writer))
        self._open.discard(writer)
        self._passing.discard(task)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
