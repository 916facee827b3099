"""The account service, as the rest of the shop asks it, in this process or over HTTP. See ADR-0031.

Whoever asks for a customer's things shows that customer's access token (`Identity.token`), so the service trusts nobody
who asks: a core that was broken into can do what its callers can, and sign nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from app.accounts.address_book import AddressChange, Book, SavedAddress
from app.accounts.change_password import ChangePassword, ResetPassword
from app.accounts.delete_account import DeleteAccount, ListDeleted
from app.accounts.domain import Credentials, Customer, Identity, Origin, Registration, Session, SignedIn
from app.accounts.edit_addresses import CreateAddress, DeleteAddress, ListAddresses, UpdateAddress
from app.accounts.end_sessions import EndSession, ListSessions, SignOut
from app.accounts.ports import AccountTransactions
from app.accounts.refresh_session import RefreshSession
from app.accounts.register import Register, RequestReset
from app.accounts.sign_in import SignIn
from app.accounts.update_customer import UpdateCustomer
from app.accounts.verify_email import VerifyEmail
from app.core.ids import AddressId, CustomerId, SessionId
from app.idempotency.domain import KeyedCall


class AccountService(Protocol):
    """What accounts do for the rest of the shop. Everything raises AccountsUnavailable or DatabaseUnavailable, too."""

    async def register(self, asked: Registration, origin: Origin, *, keyed: KeyedCall | None = None) -> None:
        """Ask for an account. Raises InvalidInput, AccountsBusy."""
        ...

    async def verify_email(self, token: str, origin: Origin) -> Customer:
        """Make the account of a registration. Raises InvalidInput (TOKEN_INVALID)."""
        ...

    async def sign_in(self, given: Credentials, origin: Origin) -> SignedIn:
        """A new session. Raises Unauthenticated, TooManyTries, AccountsBusy."""
        ...

    async def refresh(self, text: str, origin: Origin, *, for_cookie: bool = False) -> SignedIn:
        """A session's next tokens. Raises Unauthenticated (TOKEN_INVALID)."""
        ...

    async def sign_out(self, identity: Identity, origin: Origin, *, everywhere: bool) -> None:
        """End the caller's session, or all of theirs."""
        ...

    async def request_reset(self, email: str, language: str, origin: Origin) -> None:
        """Ask for a new password. Raises InvalidInput (EMAIL_INVALID)."""
        ...

    async def reset_password(
        self, token: str, wanted: str, language: str, origin: Origin, *, for_cookie: bool = False
    ) -> SignedIn:
        """Set a new password with an e-mailed link.

        Raises InvalidInput (TOKEN_INVALID, PASSWORD_WEAK), AccountsBusy.
        """
        ...

    async def change_password(
        self, identity: Identity, current: str, wanted: str, language: str, origin: Origin
    ) -> SignedIn:
        """Change the caller's password.

        Raises Unauthenticated, InvalidInput (PASSWORD_WEAK), TooManyTries, AccountsBusy.
        """
        ...

    async def find_customer(self, identity: Identity) -> Customer | None:
        """The caller, None where the account is gone."""
        ...

    async def sessions(self, identity: Identity) -> list[Session]:
        """The caller's open sessions, the newest first."""
        ...

    async def end_session(self, identity: Identity, session_id: SessionId, origin: Origin) -> bool:
        """End one of the caller's sessions; whether there was one."""
        ...

    async def update_customer(
        self, identity: Identity, name: str | None, *, keyed: KeyedCall | None = None
    ) -> Customer:
        """Change the caller's name. Raises InvalidInput."""
        ...

    async def addresses(self, identity: Identity) -> Book:
        """The caller's addresses, oldest first."""
        ...

    async def create_address(
        self, identity: Identity, change: AddressChange, *, keyed: KeyedCall | None = None
    ) -> SavedAddress:
        """Add an address to the caller's book. Raises InvalidInput (ADDRESS_INVALID), Rejected."""
        ...

    async def update_address(
        self, identity: Identity, key: AddressId, change: AddressChange, *, keyed: KeyedCall | None = None
    ) -> SavedAddress:
        """Change one of the caller's addresses. Raises NotFound, InvalidInput (ADDRESS_INVALID), Rejected."""
        ...

    async def delete_address(self, identity: Identity, key: AddressId, *, keyed: KeyedCall | None = None) -> None:
        """Delete one of the caller's addresses. Raises NotFound."""
        ...

    async def delete_account(self, identity: Identity, password: str, origin: Origin) -> None:
        """Delete the caller's account. Raises Unauthenticated, Forbidden, TooManyTries, AccountsBusy."""
        ...

    async def deleted_since(self, since: datetime) -> Mapping[CustomerId, datetime]:
        """The accounts that were deleted after a moment, and when."""
        ...


@dataclass(frozen=True, slots=True)
class FindCustomer:
    """Find the customer that a verified token names."""

    transactions: AccountTransactions

    async def __call__(self, identity: Identity) -> Customer | None:
        """The customer, None where the account is gone."""
        async with self.transactions.read() as tx:
            return await tx.accounts.find(identity.customer_id)


@dataclass(frozen=True, slots=True)
class LocalAccounts:
    """`AccountService` in this process: its use cases."""

    register: Register
    verify_email: VerifyEmail
    sign_in: SignIn
    refresh: RefreshSession
    sign_out: SignOut
    request_reset: RequestReset
    reset_password: ResetPassword
    change_password: ChangePassword
    find_customer: FindCustomer
    sessions: ListSessions
    end_session: EndSession
    update_customer: UpdateCustomer
    addresses: ListAddresses
    create_address: CreateAddress
    update_address: UpdateAddress
    delete_address: DeleteAddress
    delete_account: DeleteAccount
    deleted_since: ListDeleted
