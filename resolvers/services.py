"""What is behind the schema: use cases and ports, and what the shop says of itself."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from app.accounts.ended_sessions import EndedSessions
from app.accounts.service import AccountService
from app.cart.delete_cart import DeleteCart
from app.cart.edit_cart import CreateCart, EditCart, ReadCart, ReadOwnCarts
from app.cart.fill_cart import FillCart
from app.cart.merge_carts import MergeCarts
from app.catalog.search import ProductSearch
from app.checkout.cancel_attempt import CancelAttempt
from app.checkout.cancel_order import CancelOrder
from app.checkout.place_order import PlaceOrder
from app.core.changes import ChangeFeed
from app.core.clock import Clock
from app.core.money import Currency
from app.customers.claim_orders import ClaimGuestOrders
from app.customers.forget_customers import DeleteCustomer
from app.idempotency.answers import KeepAnswers
from app.orders.access_token import OrderAccessTokens
from dataloaders.loaders import Readers
from resolvers.markets import Markets

EVENTS_AT_ONCE = 3  # of one process: thousands may watch one object, or tick together, and others want connections too


@dataclass(frozen=True, slots=True)
class ShopProfile:
    """What the shop says of itself."""

    name: str
    markets: Markets
    countries: tuple[str, ...]
    stripe_publishable_key: str | None
    base_url: str

    @property
    def currency(self) -> Currency:
        """The shop's own."""
        return self.markets.currencies[0]

    @property
    def language(self) -> str:
        """The one that the catalogue's own texts are in."""
        return self.markets.language


@dataclass(frozen=True, slots=True)
class Services:
    """The use cases and ports behind the schema; one for the process.

    event_turns: whatever is read for an event of a subscription has one of these.
    """

    profile: ShopProfile
    clock: Clock
    readers: Readers
    search: ProductSearch
    read_cart: ReadCart
    read_own_carts: ReadOwnCarts
    create_cart: CreateCart
    edit_cart: EditCart
    fill_cart: FillCart
    merge_carts: MergeCarts
    delete_cart: DeleteCart
    place_order: PlaceOrder
    cancel_attempt: CancelAttempt
    cancel_order: CancelOrder
    order_tokens: OrderAccessTokens
    accounts: AccountService
    claim_guest_orders: ClaimGuestOrders
    delete_customer: DeleteCustomer
    ended_sessions: EndedSessions
    changes: ChangeFeed
    answers: KeepAnswers
    event_turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(EVENTS_AT_ONCE))
