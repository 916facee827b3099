"""`POST /api/auth/login`: an e-mail address and a password for an access token."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.sign_in import SignIn
from app.core.errors import CardDataNotAllowed, ErrorCode, Unauthenticated
from app.core.ids import Kind, encode
from app.http.body import BadRequest, read_json

MAX_BODY_BYTES = 10_000


class _Credentials(msgspec.Struct):
    email: str
    password: str


def login_endpoint(sign_in: SignIn) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint. It takes `{"email", "password"}` and answers `{"token", "expiresAt", "user"}`, or a 4xx."""

    async def login(request: Request) -> Response:
        try:
            credentials = msgspec.convert(await read_json(request, MAX_BODY_BYTES), _Credentials)
        except BadRequest as error:
            return _refused(error.status, error.message, error.code)
        except CardDataNotAllowed as error:
            return _refused(400, error.message, error.code.value, position=error.position)
        except msgspec.ValidationError:
            return _refused(400, 'Send {"email": "…", "password": "…"}.', "BAD_REQUEST")
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


def _refused(status: int, message: str, code: str, **facts: object) -> Response:
    return _json(status, {"error": {"code": code, "message": message, **facts}})


def _json(status: int, body: object) -> Response:
    return Response(msgspec.json.encode(body), status, {"cache-control": "no-store"}, "application/json")
