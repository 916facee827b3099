"""Delete a cart: nothing of it is kept, unless an order was made of it."""

from __future__ import annotations

from dataclasses import dataclass

from app.cart.domain import CartState
from app.cart.edit_cart import CartDesk, check_open, check_version, open_cart
from app.core.changes import cart_changed
from app.core.ids import CartId, CustomerId
from app.idempotency.domain import KeyedCall

_KEPT = frozenset({CartState.IN_CHECKOUT, CartState.COMPLETED})  # an order belongs to it


@dataclass(frozen=True, slots=True)
class DeleteCart:
    """Delete a cart."""

    desk: CartDesk

    async def __call__(
        self,
        cart_id: CartId,
        *,
        expected_version: int | None,
        caller: CustomerId | None = None,
        keyed: KeyedCall | None = None,
    ) -> None:
        """Delete the cart, its lines and its addresses; also one that has expired or was merged.

        Raises NotFound, VersionConflict, and CartClosed where a payment is under way or an order was made of it.
        """
        async with self.desk.turns.of(cart_id), self.desk.transactions.begin() as tx:
            if await self.desk.claim(tx, keyed) is not None:
                return
            cart = await open_cart(tx, cart_id, caller)
            if cart.state in _KEPT:
                check_open(cart, self.desk.clock, expected_version)
            check_version(cart, expected_version)
            await tx.carts.delete(cart_id)
            tx.announce_after_commit(cart_changed(cart_id))
