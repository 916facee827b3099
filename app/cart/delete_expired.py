"""Delete carts that ended long ago: they are explained to whoever comes back late, but not kept for ever."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from app.cart.ports import CartTransactions
from app.core.clock import Clock

KEPT = timedelta(days=30)  # after a cart's end, in which it still says that it has expired
BATCH = 500  # carts a transaction


@dataclass(frozen=True, slots=True)
class DeleteExpired:
    """Delete carts whose end is longer ago than KEPT. Carts that were paid, or are being paid, stay."""

    transactions: CartTransactions
    clock: Clock

    async def __call__(self) -> int:
        """Delete one batch; returns how many carts there were."""
        async with self.transactions.begin() as tx:
            return await tx.carts.delete_expired(self.clock.now() - KEPT, limit=BATCH)
