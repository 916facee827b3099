"""Waiting for what is bound to happen: on a condition, never for a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

PATIENCE_SECONDS = 30.0  # against a test that would hang; nothing is asserted on it


async def until(condition: Callable[[], bool | Awaitable[bool]]) -> None:
    """Return once it holds."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            held = condition()
            if held if isinstance(held, bool) else await held:
                return
            await asyncio.sleep(0.01)
