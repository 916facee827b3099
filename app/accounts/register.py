"""Register, and ask for a new password: both are answered alike, whoever has the address.

What is asked for is stored; `AnswerRequests` posts the e-mail that fits. A registration is no account yet: it becomes
one, with its own password, when the link in its e-mail is followed. So a stranger cannot take an address in advance,
and trying to sign in afterwards tells nothing either. See ADR-0031.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.accounts.domain import MAX_NAME_LENGTH, Origin, Registration
from app.accounts.email_requests import (
    ANSWER_EMAIL_REQUEST,
    LIMIT_WINDOW,
    MAX_FROM_ADDRESS,
    MAX_REQUESTS,
    EmailRequest,
    RequestKind,
)
from app.accounts.lockout import folded_email
from app.accounts.password_rules import chosen_password
from app.accounts.ports import AccountTransaction, AccountTransactions
from app.accounts.secret_ports import Passwords
from app.core.clock import Clock
from app.core.contact import checked_email
from app.core.errors import InvalidInput, TooManyTries
from app.core.ids import IdSource
from app.idempotency.domain import KeyedCall
from app.jobs.domain import Job


@dataclass(frozen=True, slots=True)
class Register:
    """Ask for an account."""

    transactions: AccountTransactions
    passwords: Passwords
    clock: Clock
    ids: IdSource

    async def __call__(self, asked: Registration, origin: Origin, *, keyed: KeyedCall | None = None) -> None:
        """Store what is asked for.

        Raises InvalidInput (EMAIL_INVALID, PASSWORD_WEAK, INVALID for the name), TooManyTries, AccountsBusy.
        """
        email = folded_email(checked_email(asked.email, field=("email",)))
        name = checked_name(asked.name)
        password = chosen_password(asked.password, email=email, field=("password",))
        password_hash = await self.passwords.hash(password)
        now = self.clock.now()
        async with self.transactions.begin() as tx:
            if keyed is not None and await tx.keys.claim(keyed, now=now) is not None:
                return
            request = EmailRequest(
                self.ids.new_uuid(),
                RequestKind.REGISTRATION,
                email,
                asked.language,
                now,
                origin.address,
                name,
                password_hash,
            )
            await _ask(tx, request)


@dataclass(frozen=True, slots=True)
class RequestReset:
    """Ask for a new password."""

    transactions: AccountTransactions
    clock: Clock
    ids: IdSource

    async def __call__(self, email: str, language: str, origin: Origin) -> None:
        """Store what is asked for. Raises InvalidInput (EMAIL_INVALID), TooManyTries."""
        folded = folded_email(checked_email(email, field=("email",)))
        request = EmailRequest(
            self.ids.new_uuid(), RequestKind.RESET, folded, language, self.clock.now(), origin.address
        )
        async with self.transactions.begin() as tx:
            await _ask(tx, request)


async def _ask(tx: AccountTransaction, request: EmailRequest) -> None:
    since = request.asked_at - LIMIT_WINDOW
    for_email, from_address = await tx.email_requests.count_since(request.email, request.address, since)
    if from_address >= MAX_FROM_ADDRESS:
        raise TooManyTries(retry_after_seconds=int(LIMIT_WINDOW.total_seconds()))
    if for_email < MAX_REQUESTS:
        await tx.email_requests.insert(request)
        await tx.jobs.enqueue(Job(ANSWER_EMAIL_REQUEST, {"request": str(request.id)}))


def checked_name(name: str | None) -> str | None:
    """The name, trimmed; None for none. Raises InvalidInput."""
    if name is None:
        return None
    trimmed = name.strip()
    if len(trimmed) > MAX_NAME_LENGTH:
        raise InvalidInput(f"The name is longer than {MAX_NAME_LENGTH} characters.", field=("name",))
    if not trimmed.isprintable():
        raise InvalidInput("The name has line breaks or control characters.", field=("name",))
    return trimmed or None
