"""Mutations of accounts: registering, signing in and out, passwords."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated

import strawberry

from app.accounts import domain as records
from app.accounts.domain import MAX_NAME_LENGTH, Credentials, Registration, SignedIn
from app.accounts.password_rules import MAX_PASSWORD_LENGTH, MIN_PASSWORD_LENGTH
from app.core.contact import MAX_EMAIL_LENGTH
from app.core.errors import ClientError, ErrorCode, Unauthenticated
from app.core.ids import Kind
from resolvers.backing import INPUT, given
from resolvers.context import Context, Info
from resolvers.cost_directives import at_most
from resolvers.customer import Customer
from resolvers.delete_payload import DeletePayload
from resolvers.errors import MAX_USER_ERRORS, UserError, user_errors
from resolvers.idempotency import IDEMPOTENCY_KEY
from resolvers.ids import public_id, session_key

EMAIL = f"The e-mail address, at most {MAX_EMAIL_LENGTH} characters."
PASSWORD = f"The password, at most {MAX_PASSWORD_LENGTH:,} characters."
NEW_PASSWORD = (
    f"The new password: {MIN_PASSWORD_LENGTH} to {MAX_PASSWORD_LENGTH:,} characters of any kind,"
    " none of the common ones."
)
LINK_TOKEN = "The token from the link in the e-mail, up to 100 characters; it works once."  # noqa: S105  a description
WHY_NOT = "Why nothing was done; else empty."


@strawberry.input(description="Somebody who wants an account.")
class CustomerRegisterInput:
    """Becomes a `Registration`."""

    email: str = strawberry.field(description=EMAIL)
    password: str = strawberry.field(description=NEW_PASSWORD)
    name: str | None = strawberry.field(
        default=strawberry.UNSET, description=f"What to call them, at most {MAX_NAME_LENGTH} characters."
    )
    idempotency_key: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description=IDEMPOTENCY_KEY)


@strawberry.input(description="What somebody signs in with.")
class LoginInput:
    """Becomes `Credentials`."""

    email: str = strawberry.field(description=EMAIL)
    password: str = strawberry.field(description=PASSWORD)
    code: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="Of staff: the 6 digits of their authenticator application. `SECOND_FACTOR_REQUIRED` asks for it.",
    )


@strawberry.input(description="A refresh token to exchange.")
class TokenRefreshInput:
    """Works once."""

    refresh_token: str = strawberry.field(description="The refresh token that came last, 86 characters.")


@strawberry.input(description="What to sign out of.")
class LogoutInput:
    """The session of the request's token, or all."""

    everywhere: bool = strawberry.field(default=False, description="True for every session of this customer.")


@strawberry.input(description="One of the customer's sessions, to be ended.")
class SessionRevokeInput:
    """From `me.sessions`."""

    session_id: strawberry.ID = strawberry.field(description="The session's id.")


@strawberry.input(description="Who has forgotten their password.")
class PasswordResetRequestInput:
    """Answered alike whoever it is."""

    email: str = strawberry.field(description=EMAIL)


@strawberry.input(description="A new password, by the link of an e-mail.")
class PasswordResetInput:
    """The link is used up by it."""

    token: str = strawberry.field(description=LINK_TOKEN)
    new_password: str = strawberry.field(description=NEW_PASSWORD)


@strawberry.input(description="A new password, by the current one.")
class PasswordChangeInput:
    """For who is signed in."""

    current_password: str = strawberry.field(description=PASSWORD)
    new_password: str = strawberry.field(description=NEW_PASSWORD)


@strawberry.input(description="The link of a registration.")
class EmailVerifyInput:
    """The link is used up by it."""

    token: str = strawberry.field(description=LINK_TOKEN)


@strawberry.type(description="Tokens of a session, or why there are none.")
class AuthPayload:
    """From a `SignedIn`, or from an error."""

    access_token: str | None = strawberry.field(
        description="For the header `Authorization: Bearer`, until `expiresAt`; keep it in memory only."
    )
    refresh_token: str | None = strawberry.field(
        description="For `tokenRefresh`, once: it gives the next one. Keep it where no other site's script reads."
    )
    expires_at: datetime | None = strawberry.field(description="When the access token ends.")
    customer: Customer | None = strawberry.field(description="Whose session it is.")
    user_errors: list[UserError] = strawberry.field(directives=at_most(MAX_USER_ERRORS), description=WHY_NOT)


@strawberry.type(description="Whether something was accepted; never whether it concerns an account.")
class AcceptedPayload:
    """The same whoever it is about."""

    accepted: bool = strawberry.field(description="True where it was; an e-mail follows if there is a reason for one.")
    user_errors: list[UserError] = strawberry.field(directives=at_most(MAX_USER_ERRORS), description=WHY_NOT)


@strawberry.type(description="A customer after a change, or why nothing was changed.")
class CustomerPayload:
    """From a customer's record."""

    customer: Customer | None = strawberry.field(description="The customer; null where nothing was done.")
    user_errors: list[UserError] = strawberry.field(directives=at_most(MAX_USER_ERRORS), description=WHY_NOT)


@strawberry.type
class AccountMutation:
    """The part of `Mutation` about accounts."""

    @strawberry.mutation(
        description="Ask for an account. Known and unknown addresses get this same answer, without tokens, and an"
        " e-mail: the link in it makes the account (`emailVerify`), after which one signs in."
    )
    async def customer_register(
        self,
        info: Info,
        input: Annotated[CustomerRegisterInput, INPUT],  # noqa: A002  the schema's name
    ) -> AuthPayload | None:
        """Never tells whether there is an account."""
        context = info.context
        asked = Registration(input.email, input.password, given(input.name), context.text_language)
        try:
            await context.services.accounts.register(asked, context.origin, keyed=context.keyed_call)
        except ClientError as error:
            return await _not_signed_in(error, context)
        context.took_effect()
        return _nobody([])

    @strawberry.mutation(description="Sign in with an e-mail address and a password.")
    async def login(self, info: Info, input: Annotated[LoginInput, INPUT]) -> AuthPayload | None:  # noqa: A002
        """After five wrong tries within 15 minutes, `RATE_LIMITED`."""
        asked = Credentials(input.email, input.password, given(input.code))
        sign_in, origin = info.context.services.accounts.sign_in, info.context.origin
        return await _signed_in(lambda: sign_in(asked, origin), info.context)

    @strawberry.mutation(
        description="Exchange a refresh token for the next one and a new access token. Within 10 seconds the same token"
        " gives the same next one; later its use ends the session, because somebody else may have it."
    )
    async def token_refresh(
        self,
        info: Info,
        input: Annotated[TokenRefreshInput, INPUT],  # noqa: A002
    ) -> AuthPayload | None:
        """Needs no access token."""
        refresh, origin = info.context.services.accounts.refresh, info.context.origin
        return await _signed_in(lambda: refresh(input.refresh_token, origin), info.context)

    @strawberry.mutation(description="Sign out: the session's tokens are worth nothing any more, within seconds.")
    async def logout(self, info: Info, input: Annotated[LogoutInput, INPUT]) -> DeletePayload | None:  # noqa: A002
        """Of the session that the access token belongs to."""
        context = info.context
        try:
            identity = insist_on_identity(context)
            await context.services.accounts.sign_out(identity, context.origin, everywhere=input.everywhere)
        except ClientError as error:
            return DeletePayload(deleted_id=None, user_errors=await user_errors(error, context))
        return DeletePayload(deleted_id=public_id(Kind.SESSION, identity.session_id), user_errors=[])

    @strawberry.mutation(description="End one of the customer's sessions, such as that of a lost phone.")
    async def session_revoke(
        self,
        info: Info,
        input: Annotated[SessionRevokeInput, INPUT],  # noqa: A002
    ) -> DeletePayload | None:
        """Somebody else's session is one that there is not."""
        context, key = info.context, session_key(input.session_id)
        try:
            identity = insist_on_identity(context)
            if not await context.services.accounts.end_session(identity, key, context.origin):
                raise ClientError("You have no such session.", code=ErrorCode.NOT_FOUND, field=("sessionId",))
        except ClientError as error:
            return DeletePayload(deleted_id=None, user_errors=await user_errors(error, context))
        return DeletePayload(deleted_id=public_id(Kind.SESSION, key), user_errors=[])

    @strawberry.mutation(description="Ask for a link to choose a new password, by e-mail if there is an account.")
    async def password_reset_request(
        self,
        info: Info,
        input: Annotated[PasswordResetRequestInput, INPUT],  # noqa: A002
    ) -> AcceptedPayload | None:
        """Never tells whether there is an account."""
        context = info.context
        try:
            await context.services.accounts.request_reset(input.email, context.text_language, context.origin)
        except ClientError as error:
            return AcceptedPayload(accepted=False, user_errors=await user_errors(error, context))
        return AcceptedPayload(accepted=True, user_errors=[])

    @strawberry.mutation(description="Choose a new password with the link of an e-mail; ends every other session.")
    async def password_reset(
        self,
        info: Info,
        input: Annotated[PasswordResetInput, INPUT],  # noqa: A002
    ) -> AuthPayload | None:
        """Signs in, too."""
        context, reset = info.context, info.context.services.accounts.reset_password
        token, wanted = input.token, input.new_password
        return await _signed_in(lambda: reset(token, wanted, context.text_language, context.origin), context)

    @strawberry.mutation(description="Choose a new password with the current one; ends every other session.")
    async def password_change(
        self,
        info: Info,
        input: Annotated[PasswordChangeInput, INPUT],  # noqa: A002
    ) -> AuthPayload | None:
        """Gives tokens of a new session."""
        context, change = info.context, info.context.services.accounts.change_password
        current, wanted, language = input.current_password, input.new_password, context.text_language

        async def changed() -> SignedIn:
            return await change(insist_on_identity(context), current, wanted, language, context.origin)

        return await _signed_in(changed, context)

    @strawberry.mutation(description="Make the account of a registration, with the link of its e-mail; then sign in.")
    async def email_verify(
        self,
        info: Info,
        input: Annotated[EmailVerifyInput, INPUT],  # noqa: A002
    ) -> CustomerPayload | None:
        """Whoever follows the link has the address."""
        context = info.context
        try:
            customer = await context.services.accounts.verify_email(input.token, context.origin)
        except ClientError as error:
            return CustomerPayload(customer=None, user_errors=await user_errors(error, context))
        return CustomerPayload(customer=customer, user_errors=[])  # type: ignore[arg-type]  # a record, as everywhere


def insist_on_identity(context: Context) -> records.Identity:
    """Who is signed in. Raises Unauthenticated for a guest."""
    if context.identity is None:
        raise Unauthenticated("Sign in first: send the access token as Authorization: Bearer.")
    return context.identity


async def _signed_in(work: Callable[[], Awaitable[SignedIn]], context: Context) -> AuthPayload:
    """No turn is taken for a connection: what these wait for most of the time is a password's hash."""
    try:
        signed_in = await work()
    except ClientError as error:
        return await _not_signed_in(error, context)
    context.continue_as(signed_in)
    return AuthPayload(
        access_token=signed_in.token,
        refresh_token=signed_in.refresh_token,
        expires_at=signed_in.expires_at,
        customer=signed_in.customer,  # type: ignore[arg-type]  # a record, as everywhere
        user_errors=[],
    )


async def _not_signed_in(error: ClientError, context: Context) -> AuthPayload:
    return _nobody(await user_errors(error, context))


def _nobody(errors: list[UserError]) -> AuthPayload:
    return AuthPayload(access_token=None, refresh_token=None, expires_at=None, customer=None, user_errors=errors)
