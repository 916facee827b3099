"""Delete an account: its owner asks for it with their password, and nobody is signed in to it from then on.

Of the account itself stay its id and the time, in a table by which the shop's other rooms learn whose data they have to
forget, and the entries of the audit log, which name nobody. See ADR-0037.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from app.accounts.audit import Action, Event
from app.accounts.change_password import wrong_password
from app.accounts.domain import Identity, Origin, Role
from app.accounts.ended_sessions import SESSIONS_ENDED
from app.accounts.lockout import account_key
from app.accounts.password_check import PasswordCheck
from app.accounts.ports import AccountTransactions
from app.core.errors import Forbidden, Unauthenticated
from app.core.ids import CustomerId


@dataclass(frozen=True, slots=True)
class DeleteAccount:
    """Delete the caller's account."""

    check: PasswordCheck

    async def __call__(self, identity: Identity, password: str, origin: Origin) -> None:
        """Delete it, with its sessions, addresses and e-mails.

        Raises Unauthenticated (CREDENTIALS_INVALID) for a wrong password, Forbidden for staff, TooManyTries,
        AccountsBusy. Concurrency: one of any number of calls takes effect.
        """
        transactions = self.check.transactions
        async with transactions.read() as tx:
            customer = await tx.accounts.find(identity.customer_id)
        if customer is None:
            raise wrong_password("password")
        if customer.role is Role.STAFF:
            raise Forbidden("Accounts of staff are disabled by `cartograph staff disable`.")
        try:
            checked = await self.check(customer.email, password, origin)
        except Unauthenticated as error:
            raise wrong_password("password") from error
        now, actor = self.check.clock.now(), str(customer.id)
        async with transactions.begin() as tx:
            stored = await tx.accounts.find_password(customer.id)
            if stored is None or stored.password_hash != checked.stored.password_hash:
                raise wrong_password("password")
            await tx.sessions.end_all(customer.id, now=now)
            await tx.sessions.forget_addresses(customer.id)
            await tx.addresses.replace(customer.id, await tx.addresses.list(customer.id), ())
            await tx.tries.forgive(account_key(customer.email))
            await tx.email_requests.drop_for(customer.email)
            await tx.mail.forget_recipient(customer.email)
            await tx.accounts.delete(customer.id, now=now)
            tx.announce_after_commit(SESSIONS_ENDED)
            await tx.audit.append(Event(Action.ACCOUNT_DELETED, actor, actor, now))


@dataclass(frozen=True, slots=True)
class ListDeleted:
    """Who has deleted their account."""

    transactions: AccountTransactions

    async def __call__(self, since: datetime) -> Mapping[CustomerId, datetime]:
        """The ids of accounts that were deleted after a moment, and when."""
        async with self.transactions.read() as tx:
            return await tx.accounts.deleted_since(since)
