"""Forget customers whose accounts are deleted: all but what bookkeeping needs, at once or once it has no other use.

Accounts may be in another database, so nothing is deleted in both at once: the account goes first, and its id stays
among the deleted ones, where the worker finds it until everything is done. Doing it again changes nothing. See
ADR-0037.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from app import telemetry
from app.accounts.domain import Identity, Origin
from app.accounts.service import AccountService
from app.core.clock import Clock
from app.core.errors import OperationalError
from app.core.ids import CustomerId
from app.customers.domain import DELETED_KNOWN_FOR, KEPT_FOR_DELIVERY, CustomerTransactions

_log = telemetry.logger(__name__)


@dataclass(frozen=True, slots=True)
class ForgetCustomers:
    """What the worker does for those who have deleted their account."""

    accounts: AccountService
    transactions: CustomerTransactions
    clock: Clock

    async def __call__(self) -> int:
        """Forget what is left of them; 0, since once in a while is often enough. Raises OperationalError."""
        deleted = await self.accounts.deleted_since(self.clock.now() - DELETED_KNOWN_FOR)
        if deleted:
            await self.forget(deleted)
        return 0

    async def forget(self, ids: Collection[CustomerId]) -> None:
        """Forget whatever of these customers is no longer needed."""
        placed_before = self.clock.now() - KEPT_FOR_DELIVERY
        async with self.transactions.begin() as tx:
            await tx.traces.forget_mail(ids)  # by the addresses of their orders, which are forgotten next
            carts = await tx.traces.forget_carts(ids, placed_before=placed_before)
            orders = await tx.traces.forget_orders(ids, placed_before=placed_before)
        if carts or orders:
            _log.info("customers_forgotten", carts=carts, orders=orders)


@dataclass(frozen=True, slots=True)
class DeleteCustomer:
    """Delete the caller's account, and what the shop has of them."""

    accounts: AccountService
    forget_customers: ForgetCustomers

    async def __call__(self, identity: Identity, password: str, origin: Origin) -> None:
        """Delete the account; what the rest of the shop cannot forget now, the worker does.

        Raises Unauthenticated (CREDENTIALS_INVALID), Forbidden for staff, TooManyTries, AccountsBusy, and then nothing
        has changed.
        """
        await self.accounts.delete_account(identity, password, origin)
        try:
            await self.forget_customers.forget([identity.customer_id])
        except OperationalError as error:
            _log.warning("forgetting_postponed", cause=str(error))
