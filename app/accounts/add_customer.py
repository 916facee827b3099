"""Store a customer whose address nobody has to verify, as the demo shop's seed does."""

from __future__ import annotations

from dataclasses import dataclass

from app.accounts.domain import Customer
from app.accounts.lockout import folded_email
from app.accounts.ports import AccountTransactions
from app.accounts.secret_ports import Passwords
from app.core.clock import Clock
from app.core.ids import CustomerId, IdSource


@dataclass(frozen=True, slots=True)
class AddCustomer:
    """Store a customer."""

    transactions: AccountTransactions
    passwords: Passwords
    clock: Clock
    ids: IdSource

    async def __call__(self, email: str, password: str, name: str) -> bool:
        """Store the customer; False when the address is taken, and then nothing has changed."""
        password_hash = await self.passwords.hash(password)
        customer_id, now = CustomerId(self.ids.new_uuid()), self.clock.now()
        async with self.transactions.begin() as tx:
            customer = Customer(customer_id, folded_email(email), name, now, email_verified_at=now)
            return await tx.accounts.insert(customer, password_hash)
