"""The shop of one simulated process: the real use cases over the simulated database and provider."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from random import Random
from uuid import UUID

from app.cart.edit_cart import CartDesk, ReadCart
from app.checkout.check_payments import CheckPayments
from app.checkout.notices import Notices
from app.checkout.place_order import PlaceOrder
from app.checkout.settle_payment import SettlePayment
from app.core.breaker import Breaker
from app.core.clock import Clock
from app.mail.storefront import Storefront
from app.orders.access_token import OrderAccessTokens
from app.payments.guarded_gateway import GuardedGateway
from tests.resilience.simulation.database import SimulatedDatabase, SimulatedTransactions
from tests.resilience.simulation.provider import SimulatedProvider


class SeededIds:
    """`IdSource` of the run."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def new_uuid(self) -> UUID:
        """A UUID that the seed decides."""
        return UUID(int=self._random.getrandbits(128), version=4)


@dataclass(frozen=True, slots=True)
class SimulatedShop:
    """The use cases that take part."""

    read_cart: ReadCart
    place_order: PlaceOrder
    check_payments: CheckPayments
    transactions: SimulatedTransactions

    @classmethod
    def wire(
        cls, database: SimulatedDatabase, provider: SimulatedProvider, clock: Clock, ids: SeededIds
    ) -> SimulatedShop:
        """A shop as `app.bootstrap` would wire it in a process of its own."""
        transactions = SimulatedTransactions(database)
        desk = CartDesk(
            transactions=transactions, default_country="US", clock=clock, ids=ids, lifetime=timedelta(days=30)
        )
        gateway = GuardedGateway(provider.gateway(), Breaker(clock))
        notices = Notices(Storefront("https://shop.example"), OrderAccessTokens(b"simulated", clock), "en")
        settle = SettlePayment(transactions, notices, clock)
        return cls(
            read_cart=ReadCart(desk),
            place_order=PlaceOrder(desk, transactions, gateway, settle),
            check_payments=CheckPayments(transactions, gateway, settle, clock),
            transactions=transactions,
        )
