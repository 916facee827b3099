"""What every resolver is given: the shop's use cases, and one request's loaders."""

from __future__ import annotations

from dataclasses import dataclass

import strawberry

from app.accounts.domain import Customer
from app.accounts.sign_in import FindCustomer
from app.cart.edit_cart import CreateCart, EditCart, ReadCart
from app.catalog.search import ProductSearch
from app.checkout.place_order import PlaceOrder
from app.core.clock import Clock
from app.core.ids import CustomerId
from app.core.money import Currency
from app.orders.access_token import OrderAccessTokens
from dataloaders.loaders import Loaders, Readers

LOCALE = "en"  # amounts are formatted for it


@dataclass(frozen=True, slots=True)
class ShopProfile:
    """What the shop says of itself."""

    name: str
    currency: Currency
    countries: tuple[str, ...]
    stripe_publishable_key: str | None
    base_url: str


@dataclass(frozen=True, slots=True)
class Services:
    """The use cases and ports behind the schema; one for the process."""

    profile: ShopProfile
    clock: Clock
    readers: Readers
    search: ProductSearch
    read_cart: ReadCart
    create_cart: CreateCart
    edit_cart: EditCart
    place_order: PlaceOrder
    order_tokens: OrderAccessTokens
    find_customer: FindCustomer


@dataclass(frozen=True, slots=True)
class Context:
    """One request's view of the shop."""

    services: Services
    loaders: Loaders
    customer_id: CustomerId | None

    @classmethod
    def of(cls, services: Services, customer_id: CustomerId | None) -> Context:
        """The context of a new request. customer_id: from its verified access token."""
        return cls(services, Loaders(services.readers, currency=services.profile.currency), customer_id)

    async def signed_in_customer(self) -> Customer | None:
        """Whoever the request comes from; None for a guest."""
        return None if self.customer_id is None else await self.services.find_customer(self.customer_id)


Info = strawberry.Info[Context, None]
