"""The unit of work of accounts, on the shop's database or on one of their own: see `transactions`, and ADR-0031.

It has no store of the shop's other rooms, and theirs have none of accounts, so neither can come to rely on the other's
tables being near. Jobs, e-mails and keyed calls are written to whichever database it is.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection

from app.accounts.audit import Chain
from app.accounts.repository.addresses import SqlAddresses
from app.accounts.repository.audit import SqlAudit
from app.accounts.repository.customers import SqlAccounts
from app.accounts.repository.email_requests import SqlEmailRequests
from app.accounts.repository.sessions import SqlSessions
from app.accounts.repository.signing_keys import SqlSigningKeys
from app.accounts.repository.tries import SqlTries
from app.core.changes import Change
from app.database.engine import Database
from app.idempotency.repository import SqlKeys
from app.jobs.repository import SqlJobs
from app.mail.repository import SqlMail


class AccountTransaction:
    """Every store of accounts on one connection."""

    def __init__(self, connection: AsyncConnection, chain: Chain) -> None:
        self.accounts = SqlAccounts(connection)
        self.addresses = SqlAddresses(connection)
        self.sessions = SqlSessions(connection)
        self.tries = SqlTries(connection)
        self.email_requests = SqlEmailRequests(connection)
        self.signing_keys = SqlSigningKeys(connection)
        self.audit = SqlAudit(connection, chain)
        self.keys = SqlKeys(connection)
        self.jobs = SqlJobs(connection)
        self.mail = SqlMail(connection, self.jobs)
        self.changes: set[Change] = set()

    def announce_after_commit(self, *changes: Change) -> None:
        """Tell whoever watches these objects that they have changed, once this transaction has been committed."""
        self.changes.update(changes)


class AccountTransactions:
    """Opens transactions on the primary of accounts. announce: the change feed's; it never raises."""

    def __init__(self, database: Database, chain: Chain, announce: Callable[[Iterable[Change]], None]) -> None:
        self._database = database
        self._chain = chain
        self._announce = announce

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AccountTransaction]:
        """One transaction: committed on normal exit, rolled back on any exception."""
        changes: set[Change] = set()
        try:
            async with self._database.write() as connection:
                transaction = AccountTransaction(connection, self._chain)
                yield transaction
                changes = transaction.changes
        finally:  # also when the commit's answer was lost: it may have happened
            if changes:
                self._announce(changes)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AccountTransaction]:
        """Statements on the primary, each for itself; nothing is locked."""
        async with self._database.read_fresh() as connection:
            yield AccountTransaction(connection, self._chain)
