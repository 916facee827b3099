"""Answer what people asked for who have to show an address: the e-mail that fits, with a link that works once.

registration, no account  -> `email_verification`, whose link makes the account
registration, an account  -> `account_exists`
reset, an account         -> `password_reset`
reset, no account, or one of staff, whose second factor no e-mail may get around -> nothing
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.accounts.domain import Customer, Role
from app.accounts.email_requests import (
    LINK_LIFETIME,
    TOKEN_BYTES,
    EmailRequest,
    RequestKind,
    token_digest,
    token_text,
)
from app.accounts.ports import AccountTransaction, AccountTransactions
from app.core.clock import Clock
from app.core.ids import SecretSource
from app.mail.contents import AccountExists, Content, EmailVerification, PasswordReset, message_of
from app.mail.storefront import Storefront


@dataclass(frozen=True, slots=True)
class AnswerRequests:
    """Post the e-mail of a request. Safe in any number of processes: a request is answered once."""

    transactions: AccountTransactions
    storefront: Storefront
    secrets: SecretSource
    clock: Clock

    async def __call__(self, payload: Mapping[str, str]) -> None:
        """Answer the request that the job names."""
        async with self.transactions.begin() as tx:
            request = await tx.email_requests.claim(UUID(payload["request"]))
            if request is not None:
                stored = await tx.accounts.find_by_email(request.email)
                await self._answer(tx, request, None if stored is None else stored.customer)

    async def _answer(self, tx: AccountTransaction, request: EmailRequest, customer: Customer | None) -> None:
        token = token_text(self.secrets.new_secret(TOKEN_BYTES))
        expires_at = self.clock.now() + LINK_LIFETIME[request.kind]
        # a request without a link has a token, too, which nobody is told: it counts as one for a while
        await tx.email_requests.set_token(request.id, token_digest(token), expires_at=expires_at)
        content = self._content(request, customer, token, expires_at)
        if content is not None:
            about, language = str(request.id), request.language
            await tx.mail.post(message_of(content, about=about, recipient=request.email, language=language))

    def _content(
        self, request: EmailRequest, customer: Customer | None, token: str, expires_at: datetime
    ) -> Content | None:
        if request.kind is RequestKind.REGISTRATION:
            if customer is None:
                return EmailVerification(self.storefront.email_verification(token), expires_at)
            return AccountExists(self.storefront.sign_in, self.storefront.forgot_password)
        if customer is not None and customer.may_sign_in and customer.role is not Role.STAFF:
            return PasswordReset(self.storefront.password_reset(token), expires_at)
        return None
