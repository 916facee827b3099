"""What is said at /api/auth: requests as they are read, and answers as they are written."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.domain import Customer, Session, SignedIn
from app.core.errors import (
    CardDataNotAllowed,
    ClientError,
    Forbidden,
    OperationalError,
    RateLimited,
    Rejected,
    TooManyTries,
    Unauthenticated,
)
from app.core.ids import Kind, encode
from app.http.body import BadRequest, read_json

MAX_BODY_BYTES = 10_000
M = TypeVar("M", bound="Message")


class Message(msgspec.Struct, rename="camel"):
    """A request's body."""


class LoginRequest(Message):
    """Of `/api/auth/login`. code: of the second factor; cookies: keep the tokens in cookies."""

    email: str
    password: str
    code: str | None = None
    cookies: bool = False


class RefreshRequest(Message):
    """Of `/api/auth/refresh`. refresh_token: None where it is in a cookie."""

    refresh_token: str | None = None


class LogoutRequest(Message):
    """Of `/api/auth/logout`."""

    everywhere: bool = False


class RegisterRequest(Message):
    """Of `/api/auth/register`."""

    email: str
    password: str
    name: str | None = None
    language: str | None = None


class TokenRequest(Message):
    """Of `/api/auth/verify-email`."""

    token: str


class ResetLinkRequest(Message):
    """Of `/api/auth/password/reset-request`."""

    email: str
    language: str | None = None


class ResetRequest(Message):
    """Of `/api/auth/password/reset`."""

    token: str
    new_password: str
    language: str | None = None
    cookies: bool = False


class ChangeRequest(Message):
    """Of `/api/auth/password/change`."""

    current_password: str
    new_password: str
    language: str | None = None


SHAPES: dict[type[Message], str] = {
    LoginRequest: '{"email": "…", "password": "…"}',
    RefreshRequest: '{"refreshToken": "…"}',
    LogoutRequest: '{"everywhere": false}',
    RegisterRequest: '{"email": "…", "password": "…", "name": "…"}',
    TokenRequest: '{"token": "…"}',
    ResetLinkRequest: '{"email": "…"}',
    ResetRequest: '{"token": "…", "newPassword": "…"}',
    ChangeRequest: '{"currentPassword": "…", "newPassword": "…"}',
}


async def read_message(request: Request, kind: type[M]) -> M:
    """The body as this kind of message. Raises BadRequest."""
    try:
        return msgspec.convert(await read_json(request, MAX_BODY_BYTES), kind)
    except msgspec.ValidationError:
        raise BadRequest(400, f"Send {SHAPES[kind]}.") from None


def answer(status: int, body: object, headers: Mapping[str, str] | None = None) -> Response:
    """An answer that no cache keeps."""
    return Response(
        msgspec.json.encode(body), status, {"cache-control": "no-store", **(headers or {})}, "application/json"
    )


def signed_in_body(signed_in: SignedIn, *, with_tokens: bool = True) -> dict[str, object]:
    """What came of a sign-in. with_tokens: without them they are in cookies."""
    customer = signed_in.customer
    user = {"id": encode(Kind.CUSTOMER, customer.id), "email": customer.email, "name": customer.name}
    body: dict[str, object] = {"expiresAt": signed_in.expires_at, "user": user}
    if with_tokens:
        return {"token": signed_in.token, "refreshToken": signed_in.refresh_token, **body}
    return {**body, "csrfToken": signed_in.csrf}


def customer_body(customer: Customer) -> dict[str, object]:
    """All that a customer may know of their account."""
    return {
        "id": encode(Kind.CUSTOMER, customer.id),
        "email": customer.email,
        "name": customer.name,
        "emailVerified": customer.email_verified,
        "role": customer.role.value,
        "createdAt": customer.created_at,
    }


def session_body(session: Session, *, current: bool) -> dict[str, object]:
    """A session, as its owner may see it."""
    return {
        "id": encode(Kind.SESSION, session.id),
        "createdAt": session.created_at,
        "lastUsedAt": session.last_used_at,
        "expiresAt": session.expires_at,
        "userAgent": session.user_agent,
        "current": current,
    }


def refusal(error: BadRequest | ClientError | OperationalError) -> Response:
    """The answer to what could not be done."""
    if isinstance(error, BadRequest):
        return _error(error.status, error.code, error.message, headers=error.headers)
    if isinstance(error, OperationalError):
        wait = {"retry-after": str(error.retry_after_seconds)}
        return _error(503, "SERVICE_UNAVAILABLE", "The shop cannot answer this right now.", headers=wait)
    if isinstance(error, TooManyTries):
        return _error(429, error.code.value, error.message, headers={"retry-after": str(error.retry_after_seconds)})
    if isinstance(error, RateLimited):
        wait = {"retry-after": str(-(-error.retry_after_ms // 1_000))}
        return _error(429, "THROTTLED", error.message, headers=wait)
    if isinstance(error, CardDataNotAllowed):
        return answer(400, {"error": {"code": error.code.value, "message": error.message, "position": error.position}})
    first = error.faults[0] if isinstance(error, Rejected) else error
    status = 401 if isinstance(first, Unauthenticated) else 403 if isinstance(first, Forbidden) else 400
    return _error(status, first.code.value, first.message, field=".".join(first.field))


def _error(
    status: int, code: str, message: str, *, field: str = "", headers: Mapping[str, str] | None = None
) -> Response:
    told: dict[str, Any] = {"code": code, "message": message}
    return answer(status, {"error": told | ({"field": field} if field else {})}, headers)


def moment_in(text: str) -> datetime:
    """A time in a query string. Raises BadRequest."""
    try:
        return msgspec.convert(text, datetime, strict=False)
    except msgspec.ValidationError:
        raise BadRequest(400, "Send a time such as 2026-01-31T12:00:00Z.") from None
