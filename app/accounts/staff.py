"""Staff: accounts that an operator makes, with a second factor, and takes away again. See ADR-0033."""

from __future__ import annotations

from dataclasses import dataclass

from app.accounts.audit import OPERATOR, Action, Event
from app.accounts.domain import Customer, Role
from app.accounts.ended_sessions import SESSIONS_ENDED
from app.accounts.lockout import account_key, folded_email
from app.accounts.password_rules import chosen_password
from app.accounts.ports import AccountTransactions
from app.accounts.secret_ports import Passwords, SecondFactor
from app.core.clock import Clock
from app.core.contact import checked_email
from app.core.errors import NotFound, ShopError
from app.core.ids import CustomerId, IdSource


class NotStaff(ShopError):
    """The address is a customer's."""


@dataclass(frozen=True, slots=True)
class CreateStaff:
    """Make a staff account, or give one a new password and second factor."""

    transactions: AccountTransactions
    passwords: Passwords
    second_factor: SecondFactor
    clock: Clock
    ids: IdSource

    async def __call__(self, email: str, password: str, name: str | None) -> tuple[str, bool]:
        """What an authenticator application has to read, and whether the account is new.

        Raises InvalidInput (EMAIL_INVALID, PASSWORD_WEAK), NotStaff.
        """
        folded = folded_email(checked_email(email, field=("email",)))
        password_hash = await self.passwords.hash(chosen_password(password, email=folded, field=("password",)))
        sealed, now = self.second_factor.new_secret(), self.clock.now()
        customer = Customer(CustomerId(self.ids.new_uuid()), folded, name, now, Role.STAFF, email_verified_at=now)
        async with self.transactions.begin() as tx:
            is_new = await tx.accounts.insert(customer, password_hash, sealed_totp=sealed)
            stored = await tx.accounts.find_by_email(folded)
            if stored is None or stored.customer.role is not Role.STAFF:
                raise NotStaff(f"{folded} is a customer's address: use another one for staff")
            if not is_new:
                await tx.accounts.set_password(stored.customer.id, password_hash)
                await tx.accounts.set_staff(stored.customer.id, sealed_totp=sealed, disabled_at=None)
                await tx.sessions.end_all(stored.customer.id, now=now)
                tx.announce_after_commit(SESSIONS_ENDED)
            await tx.tries.forgive(account_key(folded))
            action = Action.STAFF_CREATED if is_new else Action.STAFF_RENEWED
            await tx.audit.append(Event(action, OPERATOR, str(stored.customer.id), now, facts={"role": "staff"}))
        return self.second_factor.address(sealed, folded), is_new


@dataclass(frozen=True, slots=True)
class DisableStaff:
    """Take a staff account's access away, within seconds."""

    transactions: AccountTransactions
    clock: Clock

    async def __call__(self, email: str) -> bool:
        """Whether it was not disabled before. Raises NotFound."""
        folded, now = folded_email(email), self.clock.now()
        async with self.transactions.begin() as tx:
            found = await tx.accounts.find_by_email(folded)
            if found is None or found.customer.role is not Role.STAFF:
                raise NotFound(f"there is no staff account {folded}: see `cartograph staff list`")
            stored = await tx.accounts.find_password(found.customer.id)
            if stored is None or stored.customer.disabled_at is not None:
                return False
            await tx.accounts.set_staff(stored.customer.id, sealed_totp=None, disabled_at=now)
            await tx.sessions.end_all(stored.customer.id, now=now)
            tx.announce_after_commit(SESSIONS_ENDED)
            await tx.audit.append(Event(Action.STAFF_DISABLED, OPERATOR, str(stored.customer.id), now))
        return True


@dataclass(frozen=True, slots=True)
class ListStaff:
    """Every staff account."""

    transactions: AccountTransactions

    async def __call__(self) -> list[Customer]:
        """By address."""
        async with self.transactions.read() as tx:
            return await tx.accounts.list_staff()
