"""That an object has changed: announced after the commit, watched by whoever shows it.

Nothing but the fact travels. A watcher reads the object anew, with the rights it has then, so an announcement that
comes late, twice or for nothing does no harm, and however many a slow watcher has not seen yet count as one. See
ADR-0013.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from app.core.ids import AttemptId, CartId, Kind, OrderId


@dataclass(frozen=True, slots=True)
class Change:
    """One object that is not what it was."""

    kind: Kind
    key: UUID


def cart_changed(cart_id: CartId) -> Change:
    """This cart is not what it was."""
    return Change(Kind.CART, cart_id)


def order_changed(order_id: OrderId) -> Change:
    """This order is not what it was."""
    return Change(Kind.ORDER, order_id)


def attempt_changed(attempt_id: AttemptId) -> Change:
    """This attempt to pay is not what it was."""
    return Change(Kind.ATTEMPT, attempt_id)


class ChangeFeed(Protocol):
    """Carries changes to whoever watches, in every process of the shop."""

    def announce(self, changes: Iterable[Change]) -> None:
        """Tell every watcher, soon. Never waits and never raises: what has been committed stays committed."""
        ...

    def watch(self, change: Change) -> AbstractAsyncContextManager[AsyncIterator[None]]:
        """Ticks: one at once, then one after each change; several that nobody waited for are one.

        A tick may come for nothing. No change stays without a tick after it, also when the feed was away in between.
        """
        ...
