"""Tell a customer all that the shop has of them, as one JSON document in pieces, however much it is.

{"exportedAt", "account", "addresses", "sessions", "orders", "carts"}: names as in GraphQL, money as whole minor units.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from app.accounts.address_book import SavedAddress
from app.accounts.customer_json import saved_body
from app.accounts.domain import Customer, Session
from app.core.clock import Clock
from app.core.ids import CustomerId, Kind, encode
from app.customers.domain import CustomerTransactions
from app.orders.domain import Order, OrderEvent, OrderReader
from app.payments.domain import AttemptReader, PaymentAttempt
from app.payments.refunds import Refund

_AT_ONCE = 50  # orders in memory


@dataclass(frozen=True, slots=True)
class AccountData:
    """What accounts have of a customer."""

    customer: Customer
    addresses: tuple[SavedAddress, ...]
    sessions: list[Session]


@dataclass(frozen=True, slots=True)
class ExportCustomer:
    """Export a customer's data."""

    transactions: CustomerTransactions
    orders: OrderReader
    attempts: AttemptReader
    clock: Clock

    async def __call__(self, account: AccountData) -> AsyncIterator[bytes]:
        """The document's pieces. Raises OperationalError, also in the middle: what was sent is no document then."""
        yield b'{"exportedAt": ' + _json(self.clock.now())
        yield b', "account": ' + _json(_account(account.customer))
        yield b', "addresses": ' + _json([saved_body(each) for each in account.addresses])
        yield b', "sessions": ' + _json([_session(each) for each in account.sessions])
        yield b', "orders": ['
        separator = b""
        async for order in self._orders(account.customer.id):
            yield separator + _json(order)
            separator = b", "
        yield b'], "carts": '
        async with self.transactions.read() as tx:
            carts = await tx.traces.carts_of(account.customer.id)
        yield _json([{**_named(cart), "id": encode(Kind.CART, cart.id)} for cart in carts])
        yield b"}\n"

    async def _orders(self, customer_id: CustomerId) -> AsyncIterator[dict[str, Any]]:
        async with self.transactions.read() as tx:
            ids = await tx.traces.order_ids_of(customer_id)
        for start in range(0, len(ids), _AT_ONCE):
            some = ids[start : start + _AT_ONCE]
            orders = await self.orders.orders_by_ids(some)
            attempts = await self.attempts.attempts_by_order_ids(some)
            events = await self.orders.events_by_order_ids(some)
            async with self.transactions.read() as tx:
                refunds = await tx.traces.refunds_of(some)
            for key in some:
                if key in orders:
                    of_order = refunds.get(key, ())
                    yield _order(orders[key], attempts.get(key, ()), events.get(key, ()), of_order)


def _account(customer: Customer) -> dict[str, Any]:
    return {**_named(customer), "id": encode(Kind.CUSTOMER, customer.id)}


def _session(session: Session) -> dict[str, Any]:
    told = ("created_at", "last_used_at", "expires_at", "user_agent", "address")
    return {"id": encode(Kind.SESSION, session.id), **_named({name: getattr(session, name) for name in told})}


def _order(
    order: Order, attempts: Iterable[PaymentAttempt], events: Iterable[OrderEvent], refunds: Iterable[Refund]
) -> dict[str, Any]:
    return {
        **_named(order),
        "id": encode(Kind.ORDER, order.id),
        "payments": [_payment(each) for each in attempts],
        "refunds": [
            _named({"amount": each.amount, "state": each.state, "reason": each.reason, "created_at": each.created_at})
            for each in refunds
        ],
        "timeline": [_named({"at": each.at, "kind": each.kind, "message": each.message}) for each in events],
    }


def _payment(attempt: PaymentAttempt) -> dict[str, Any]:
    told = ("state", "amount", "card_brand", "card_last4", "receipt_email", "failure_message", "created_at")
    return {"id": encode(Kind.PAYMENT, attempt.id), **_named({name: getattr(attempt, name) for name in told})}


def _json(value: object) -> bytes:
    return msgspec.json.encode(value)


def _named(value: object) -> dict[str, Any]:
    """A record's fields, by their names as in GraphQL."""
    renamed: dict[str, Any] = _renamed(msgspec.to_builtins(value))
    return renamed


def _renamed(value: Any) -> Any:  # noqa: ANN401  JSON
    if isinstance(value, dict):
        return {_camel(name): _renamed(each) for name, each in value.items()}
    return [_renamed(each) for each in value] if isinstance(value, list | tuple) else value


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(each.capitalize() for each in rest)
