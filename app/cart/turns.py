"""Changes of one cart wait for each other in this process before they take a database connection.

The row's lock orders the changes of all processes. But who waits for it holds a connection, and a cart that many tabs
change at once would empty the pool for every other shopper. So one change of a cart at a time gets as far as the lock
in each process, first come first served, and the wait has an end. See ADR-0015.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from app.core.errors import CartBusy
from app.core.ids import CartId

WAIT_SECONDS = 4.0  # within the time that any request may take


@dataclass(slots=True)
class _Queue:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0


class CartTurns:
    """Hands out turns at carts."""

    def __init__(self, *, wait_seconds: float = WAIT_SECONDS) -> None:
        self._wait_seconds = wait_seconds
        self._queues: dict[CartId, _Queue] = {}

    @asynccontextmanager
    async def of(self, *cart_ids: CartId) -> AsyncIterator[None]:
        """This caller's turn at these carts, taken in the order of their keys.

        Raises CartBusy when it does not come in time.
        """
        async with AsyncExitStack() as held:
            try:
                async with asyncio.timeout(self._wait_seconds):
                    for cart_id in sorted(set(cart_ids)):
                        await held.enter_async_context(self._one(cart_id))
            except TimeoutError:
                raise CartBusy("too many requests change this cart at once") from None
            yield

    @asynccontextmanager
    async def _one(self, cart_id: CartId) -> AsyncIterator[None]:
        queue = self._queues.setdefault(cart_id, _Queue())
        queue.users += 1
        try:
            async with queue.lock:
                yield
        finally:
            queue.users -= 1
            if not queue.users:
                del self._queues[cart_id]
