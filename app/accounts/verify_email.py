"""Verify an e-mail address: the link of a registration makes the account, with the password that came with it."""

from __future__ import annotations

from dataclasses import dataclass

from app.accounts.audit import Action, Event
from app.accounts.domain import Customer, Origin
from app.accounts.email_requests import RequestKind, token_digest
from app.accounts.ports import AccountTransactions
from app.core.clock import Clock
from app.core.errors import ErrorCode, InvalidInput
from app.core.ids import CustomerId, IdSource


@dataclass(frozen=True, slots=True)
class VerifyEmail:
    """Make the account of a registration."""

    transactions: AccountTransactions
    clock: Clock
    ids: IdSource

    async def __call__(self, token: str, origin: Origin) -> Customer:
        """The new customer. Raises InvalidInput (TOKEN_INVALID) for a link that is used, over or none of ours."""
        now, digest = self.clock.now(), token_digest(token)
        async with self.transactions.begin() as tx:
            request = await tx.email_requests.take(digest, RequestKind.REGISTRATION, now=now)
            if request is None or request.password_hash is None:
                raise invalid_link()
            customer_id = CustomerId(self.ids.new_uuid())
            customer = Customer(customer_id, request.email, request.name, now, email_verified_at=now)
            if not await tx.accounts.insert(customer, request.password_hash):
                raise invalid_link()
            await tx.email_requests.drop_for(request.email)  # what others asked for with this address is over
            actor = str(customer_id)
            await tx.audit.append(Event(Action.REGISTERED, actor, actor, now, origin.address))
        return customer


def invalid_link() -> InvalidInput:
    """Whatever is wrong with it."""
    return InvalidInput(
        "This link has been used, has expired or is none of ours: ask for another one.",
        code=ErrorCode.TOKEN_INVALID,
        field=("token",),
    )
