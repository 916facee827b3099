"""`/api/auth` and the public keys: accounts over HTTP, for clients and for a core in another process. See ADR-0031.

Every body is JSON. Tokens are in the answer, or in cookies where the client asks for that and the shop allows it.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.accounts.domain import Credentials, Identity, Registration, SignedIn
from app.accounts.secret_ports import EndedSource, PublicKeys
from app.accounts.service import AccountService
from app.accounts.signing_keys import KEPT_SECONDS, TOKEN_LIFETIME
from app.core.clock import Clock
from app.core.errors import ClientError, InvalidInput, OperationalError, RateLimited, Unauthenticated
from app.core.ids import Kind, SessionId, decode, encode
from app.core.throttle import Throttle
from app.http import auth_messages as messages
from app.http.auth_cookies import REFRESH, check_double_submit, clear_cookies, set_cookies
from app.http.auth_messages import answer, read_message, refusal
from app.http.authentication import Authentication
from app.http.body import BadRequest
from app.http.caller import CostBuckets, origin_of
from app.http.card_check import refuse_card_header
from app.idempotency.domain import KeyedCall, check_key

CALL_COST = 10  # as a mutation's
Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class AuthApi:
    """The endpoints. cookies: whether clients may have their tokens in some; language: of e-mails, by default."""

    accounts: AccountService
    keys: PublicKeys
    ended: EndedSource
    authentication: Authentication
    throttle: Throttle
    buckets: CostBuckets
    clock: Clock
    language: str
    cookies: bool

    def routes(self) -> list[Route]:
        """Every endpoint with its path."""
        posts: dict[str, Endpoint] = {
            "login": self._login,
            "refresh": self._refresh,
            "logout": self._logout,
            "register": self._register,
            "verify-email": self._verify_email,
            "password/reset-request": self._request_reset,
            "password/reset": self._reset,
            "password/change": self._change,
        }
        return [
            *(Route(f"/api/auth/{path}", self.answering(each), methods=["POST"]) for path, each in posts.items()),
            Route("/api/auth/me", self.answering(self._me, cost=1), methods=["GET"]),
            Route("/api/auth/sessions", self.answering(self._sessions, cost=1), methods=["GET"]),
            Route("/api/auth/sessions/{id}", self.answering(self._end_session), methods=["DELETE"]),
            Route("/api/auth/ended-sessions", self.answering(self._ended_sessions, cost=0), methods=["GET"]),
            Route("/.well-known/jwks.json", self.answering(self._key_set, cost=0), methods=["GET"]),
        ]

    def answering(self, endpoint: Endpoint, *, cost: int = CALL_COST) -> Endpoint:
        """The endpoint, charged for, with whatever it refuses as an answer."""

        async def answered(request: Request) -> Response:
            try:
                await self._charge(request, cost)
                return await endpoint(request)
            except (BadRequest, ClientError, OperationalError) as error:
                return refusal(error)

        return answered

    async def _charge(self, request: Request, cost: int) -> None:
        if not cost:
            return
        key, bucket = self.buckets.of(request, None)
        taken = await self.throttle.take(key, cost, bucket)
        if not taken.granted:
            raise RateLimited(retry_after_ms=taken.retry_after_ms)

    # -------------------------------------------------------------------------------------------- signing in and out

    async def _login(self, request: Request) -> Response:
        asked = await read_message(request, messages.LoginRequest)
        for_cookie = self._may_use_cookies(asked.cookies)
        credentials = Credentials(asked.email, asked.password, asked.code, for_cookie)
        return _signed_in(await self.accounts.sign_in(credentials, origin_of(request)))

    async def _refresh(self, request: Request) -> Response:
        asked = await read_message(request, messages.RefreshRequest)
        text, for_cookie = asked.refresh_token, False
        if text is None and self.cookies:
            text, for_cookie = request.cookies.get(REFRESH), True
            if text is not None:
                check_double_submit(request)
        if text is None:
            raise BadRequest(400, 'Send {"refreshToken": "…"}.')
        return _signed_in(await self.accounts.refresh(text, origin_of(request), for_cookie=for_cookie))

    async def _logout(self, request: Request) -> Response:
        asked = await read_message(request, messages.LogoutRequest)
        identity = await self.identity(request)
        await self.accounts.sign_out(identity, origin_of(request), everywhere=asked.everywhere)
        response = answer(200, {"signedOut": True})
        if self.cookies:
            clear_cookies(response)
        return response

    # -------------------------------------------------------------------------------------------- accounts

    async def _register(self, request: Request) -> Response:
        asked = await read_message(request, messages.RegisterRequest)
        registration = Registration(asked.email, asked.password, asked.name, asked.language or self.language)
        await self.accounts.register(registration, origin_of(request), keyed=_keyed(request, asked))
        return answer(202, {"accepted": True})

    async def _verify_email(self, request: Request) -> Response:
        asked = await read_message(request, messages.TokenRequest)
        customer = await self.accounts.verify_email(asked.token, origin_of(request))
        return answer(200, {"user": messages.customer_body(customer)})

    async def _request_reset(self, request: Request) -> Response:
        asked = await read_message(request, messages.ResetLinkRequest)
        await self.accounts.request_reset(asked.email, asked.language or self.language, origin_of(request))
        return answer(202, {"accepted": True})

    async def _reset(self, request: Request) -> Response:
        asked = await read_message(request, messages.ResetRequest)
        signed_in = await self.accounts.reset_password(
            asked.token,
            asked.new_password,
            asked.language or self.language,
            origin_of(request),
            for_cookie=self._may_use_cookies(asked.cookies),
        )
        return _signed_in(signed_in)

    async def _change(self, request: Request) -> Response:
        asked = await read_message(request, messages.ChangeRequest)
        language = asked.language or self.language
        signed_in = await self.accounts.change_password(
            await self.identity(request), asked.current_password, asked.new_password, language, origin_of(request)
        )
        return _signed_in(signed_in)

    async def _me(self, request: Request) -> Response:
        customer = await self.accounts.find_customer(await self.identity(request))
        if customer is None:
            raise Unauthenticated("The account is gone.")
        return answer(200, messages.customer_body(customer))

    # -------------------------------------------------------------------------------------------- sessions

    async def _sessions(self, request: Request) -> Response:
        identity = await self.identity(request)
        found = await self.accounts.sessions(identity)
        return answer(
            200, {"sessions": [messages.session_body(each, current=each.id == identity.session_id) for each in found]}
        )

    async def _end_session(self, request: Request) -> Response:
        identity = await self.identity(request)
        session_id = _session_id(request.path_params["id"])
        if not await self.accounts.end_session(identity, session_id, origin_of(request)):
            raise BadRequest(404, "You have no such session.", "NOT_FOUND")
        return answer(200, {"deletedId": encode(Kind.SESSION, session_id)})

    # -------------------------------------------------------------------------------------------- for verifiers

    async def _ended_sessions(self, request: Request) -> Response:
        oldest = self.clock.now() - 2 * TOKEN_LIFETIME
        asked = request.query_params.get("since")
        since = oldest if asked is None else max(oldest, messages.moment_in(asked))
        ended = await self.ended.ended_since(since)
        return answer(200, {"ended": {str(key): at for key, at in ended.items()}})

    async def _key_set(self, _: Request) -> Response:
        keys = [
            {
                "kty": "OKP",
                "crv": "Ed25519",
                "alg": "EdDSA",
                "use": "sig",
                "kid": kid,
                "x": base64.urlsafe_b64encode(public).decode().rstrip("="),
            }
            for kid, public in sorted((await self.keys.listed()).items())
        ]
        return answer(200, {"keys": keys}, {"cache-control": f"public, max-age={KEPT_SECONDS:.0f}"})

    # -------------------------------------------------------------------------------------------- all of them

    async def identity(self, request: Request) -> Identity:
        """Who asks. Raises Unauthenticated for a guest."""
        identity = await self.authentication.of(request)
        if identity is None:
            raise Unauthenticated("Send the access token as Authorization: Bearer.")
        return identity

    def _may_use_cookies(self, asked: bool) -> bool:
        if asked and not self.cookies:
            raise InvalidInput("This shop keeps no tokens in cookies: leave `cookies` out.", field=("cookies",))
        return asked


def _signed_in(signed_in: SignedIn) -> Response:
    if signed_in.csrf is None:
        return answer(200, messages.signed_in_body(signed_in))
    response = answer(200, messages.signed_in_body(signed_in, with_tokens=False))
    set_cookies(response, signed_in)
    return response


def _keyed(request: Request, asked: messages.RegisterRequest) -> KeyedCall | None:
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    refuse_card_header("idempotency-key", key)
    check_key(key, is_open=True)
    scope, of_input = b"POST /api/auth/register", msgspec.json.encode([asked.email, asked.name, asked.language])
    return KeyedCall(hashlib.sha256(scope).digest(), key, hashlib.sha256(of_input).digest(), b"")


def _session_id(text: str) -> SessionId:
    kind, key = decode(text)
    if kind is not Kind.SESSION or isinstance(key, int):
        raise InvalidInput("This is not the id of a session.")
    return SessionId(key)
