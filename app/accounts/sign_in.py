"""Sign in: an e-mail address and a password for a session and its tokens; of staff, a code of their second factor too.

check the password -> the second factor -> make the tokens -> store the session, forgive the tries, note it in the log

Known and unknown addresses get the same answer after the same work, so nobody can ask who is a customer. See ADR-0031.
"""

from __future__ import annotations

from dataclasses import dataclass

from app import telemetry
from app.accounts.audit import Action, Event
from app.accounts.domain import Credentials, Origin, Role, SignedIn, StoredPassword
from app.accounts.lockout import account_key, folded_email
from app.accounts.password_check import CheckedPassword, PasswordCheck, wrong_credentials
from app.accounts.ports import AccountTransaction
from app.accounts.secret_ports import SecondFactor
from app.accounts.session_desk import SessionDesk
from app.core.errors import ErrorCode, Unauthenticated


@dataclass(frozen=True, slots=True)
class SignIn:
    """Exchange credentials for a session."""

    desk: SessionDesk
    check: PasswordCheck
    second_factor: SecondFactor

    async def __call__(self, given: Credentials, origin: Origin) -> SignedIn:
        """A new session of the customer.

        Raises Unauthenticated (CREDENTIALS_INVALID; SECOND_FACTOR_REQUIRED once the password is right), TooManyTries,
        AccountsBusy.
        """
        email = folded_email(given.email)
        checked = await self.check(email, given.password, origin)
        step = await self._step(checked, given.code)
        new_hash = await self._new_hash(checked)
        customer = checked.stored.customer
        session, signed_in = await self.desk.opened(customer, origin, for_cookie=given.for_cookie)
        async with self.desk.transactions.begin() as tx:
            await self._insist(tx, checked.stored, step)
            if new_hash is not None:
                await tx.accounts.set_password(customer.id, new_hash)
            await tx.sessions.insert(session)
            await tx.tries.forgive(account_key(email), origin.address)
            facts = {"role": customer.role.value, "session": str(session.id)}
            actor = str(customer.id)
            await tx.audit.append(Event(Action.SIGNED_IN, actor, actor, session.created_at, origin.address, facts))
        telemetry.SIGN_INS.labels("signed_in").inc()
        return signed_in

    async def _step(self, checked: CheckedPassword, code: str | None) -> int | None:
        stored = checked.stored
        if stored.customer.role is not Role.STAFF or stored.sealed_totp is None:
            return None
        if not code:
            async with self.desk.transactions.read() as tx:  # nothing was guessed: the password was right
                await tx.tries.withdraw(checked.noted.number)
            raise _second_factor("Send the code of your authenticator application, too.")
        step = self.second_factor.step_of(stored.sealed_totp, code, now=self.desk.clock.now())
        if step is None:
            raise _second_factor("The code is wrong or no longer valid.")
        return step

    async def _new_hash(self, checked: CheckedPassword) -> str | None:
        passwords = self.check.passwords
        return await passwords.hash(checked.password) if passwords.is_outdated(checked.stored.password_hash) else None

    async def _insist(self, tx: AccountTransaction, stored: StoredPassword, step: int | None) -> None:
        """Make sure that nothing has changed since: a password that was replaced opens no session."""
        now = await tx.accounts.find_password(stored.customer.id)
        if now is None or now.password_hash != stored.password_hash or not now.customer.may_sign_in:
            raise wrong_credentials()
        if step is not None and not await tx.accounts.take_step(stored.customer.id, step):
            raise _second_factor("This code has been used: wait for the next one.")


def _second_factor(message: str) -> Unauthenticated:
    return Unauthenticated(message, code=ErrorCode.SECOND_FACTOR_REQUIRED, field=("code",))
