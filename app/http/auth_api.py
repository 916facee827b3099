"""`POST /api/auth/login`: an e-mail address and a password for an access token."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from app.accounts.sign_in import SignIn
from app.core.errors import ErrorCode, Unauthenticated
from app.core.ids import Kind, encode

MAX_BODY_BYTES = 10_000


class _Credentials(msgspec.Struct):
    email: str
    password: str


def login_endpoint(sign_in: SignIn) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint. It takes `{"email", "password"}` and answers `{"token", "expiresAt", "user"}`, or 400 or 401."""

    async def login(request: Request) -> Response:
        body = b""
        try:
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_BODY_BYTES:
                    return _refused(413, "The body is too large.", "BAD_REQUEST")
        except ClientDisconnect:
            return _refused(400, "The body ended early.", "BAD_REQUEST")
        try:
            credentials = msgspec.json.decode(body, type=_Credentials)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return _refused(400, 'Send {"email": "…", "password": "…"} as JSON.', "BAD_REQUEST")
        if "\0" in credentials.email:
            return _refused(400, "Text must not have NUL characters.", "BAD_REQUEST")
        try:
            signed_in = await sign_in(credentials.email, credentials.password)
        except Unauthenticated as error:
            return _refused(401, error.message, ErrorCode.CREDENTIALS_INVALID.value)
        customer = signed_in.customer
        return _json(
            200,
            {
                "token": signed_in.token,
                "expiresAt": signed_in.expires_at,
                "user": {"id": encode(Kind.CUSTOMER, customer.id), "email": customer.email, "name": customer.name},
            },
        )

    return login


def _refused(status: int, message: str, code: str) -> Response:
    return _json(status, {"error": {"code": code, "message": message}})


def _json(status: int, body: object) -> Response:
    return Response(msgspec.json.encode(body), status, {"cache-control": "no-store"}, "application/json")
