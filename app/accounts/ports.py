"""The ports of accounts: what use cases need of a database."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol
from uuid import UUID

from app.accounts.address_book import AddressStore
from app.accounts.audit import AuditStore
from app.accounts.domain import Customer, Session, StoredPassword
from app.accounts.email_requests import EmailRequest, RequestKind
from app.accounts.lockout import NotedTry, Tries
from app.accounts.signing_keys import SigningKey
from app.core.changes import Change
from app.core.ids import CustomerId, SessionId
from app.idempotency.domain import KeyStore
from app.jobs.domain import JobStore
from app.mail.domain import Message


class AccountStore(Protocol):
    """Customers on one connection to the primary."""

    async def find_by_email(self, email: str) -> StoredPassword | None:
        """The customer with this address, case folded."""
        ...

    async def find(self, customer_id: CustomerId) -> Customer | None:
        """The customer with this id."""
        ...

    async def find_password(self, customer_id: CustomerId) -> StoredPassword | None:
        """The customer with this id, and their password. Concurrency: locks the customer until the transaction ends."""
        ...

    async def insert(self, customer: Customer, password_hash: str, *, sealed_totp: bytes | None = None) -> bool:
        """Store a new customer; False when the address is taken."""
        ...

    async def set_password(self, customer_id: CustomerId, password_hash: str, *, unless: str | None = None) -> bool:
        """Replace the password's hash. unless: only while it is this one; False where it is not."""
        ...

    async def rename(self, customer_id: CustomerId, name: str | None) -> None:
        """Replace what the customer is called."""
        ...

    async def delete(self, customer_id: CustomerId, *, now: datetime) -> None:
        """Delete the customer; their id stays among the deleted ones."""
        ...

    async def deleted_since(self, moment: datetime) -> dict[CustomerId, datetime]:
        """The customers that were deleted after a moment, and when."""
        ...

    async def take_step(self, customer_id: CustomerId, step: int) -> bool:
        """Note that the second factor's code of this time step was taken; False where it or a later one was before."""
        ...

    async def set_staff(
        self, customer_id: CustomerId, *, sealed_totp: bytes | None, disabled_at: datetime | None
    ) -> None:
        """Replace a staff account's second factor, where one is given, and whether it is disabled."""
        ...

    async def list_staff(self) -> list[Customer]:
        """Every staff account, by address."""
        ...


class SessionStore(Protocol):
    """Sessions on one connection to the primary."""

    async def insert(self, session: Session) -> None:
        """Store a new session."""
        ...

    async def find(self, session_id: SessionId) -> Session | None:
        """The session, ended or not."""
        ...

    async def lock(self, session_id: SessionId) -> Session | None:
        """The session. Concurrency: nobody else locks or changes it until the transaction ends."""
        ...

    async def rotate(self, session: Session) -> None:
        """Store what a refresh changes."""
        ...

    async def end(self, session_id: SessionId, *, of: CustomerId, now: datetime) -> bool:
        """End an open session of this customer; False where there is none."""
        ...

    async def end_all(self, of: CustomerId, *, now: datetime, but: SessionId | None = None) -> int:
        """End every open session of this customer, except for one; returns how many."""
        ...

    async def forget_addresses(self, of: CustomerId) -> None:
        """Forget where this customer's sessions were."""
        ...

    async def list_open(self, of: CustomerId, *, now: datetime, limit: int) -> list[Session]:
        """The customer's open sessions, the newest first."""
        ...

    async def ended_since(self, moment: datetime) -> dict[SessionId, datetime]:
        """The sessions that ended after a moment, and when."""
        ...

    async def forget(self, before: datetime, *, limit: int) -> int:
        """Forget sessions that were over before a moment, at most so many; returns how many."""
        ...


class TryStore(Protocol):
    """Tries to sign in, on one connection to the primary."""

    async def note(self, account: bytes, email: str, address: str, *, now: datetime) -> NotedTry:
        """Note a try."""
        ...

    async def count(self, account: bytes, address: str, *, since: datetime) -> Tries:
        """The tries at this account and from this address since a moment, this one among them."""
        ...

    async def withdraw(self, number: int) -> None:
        """Forget one try."""
        ...

    async def forgive(self, account: bytes, address: str | None = None) -> None:
        """Forget the tries at an account: those from one address, or all."""
        ...

    async def forget(self, before: datetime, *, limit: int) -> int:
        """Forget tries that are older, at most so many; returns how many."""
        ...


class EmailRequestStore(Protocol):
    """What people asked for who have to show an address, on one connection to the primary."""

    async def insert(self, request: EmailRequest) -> None:
        """Store a request whose e-mail is not posted yet."""
        ...

    async def count_since(self, email: str, address: str, moment: datetime) -> tuple[int, int]:
        """How many requests named this e-mail address since a moment, and how many came from this network address."""
        ...

    async def claim(self, request_id: UUID) -> EmailRequest | None:
        """The request, None where it has its e-mail or is gone. Concurrency: locked until the transaction ends."""
        ...

    async def set_token(self, request_id: UUID, digest: bytes, *, expires_at: datetime) -> None:
        """Note what the e-mail's link is recognised by."""
        ...

    async def find(self, digest: bytes, kind: RequestKind, *, now: datetime) -> EmailRequest | None:
        """The request with this token; None where it is over or used."""
        ...

    async def take(self, digest: bytes, kind: RequestKind, *, now: datetime) -> EmailRequest | None:
        """The request with this token, which is gone with the transaction's commit; None where it is over or used."""
        ...

    async def drop_for(self, email: str) -> None:
        """Forget every request of this address, and with it every link."""
        ...

    async def forget(self, before: datetime, *, limit: int) -> int:
        """Forget requests whose time was over before a moment; returns how many."""
        ...


class SigningKeyStore(Protocol):
    """Signing keys on one connection to the primary."""

    async def list(self) -> list[SigningKey]:
        """All of them, the newest first."""
        ...

    async def lock(self) -> None:
        """Concurrency: nobody else adds a key until the transaction ends."""
        ...

    async def insert(self, key: SigningKey) -> None:
        """Store a new key."""
        ...

    async def retire(self, kid: str, *, until: datetime) -> None:
        """Say until when a key verifies."""
        ...

    async def forget(self, before: datetime) -> int:
        """Forget keys that verify nothing since before a moment; returns how many."""
        ...


class Outbox(Protocol):
    """E-mails inside one transaction."""

    async def post(self, message: Message) -> None:
        """Have the message sent once this transaction is committed."""
        ...

    async def forget_recipient(self, email: str) -> None:
        """Forget whatever was or is to be sent to this address, in upper or lower case."""
        ...


class AccountTransaction(Protocol):
    """What accounts need of a transaction."""

    @property
    def accounts(self) -> AccountStore:
        """Customers."""
        ...

    @property
    def addresses(self) -> AddressStore:
        """Address books."""
        ...

    @property
    def sessions(self) -> SessionStore:
        """Sessions."""
        ...

    @property
    def tries(self) -> TryStore:
        """Tries to sign in."""
        ...

    @property
    def email_requests(self) -> EmailRequestStore:
        """Registrations and resets that wait for their link to be followed."""
        ...

    @property
    def signing_keys(self) -> SigningKeyStore:
        """Signing keys."""
        ...

    @property
    def audit(self) -> AuditStore:
        """The audit log."""
        ...

    @property
    def keys(self) -> KeyStore:
        """Keyed calls."""
        ...

    @property
    def jobs(self) -> JobStore:
        """Work for the worker."""
        ...

    @property
    def mail(self) -> Outbox:
        """E-mails."""
        ...

    def announce_after_commit(self, *changes: Change) -> None:
        """Tell whoever watches these objects that they have changed, once this transaction has been committed."""
        ...


class AccountTransactions(Protocol):
    """Opens transactions for accounts."""

    def begin(self) -> AbstractAsyncContextManager[AccountTransaction]:
        """One transaction: committed on normal exit, rolled back on any exception."""
        ...

    def read(self) -> AbstractAsyncContextManager[AccountTransaction]:
        """Statements on the primary, each for itself."""
        ...
