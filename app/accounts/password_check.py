"""Checking somebody's password, with everything that keeps guesses few and tells nobody whether there is an account.

note the try -> count the tries -> find the account   (three statements, whatever there is)
-> one hash, of nobody's password where there is no account

See `lockout` for the counting.
"""

from __future__ import annotations

from dataclasses import dataclass

from app import telemetry
from app.accounts.domain import Origin, StoredPassword
from app.accounts.lockout import WINDOW, NotedTry, account_key, check_tries
from app.accounts.password_rules import normal_password
from app.accounts.ports import AccountTransactions
from app.accounts.secret_ports import Passwords
from app.core.clock import Clock
from app.core.errors import ErrorCode, TooManyTries, Unauthenticated


@dataclass(frozen=True, slots=True)
class CheckedPassword:
    """A password that was right. noted: the try, which counts until it is forgiven or withdrawn."""

    stored: StoredPassword
    password: str
    noted: NotedTry


@dataclass(frozen=True, slots=True)
class PasswordCheck:
    """Checks passwords of accounts."""

    transactions: AccountTransactions
    passwords: Passwords
    clock: Clock

    async def __call__(self, email: str, password: str, origin: Origin) -> CheckedPassword:
        """The account whose password this is. email: folded.

        Raises Unauthenticated (CREDENTIALS_INVALID), always with the same message, or TooManyTries.
        """
        now = self.clock.now()
        account = account_key(email)
        async with self.transactions.read() as tx:
            noted = await tx.tries.note(account, email, origin.address, now=now)
            tries = await tx.tries.count(account, origin.address, since=now - WINDOW)
            try:
                check_tries(tries, noted, now=now)
            except TooManyTries:
                telemetry.SIGN_INS.labels("locked").inc()
                await tx.tries.withdraw(noted.number)
                raise
            stored = await tx.accounts.find_by_email(email)
        normal = normal_password(password)
        known_hash = stored.password_hash if stored is not None and normal is not None else None
        matches = await self.passwords.matches(known_hash, normal or "")
        if stored is None or normal is None or not matches or not stored.customer.may_sign_in:
            telemetry.SIGN_INS.labels("wrong").inc()
            raise wrong_credentials()
        return CheckedPassword(stored, normal, noted)


def wrong_credentials() -> Unauthenticated:
    """Whatever is wrong with them."""
    return Unauthenticated("The e-mail address or the password is wrong.", code=ErrorCode.CREDENTIALS_INVALID)
