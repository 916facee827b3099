"""What every resolver is given: the shop's services, and one request's loaders."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

import strawberry

from app.accounts.domain import Customer, Identity, Origin, SignedIn
from app.cart.domain import PricedCart
from app.core.errors import ClientError
from app.core.ids import CartId, CustomerId, OrderId
from app.core.languages import LANGUAGES
from app.idempotency.domain import KeyedCall
from app.orders.domain import Order
from dataloaders.batching import Loader, Turns
from dataloaders.loaders import Loaders
from resolvers.markets import Shopper
from resolvers.services import Services

P = ParamSpec("P")
T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")


@dataclass(slots=True)
class KeyedField:
    """A mutation with a key while it is executed. fault: why the key is none."""

    call: KeyedCall
    fault: ClientError | None = None
    has_effect: bool = False
    is_decided: bool = True

    def checked_call(self) -> KeyedCall:
        """The call. Raises InvalidInput where the key is out of its bounds."""
        if self.fault is not None:
            raise self.fault
        return self.call


class Context:
    """One request's view of the shop.

    idempotency_key: the header's, for mutations whose input has none. identity: what the caller's token says; origin:
    where the request comes from.

    Whatever needs a connection takes one of the request's few turns for it, so that a wide query cannot empty the pool.
    """

    def __init__(
        self,
        services: Services,
        customer_id: CustomerId | None,
        *,
        idempotency_key: str | None = None,
        identity: Identity | None = None,
        origin: Origin = Origin(),  # noqa: B008  frozen
    ) -> None:
        self.services = services
        self.caller = customer_id
        self.identity = identity
        self.origin = origin
        self.idempotency_key = idempotency_key
        self.keyed: KeyedField | None = None  # of the mutation that is executed now: they run one after the other
        self.deadline: asyncio.Timeout | None = None  # of the execution
        self._turns = Turns()
        self.answer_for(services.profile.markets.shopper(None, None, None))

    def answer_for(self, shopper: Shopper) -> None:
        """Answer for this shopper, before anything is resolved."""
        self.shopper = shopper
        profile = self.services.profile
        self.loaders = Loaders(
            self.services.readers,
            self._turns,
            currency=shopper.currency,
            own_currency=profile.currency,
            language=self.text_language if self.text_language != profile.language else None,
        )

    @property
    def text_language(self) -> str:
        """The language that products are shown and looked for in."""
        asked = self.shopper.text_language
        return asked if asked in LANGUAGES else self.services.profile.language

    async def in_turn(self, work: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of a use case or a search, once it is this work's turn."""
        async with self._turns:
            return await work(*args, **kwargs)

    def may_take(self, seconds: float) -> None:
        """Let the execution go on for so long from now."""
        if self.deadline is not None:
            self.deadline.reschedule(asyncio.get_running_loop().time() + seconds)

    def give_up(self) -> None:
        """End what the request has under way at the database: nobody waits for it any more."""
        self._turns.cancel()

    def batched(self, load: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]]) -> Loader[K, V]:
        """A loader that takes turns with all others of this request."""
        return Loader(load, self._turns)

    async def signed_in_customer(self) -> Customer | None:
        """Whoever the request comes from; None for a guest."""
        if self.identity is None:
            return None
        return await self.in_turn(self.services.accounts.find_customer, self.identity)

    def continue_as(self, signed_in: SignedIn) -> None:
        """Have the rest of the request come from whoever has signed in with it."""
        customer = signed_in.customer
        self.caller = customer.id
        self.identity = Identity(customer.id, signed_in.session_id, customer.role, signed_in.token)

    @property
    def keyed_call(self) -> KeyedCall | None:
        """The call that the mutation's key stands for. Raises InvalidInput where the key is out of its bounds."""
        return None if self.keyed is None else self.keyed.checked_call()

    def took_effect(self) -> None:
        """Note that the mutation has changed something: what was loaded before is stale, and its key is claimed."""
        self.loaders.clear()
        if self.keyed is not None:
            self.keyed.has_effect = True

    def answer_later(self) -> None:
        """Note that the mutation's outcome is not known yet, so that its answer must not be kept."""
        if self.keyed is not None:
            self.keyed.is_decided = False

    async def cart(self, cart_id: CartId) -> PricedCart | None:
        """The cart at today's prices; None where there is none that the caller may see."""
        return await self.in_turn(self.services.read_cart, cart_id, caller=self.caller)

    async def order_behind(self, order_id: OrderId) -> Order | None:
        """The order that another object of the caller's leads to; None where it is somebody else's."""
        order = await self.loaders.order.load(order_id)
        return order if order is not None and order.is_open_to(self.caller) else None


Info = strawberry.Info[Context, None]
