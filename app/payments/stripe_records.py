"""`PaymentRecords` on Stripe: its list of payments, and the events that it has sent. See ADR-0029."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import stripe

from app.payments.events import PaymentEvent
from app.payments.records import PaymentPage, RecordedPayment
from app.payments.refunds import RefundOutcome
from app.payments.stripe_events import event_of
from app.payments.stripe_intents import recorded
from app.payments.stripe_refunds import refund_outcome

T = TypeVar("T")
PAGE = 100  # the most that Stripe lists at once


class StripeRecords(ABC):
    """The part of the gateway that reads what Stripe has on record."""

    _client: stripe.StripeClient

    @abstractmethod
    async def _call(self, name: str, call: Callable[[], Awaitable[T]], *, reads: bool = False) -> T: ...

    async def list_payments(self, *, since: datetime, until: datetime, after: str | None = None) -> PaymentPage:
        """One page of the payments created in this time, the newest first."""
        params: Any = {
            "created": {"gte": int(since.timestamp()), "lt": int(until.timestamp())},
            "limit": PAGE,
            "expand": ["data.latest_charge"],
            **({"starting_after": after} if after else {}),
        }

        async def list_page() -> PaymentPage:
            page = await self._client.v1.payment_intents.list_async(params)
            payments = tuple(recorded(intent) for intent in page.data)
            return PaymentPage(payments, page.data[-1].id if page.has_more else None)

        return await self._call("list_payments", list_page, reads=True)

    async def payment(self, intent_id: str) -> RecordedPayment | None:
        """A payment as it is now; None where Stripe has none of this name."""

        async def retrieve() -> RecordedPayment:
            expand: Any = {"expand": ["latest_charge", "payment_method"]}
            return recorded(await self._client.v1.payment_intents.retrieve_async(intent_id, expand))

        return await self._call("payment", partial(_if_there, retrieve), reads=True)

    async def refunds_of(self, intent_id: str) -> tuple[RefundOutcome, ...]:
        """Every refund of a payment, whoever made it."""

        async def list_all() -> tuple[RefundOutcome, ...]:
            listed = await self._client.v1.refunds.list_async({"payment_intent": intent_id, "limit": PAGE})
            return tuple([refund_outcome(each) async for each in listed.auto_paging_iter()])

        return await self._call("refunds_of", list_all, reads=True)

    async def event(self, event_id: str) -> PaymentEvent | None:
        """An event that was sent; None where it is no longer kept."""

        async def retrieve() -> PaymentEvent:
            return event_of(await self._client.v1.events.retrieve_async(event_id))

        return await self._call("event", partial(_if_there, retrieve), reads=True)


async def _if_there(retrieve: Callable[[], Awaitable[T]]) -> T | None:
    """The object; None where Stripe has none of this id."""
    try:
        return await retrieve()
    except stripe.InvalidRequestError as error:
        if error.code != "resource_missing":
            raise
        return None
