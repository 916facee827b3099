"""Change a password: with the current one, or with the link of an e-mail. Every session ends, and a new one begins.

hash outside the transaction -> lock the account -> replace, end all sessions, open one, note it, post an e-mail
"""

from __future__ import annotations

from dataclasses import dataclass

from app.accounts.audit import Action, Event
from app.accounts.domain import Customer, Identity, Origin, Role, Session, SignedIn
from app.accounts.email_requests import RequestKind, token_digest
from app.accounts.ended_sessions import SESSIONS_ENDED
from app.accounts.lockout import account_key
from app.accounts.password_check import PasswordCheck, wrong_credentials
from app.accounts.password_rules import chosen_password
from app.accounts.ports import AccountTransaction
from app.accounts.session_desk import SessionDesk
from app.accounts.verify_email import invalid_link
from app.core.errors import ClientError, Unauthenticated
from app.mail.contents import PasswordChanged, message_of
from app.mail.storefront import Storefront


@dataclass(frozen=True, slots=True)
class NewPasswords:
    """What both ways share."""

    desk: SessionDesk
    check: PasswordCheck
    storefront: Storefront

    async def store(
        self,
        tx: AccountTransaction,
        customer: Customer,
        password_hash: str,
        session: Session,
        event: Event,
        language: str,
    ) -> None:
        """Replace the password and every session. The caller has locked the account."""
        await tx.accounts.set_password(customer.id, password_hash)
        await tx.sessions.end_all(customer.id, now=event.at)
        await tx.sessions.insert(session)
        await tx.tries.forgive(account_key(customer.email))
        await tx.email_requests.drop_for(customer.email)
        content = PasswordChanged(event.at, self.storefront.forgot_password)
        about, recipient = str(session.id), customer.email
        await tx.mail.post(message_of(content, about=about, recipient=recipient, language=language))
        tx.announce_after_commit(SESSIONS_ENDED)
        await tx.audit.append(event)


@dataclass(frozen=True, slots=True)
class ChangePassword:
    """Change the caller's password."""

    new: NewPasswords

    async def __call__(self, identity: Identity, current: str, wanted: str, language: str, origin: Origin) -> SignedIn:
        """A new session, the only one.

        Raises Unauthenticated (CREDENTIALS_INVALID) where the current password is wrong, InvalidInput (PASSWORD_WEAK),
        TooManyTries, AccountsBusy.
        """
        desk, check = self.new.desk, self.new.check
        async with desk.transactions.read() as tx:
            customer = await tx.accounts.find(identity.customer_id)
        if customer is None:
            raise wrong_password("currentPassword")
        password = chosen_password(wanted, email=customer.email, field=("newPassword",))
        try:
            checked = await check(customer.email, current, origin)
        except Unauthenticated as error:
            raise wrong_password("currentPassword") from error
        password_hash = await check.passwords.hash(password)
        for_cookie = identity.csrf_digest is not None
        session, signed_in = await desk.opened(customer, origin, for_cookie=for_cookie)
        actor = str(customer.id)
        event = Event(Action.PASSWORD_CHANGED, actor, actor, session.created_at, origin.address)
        async with desk.transactions.begin() as tx:
            now = await tx.accounts.find_password(customer.id)
            if now is None or now.password_hash != checked.stored.password_hash or not now.customer.may_sign_in:
                raise wrong_password("currentPassword")
            await self.new.store(tx, customer, password_hash, session, event, language)
        return signed_in


@dataclass(frozen=True, slots=True)
class ResetPassword:
    """Set a new password with the link of an e-mail, which shows that the address is the caller's."""

    new: NewPasswords

    async def __call__(
        self, token: str, wanted: str, language: str, origin: Origin, *, for_cookie: bool = False
    ) -> SignedIn:
        """A new session, the only one. The lock on sign-ins is gone with it.

        Raises InvalidInput (TOKEN_INVALID, PASSWORD_WEAK), AccountsBusy.
        """
        desk, digest = self.new.desk, token_digest(token)
        async with desk.transactions.read() as tx:
            request = await tx.email_requests.find(digest, RequestKind.RESET, now=desk.clock.now())
            stored = None if request is None else await tx.accounts.find_by_email(request.email)
        if stored is None:
            raise invalid_link()
        customer = stored.customer
        password = chosen_password(wanted, email=customer.email, field=("newPassword",))
        password_hash = await self.new.check.passwords.hash(password)
        session, signed_in = await desk.opened(customer, origin, for_cookie=for_cookie)
        actor = str(customer.id)
        event = Event(Action.PASSWORD_RESET, actor, actor, session.created_at, origin.address)
        async with desk.transactions.begin() as tx:
            now = await tx.accounts.find_password(customer.id)
            taken = await tx.email_requests.take(digest, RequestKind.RESET, now=desk.clock.now())
            if taken is None or now is None or not now.customer.may_sign_in or now.customer.role is Role.STAFF:
                raise invalid_link()
            await self.new.store(tx, customer, password_hash, session, event, language)
        return signed_in


def wrong_password(field: str) -> ClientError:
    """The caller is known, and this is not their password."""
    error = wrong_credentials()
    error.message, error.field = "The current password is wrong.", (field,)
    return error
