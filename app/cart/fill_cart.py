"""Put into a cart what fits of what is asked for, and tell what does not. See ADR-0016."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.cart.domain import PricedCart
from app.cart.edit_cart import CartDesk, check_open, open_cart
from app.cart.edits import NewLine
from app.cart.fill import fill
from app.core.changes import cart_changed
from app.core.errors import ClientError, Rejected
from app.core.ids import CartId, CustomerId
from app.idempotency.domain import KeyedCall


@dataclass(frozen=True, slots=True)
class FilledCart:
    """The changed cart, and why not everything went in; no faults where everything did."""

    cart: PricedCart
    faults: tuple[ClientError, ...]


@dataclass(frozen=True, slots=True)
class FillCart:
    """Add lines as far as there is room for them."""

    desk: CartDesk

    async def __call__(
        self,
        cart_id: CartId,
        lines: Sequence[NewLine],
        *,
        expected_version: int | None,
        caller: CustomerId | None = None,
        keyed: KeyedCall | None = None,
    ) -> FilledCart:
        """The cart with what fits.

        Raises what `EditCart` raises, and Rejected where nothing fits at all; nothing has changed then.
        Concurrency: changes of one cart happen one after the other.
        """
        async with self.desk.turns.of(cart_id), self.desk.transactions.begin() as tx:
            earlier = await self.desk.claim(tx, keyed)
            if earlier is not None:
                return FilledCart(await self.desk.get(tx, cart_id, caller), earlier.faults)
            cart = await open_cart(tx, cart_id, caller)
            check_open(cart, self.desk.clock, expected_version)
            ids = [line.variant_id for line in cart.lines] + [line.variant_id for line in lines]
            shelf = await self.desk.shelf(tx, ids, cart.currency)
            filled = fill(cart, lines, shelf, self.desk.new_line_id)
            if not any(filled.added):
                raise Rejected(filled.faults)
            changed = self.desk.touched(filled.cart)
            await tx.carts.save(changed)
            if keyed is not None and filled.faults:
                await tx.keys.note(keyed, filled.faults)
            tx.announce_after_commit(cart_changed(cart_id))
            return FilledCart(await self.desk.priced(tx, changed, shelf), filled.faults)
