"""Change a cart: lock it, apply an edit, store it, price it.

One short transaction: lock the cart's row -> read prices and stock of what it holds and of what the edit adds ->
apply the edit (pure, all or nothing) -> store the cart with its version raised. The answer is the priced cart of that
very transaction, so nothing is read again. See ADR-0005.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from app.cart.discount_codes import check_new_codes
from app.cart.domain import Cart, CartState, PricedCart, Shelf
from app.cart.edits import CartEdit
from app.cart.ports import CartTransaction, CartTransactions
from app.cart.pricing import price_cart
from app.cart.quote import Terms
from app.cart.turns import CartTurns
from app.core.changes import cart_changed
from app.core.clock import Clock
from app.core.errors import CartClosed, ErrorCode, InvalidInput, NotFound, VersionConflict
from app.core.ids import CartId, CartLineId, CustomerId, IdSource, VariantId
from app.core.money import Currency
from app.core.place import Place
from app.idempotency.domain import Effect, KeyedCall

MAX_OWN_CARTS = 10  # shown at once; whoever has more sees the ones that they changed last


@dataclass(frozen=True, slots=True, kw_only=True)
class CartDesk:
    """What every use case of carts works with. default_country: where a cart is taken to go while nobody has said."""

    transactions: CartTransactions
    default_country: str
    clock: Clock
    ids: IdSource
    lifetime: timedelta
    turns: CartTurns = field(default_factory=CartTurns)

    async def shelf(self, tx: CartTransaction, ids: Iterable[VariantId], currency: Currency) -> Shelf:
        """Prices and stock of these variants, in two statements; none where there are no variants."""
        wanted = sorted(set(ids))
        if not wanted:
            return Shelf({}, {})
        offers = await tx.offers.offers_by_variant_ids(wanted, currency)
        levels = await tx.stock.levels_by_variant_ids(wanted)
        return Shelf(offers, levels)

    async def find(self, tx: CartTransaction, cart_id: CartId, caller: CustomerId | None) -> PricedCart | None:
        """The cart as it is, at today's prices; None where there is none that the caller may see."""
        cart = await tx.carts.find(cart_id)
        if cart is None or not cart.is_open_to(caller):
            return None
        return await self.priced(
            tx, cart, await self.shelf(tx, [line.variant_id for line in cart.lines], cart.currency)
        )

    async def get(self, tx: CartTransaction, cart_id: CartId, caller: CustomerId | None) -> PricedCart:
        """The cart as it is, for a call that has taken effect before. Raises NotFound where it is gone since."""
        cart = await self.find(tx, cart_id, caller)
        if cart is None:
            raise no_such_cart()
        return cart

    async def claim(
        self, tx: CartTransaction, keyed: KeyedCall | None, *, subject: CartId | None = None
    ) -> Effect | None:
        """Take the call's key, where it has one; or what the same call did before."""
        return None if keyed is None else await tx.keys.claim(keyed, now=self.clock.now(), subject=subject)

    async def priced(self, tx: CartTransaction, cart: Cart, shelf: Shelf) -> PricedCart:
        """The cart at today's prices and terms."""
        return price_cart(cart, shelf, await self._terms(tx, cart), self.clock.now())

    async def _terms(self, tx: CartTransaction, cart: Cart) -> Terms:
        place = cart.place or Place(self.default_country)
        offered = await tx.promotions.offered_to(cart.id, cart.discount_codes, cart.email, now=self.clock.now())
        return Terms(await tx.delivery.options_to(place), await tx.taxes.taxes_at(place), offered)

    def touched(self, cart: Cart) -> Cart:
        """The changed cart with its version raised and its lifetime begun anew."""
        now = self.clock.now()
        return replace(cart, version=cart.version + 1, updated_at=now, expires_at=now + self.lifetime)

    def new_line_id(self) -> CartLineId:
        """The id of a line that is about to be."""
        return CartLineId(self.ids.new_uuid())


@dataclass(frozen=True, slots=True)
class ReadCart:
    """Show a cart at today's prices."""

    desk: CartDesk

    async def __call__(self, cart_id: CartId, *, caller: CustomerId | None) -> PricedCart | None:
        """The cart, None where there is none that the caller may see."""
        async with self.desk.transactions.read() as tx:
            return await self.desk.find(tx, cart_id, caller)


@dataclass(frozen=True, slots=True)
class ReadOwnCarts:
    """Show a customer's open carts at today's prices."""

    desk: CartDesk

    async def __call__(self, customer_id: CustomerId) -> list[PricedCart]:
        """At most MAX_OWN_CARTS that are not over, the one that was changed last first."""
        now = self.desk.clock.now()
        async with self.desk.transactions.read() as tx:
            carts = await tx.carts.open_of(customer_id, now=now, limit=MAX_OWN_CARTS)
            shelves = {
                currency: await self.desk.shelf(tx, _variants(carts, currency), currency)
                for currency in {cart.currency for cart in carts}
            }
            return [await self.desk.priced(tx, cart, shelves[cart.currency]) for cart in carts]


@dataclass(frozen=True, slots=True)
class CreateCart:
    """Open a cart, with whatever the shopper brings along."""

    desk: CartDesk
    currencies: Sequence[Currency]

    async def __call__(
        self,
        edits: Sequence[CartEdit],
        *,
        currency: Currency,
        country_code: str | None = None,
        caller: CustomerId | None = None,
        keyed: KeyedCall | None = None,
    ) -> PricedCart:
        """The new cart with every edit applied; a signed-in caller's is theirs alone.

        country_code: where the shopper is, None where nobody said.

        Raises InvalidInput (CURRENCY_MISMATCH) when the shop does not sell in that currency, and what the edits raise;
        there is no cart then.
        """
        if currency not in self.currencies:
            message = f"The shop sells in {', '.join(self.currencies)}."
            raise InvalidInput(message, code=ErrorCode.CURRENCY_MISMATCH, field=("currency",))
        now = self.desk.clock.now()
        cart = Cart(
            id=CartId(self.desk.ids.new_uuid()),
            version=1,
            state=CartState.ACTIVE,
            currency=currency,
            country_code=country_code,
            created_at=now,
            updated_at=now,
            expires_at=now + self.desk.lifetime,
            customer_id=caller,
        )
        async with self.desk.transactions.begin() as tx:
            earlier = await self.desk.claim(tx, keyed, subject=cart.id)
            if earlier is not None:
                return await self.desk.get(tx, CartId(earlier.subject or cart.id), caller)
            shelf = await self.desk.shelf(tx, (v for edit in edits for v in edit.variant_ids), currency)
            for edit in edits:
                cart = edit.apply(cart, shelf, self.desk.new_line_id)
            priced = checked_delivery(await self.desk.priced(tx, cart, shelf), cart)
            check_new_codes(priced, None, field="discountCodes")
            await tx.carts.insert(cart)
        return priced


@dataclass(frozen=True, slots=True)
class EditCart:
    """Apply an edit to a cart."""

    desk: CartDesk

    async def __call__(
        self,
        cart_id: CartId,
        edit: CartEdit,
        *,
        expected_version: int | None,
        caller: CustomerId | None = None,
        keyed: KeyedCall | None = None,
    ) -> PricedCart:
        """The changed cart.

        Raises NotFound, CartClosed, VersionConflict, and what the edit raises; nothing has changed then.
        Concurrency: edits of one cart happen one after the other.
        """
        async with self.desk.turns.of(cart_id), self.desk.transactions.begin() as tx:
            if await self.desk.claim(tx, keyed) is not None:
                return await self.desk.get(tx, cart_id, caller)
            cart = await open_cart(tx, cart_id, caller)
            check_open(cart, self.desk.clock, expected_version)
            ids = [line.variant_id for line in cart.lines] + list(edit.variant_ids)
            shelf = await self.desk.shelf(tx, ids, cart.currency)
            changed = self.desk.touched(edit.apply(cart, shelf, self.desk.new_line_id))
            priced = checked_delivery(await self.desk.priced(tx, changed, shelf), changed, before=cart)
            check_new_codes(priced, cart, field="codes")
            await tx.carts.save(changed)
            tx.announce_after_commit(cart_changed(cart_id))
        return priced


def _variants(carts: Iterable[Cart], currency: Currency) -> list[VariantId]:
    return [line.variant_id for cart in carts if cart.currency == currency for line in cart.lines]


async def open_cart(tx: CartTransaction, cart_id: CartId, caller: CustomerId | None) -> Cart:
    """The cart, locked, whatever its state. Raises NotFound, also where it is another customer's."""
    cart = await tx.carts.lock(cart_id)
    if cart is None or not cart.is_open_to(caller):
        raise no_such_cart()
    return cart


def no_such_cart(*, field: str = "cartId") -> NotFound:
    """There is none, or it is not the caller's to see."""
    return NotFound("There is no such cart.", field=(field,))


def check_open(cart: Cart, clock: Clock, expected_version: int | None, *, field: str = "cartId") -> None:
    """Make sure that the cart can still be changed. Raises CartClosed saying why, or VersionConflict."""
    closed = _CLOSED.get(cart.state_at(clock.now()))
    if closed:
        code, message = closed
        raise CartClosed(message, code=code, field=(field,))
    check_version(cart, expected_version)


def check_version(cart: Cart, expected_version: int | None) -> None:
    """Make sure that the caller has read the cart as it is. Raises VersionConflict."""
    if expected_version is not None and expected_version != cart.version:
        raise VersionConflict(expected=expected_version, current=cart.version)


def checked_delivery(priced: PricedCart, cart: Cart, *, before: Cart | None = None) -> PricedCart:
    """The priced cart, unless the edit itself chose a delivery or an address that the shop does not serve."""
    chose = cart.delivery_option_id not in (None, before and before.delivery_option_id)
    if chose and priced.selected_delivery_option is None:
        raise InvalidInput(
            "This delivery is not offered for this cart.",
            code=ErrorCode.DELIVERY_OPTION_UNAVAILABLE,
            field=("deliveryOptionId",),
        )
    address = cart.shipping_address
    moved = address is not None and address != (before and before.shipping_address)
    if address is not None and moved and priced.requires_shipping and not priced.delivery_options:
        raise InvalidInput(
            f"The shop does not deliver to {address.country_code}.",
            code=ErrorCode.ADDRESS_INVALID,
            field=("shippingAddress", "countryCode"),
        )
    return priced


_CLOSED = {
    CartState.IN_CHECKOUT: (ErrorCode.CART_LOCKED, "A payment for this cart is under way."),
    CartState.COMPLETED: (ErrorCode.CART_COMPLETED, "This cart has been paid: start a new one."),
    CartState.MERGED: (ErrorCode.CART_MERGED, "This cart has been merged into another: use that one."),
    CartState.EXPIRED: (ErrorCode.CART_EXPIRED, "This cart has expired: start a new one."),
}
