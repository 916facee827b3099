"""Change what a customer is called."""

from __future__ import annotations

from dataclasses import dataclass

from app.accounts.domain import Customer, Identity
from app.accounts.ports import AccountTransactions
from app.accounts.register import checked_name
from app.core.clock import Clock
from app.core.errors import Unauthenticated
from app.idempotency.domain import KeyedCall


@dataclass(frozen=True, slots=True)
class UpdateCustomer:
    """Change the caller's name."""

    transactions: AccountTransactions
    clock: Clock

    async def __call__(self, identity: Identity, name: str | None, *, keyed: KeyedCall | None = None) -> Customer:
        """The customer as they are now. name: None or blank for none. Raises InvalidInput, Unauthenticated."""
        checked = checked_name(name)
        async with self.transactions.begin() as tx:
            is_repeated = keyed is not None and await tx.keys.claim(keyed, now=self.clock.now()) is not None
            if not is_repeated:
                await tx.accounts.rename(identity.customer_id, checked)
            customer = await tx.accounts.find(identity.customer_id)
            if customer is None:
                raise Unauthenticated("The account is gone.")
        return customer
