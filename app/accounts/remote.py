"""The account service in a process of its own, asked over HTTP: the other side of `app/http/auth_api`.

Whoever a request is about shows their own access token, so a core has no credentials of its own here. A call that
brings no answer is an `AccountsUnavailable`: what it was to do may have been done. See ADR-0031.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx
import msgspec

from app.accounts.address_book import AddressChange, Book, SavedAddress
from app.accounts.customer_json import change_body, saved_of
from app.accounts.domain import Credentials, Customer, Identity, Origin, Registration, Role, Session, SignedIn
from app.core.contact import checked_address
from app.core.errors import AccountsUnavailable, ClientError, ErrorCode, InvalidInput, TooManyTries, Unauthenticated
from app.core.ids import AddressId, CustomerId, Kind, SessionId, decode, encode
from app.idempotency.domain import KeyedCall, key_reused

TIMEOUT_SECONDS = 4.0  # within what any request may take
CONNECT_SECONDS = 1.0
_REFUSALS: dict[int, type[ClientError]] = {400: InvalidInput, 401: Unauthenticated, 403: ClientError, 404: ClientError}


class RemoteAccounts:
    """`AccountService`, `EndedSource` and the reading of keys, over HTTP. Safe for any number of tasks at once."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    @classmethod
    def connect(cls, url: str) -> RemoteAccounts:
        """A service that is connected to when it is first asked."""
        timeout = httpx.Timeout(TIMEOUT_SECONDS, connect=CONNECT_SECONDS)
        return cls(httpx.AsyncClient(base_url=url, timeout=timeout, trust_env=False))

    async def close(self) -> None:
        """End every connection."""
        await self._client.aclose()

    # -------------------------------------------------------------------------------------------- for verifiers

    async def read_keys(self) -> Mapping[str, bytes]:
        """The public keys, by their ids."""
        body = await self._ask("GET", "/.well-known/jwks.json")
        return {
            key["kid"]: base64.urlsafe_b64decode(key["x"] + "==") for key in body["keys"] if key["crv"] == "Ed25519"
        }

    async def ended_since(self, moment: datetime) -> Mapping[SessionId, datetime]:
        """The sessions that ended after a moment, and when."""
        body = await self._ask("GET", "/api/auth/ended-sessions", params={"since": moment.isoformat()})
        return {SessionId(UUID(key)): datetime.fromisoformat(at) for key, at in body["ended"].items()}

    # -------------------------------------------------------------------------------------------- signing in and out

    async def sign_in(self, given: Credentials, origin: Origin) -> SignedIn:
        """A new session."""
        body = {"email": given.email, "password": given.password, "code": given.code}
        return await self._signed_in("login", body, origin)

    async def refresh(self, text: str, origin: Origin, *, for_cookie: bool = False) -> SignedIn:
        """A session's next tokens."""
        assert not for_cookie, "whoever keeps tokens in cookies asks the service itself"
        return await self._signed_in("refresh", {"refreshToken": text}, origin)

    async def sign_out(self, identity: Identity, origin: Origin, *, everywhere: bool) -> None:
        """End the caller's session, or all of theirs."""
        await self._post("logout", {"everywhere": everywhere}, origin, identity.token)

    # -------------------------------------------------------------------------------------------- accounts

    async def register(self, asked: Registration, origin: Origin, *, keyed: KeyedCall | None = None) -> None:
        """Ask for an account."""
        body = {"email": asked.email, "password": asked.password, "name": asked.name, "language": asked.language}
        more = {} if keyed is None else {"idempotency-key": _key(keyed)}
        await self._post("register", body, origin, headers=more)

    async def verify_email(self, token: str, origin: Origin) -> Customer:
        """Make the account of a registration."""
        return _customer((await self._post("verify-email", {"token": token}, origin))["user"])

    async def request_reset(self, email: str, language: str, origin: Origin) -> None:
        """Ask for a new password."""
        await self._post("password/reset-request", {"email": email, "language": language}, origin)

    async def reset_password(
        self, token: str, wanted: str, language: str, origin: Origin, *, for_cookie: bool = False
    ) -> SignedIn:
        """Set a new password with an e-mailed link."""
        assert not for_cookie, "whoever keeps tokens in cookies asks the service itself"
        body = {"token": token, "newPassword": wanted, "language": language}
        return await self._signed_in("password/reset", body, origin)

    async def change_password(
        self, identity: Identity, current: str, wanted: str, language: str, origin: Origin
    ) -> SignedIn:
        """Change the caller's password."""
        body = {"currentPassword": current, "newPassword": wanted, "language": language}
        return await self._signed_in("password/change", body, origin, identity.token)

    async def find_customer(self, identity: Identity) -> Customer | None:
        """The caller, None where the account is gone."""
        try:
            return _customer(await self._ask("GET", "/api/auth/me", headers=_bearer(identity.token)))
        except Unauthenticated:
            return None

    # -------------------------------------------------------------------------------------------- sessions

    async def sessions(self, identity: Identity) -> list[Session]:
        """The caller's open sessions, the newest first."""
        body = await self._ask("GET", "/api/auth/sessions", headers=_bearer(identity.token))
        return [_session(each, identity.customer_id) for each in body["sessions"]]

    async def end_session(self, identity: Identity, session_id: SessionId, origin: Origin) -> bool:
        """End one of the caller's sessions; whether there was one."""
        headers = {**_from(origin), **_bearer(identity.token)}
        try:
            await self._ask("DELETE", f"/api/auth/sessions/{encode(Kind.SESSION, session_id)}", headers=headers)
        except ClientError as error:
            if error.code is ErrorCode.NOT_FOUND:
                return False
            raise
        return True

    # -------------------------------------------------------------------------------------------- customers' data

    async def update_customer(
        self, identity: Identity, name: str | None, *, keyed: KeyedCall | None = None
    ) -> Customer:
        """Change the caller's name."""
        headers = _keyed_headers(identity, keyed)
        return _customer(await self._ask("PATCH", "/api/auth/me", headers=headers, json={"name": name}))

    async def addresses(self, identity: Identity) -> Book:
        """The caller's addresses, oldest first."""
        body = await self._ask("GET", "/api/auth/addresses", headers=_bearer(identity.token))
        return tuple(saved_of(each) for each in body["addresses"])

    async def create_address(
        self, identity: Identity, change: AddressChange, *, keyed: KeyedCall | None = None
    ) -> SavedAddress:
        """Add an address to the caller's book."""
        sent = _checked(change)
        headers = _keyed_headers(identity, keyed)
        return saved_of(await self._ask("POST", "/api/auth/addresses", headers=headers, json=sent))

    async def update_address(
        self, identity: Identity, key: AddressId, change: AddressChange, *, keyed: KeyedCall | None = None
    ) -> SavedAddress:
        """Change one of the caller's addresses."""
        path, headers = f"/api/auth/addresses/{encode(Kind.ADDRESS, key)}", _keyed_headers(identity, keyed)
        return saved_of(await self._ask("PATCH", path, headers=headers, json=_checked(change)))

    async def delete_address(self, identity: Identity, key: AddressId, *, keyed: KeyedCall | None = None) -> None:
        """Delete one of the caller's addresses."""
        path = f"/api/auth/addresses/{encode(Kind.ADDRESS, key)}"
        await self._ask("DELETE", path, headers=_keyed_headers(identity, keyed))

    async def delete_account(self, identity: Identity, password: str, origin: Origin) -> None:
        """Delete the caller's account."""
        await self._post("me/delete", {"password": password}, origin, identity.token)

    async def deleted_since(self, since: datetime) -> Mapping[CustomerId, datetime]:
        """The accounts that were deleted after a moment, and when."""
        body = await self._ask("GET", "/api/auth/deleted-customers", params={"since": since.isoformat()})
        return {CustomerId(UUID(key)): datetime.fromisoformat(at) for key, at in body["deleted"].items()}

    # -------------------------------------------------------------------------------------------- all of them

    async def _signed_in(self, path: str, body: object, origin: Origin, token: str | None = None) -> SignedIn:
        answer = await self._post(path, body, origin, token)
        customer = _customer(await self._ask("GET", "/api/auth/me", headers=_bearer(answer["token"])))
        claims = msgspec.json.decode(_segment(answer["token"].split(".")[1]))
        expires_at = datetime.fromisoformat(answer["expiresAt"])
        session_id = SessionId(UUID(claims["sid"]))
        return SignedIn(customer, session_id, answer["token"], expires_at, answer["refreshToken"])

    async def _post(
        self,
        path: str,
        body: object,
        origin: Origin,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:  # noqa: ANN401  JSON
        sent = {**_from(origin), **(_bearer(token) if token else {}), **(headers or {})}
        return await self._ask("POST", f"/api/auth/{path}", headers=sent, json=body)

    async def _ask(self, method: str, path: str, **request: Any) -> Any:  # noqa: ANN401  JSON
        try:
            answer = await self._client.request(method, path, **request)
        except (httpx.HTTPError, OSError) as error:
            raise AccountsUnavailable(f"the account service did not answer: {type(error).__name__}") from error
        try:
            body = msgspec.json.decode(answer.content)
            if answer.status_code < 300:
                return body
            raise _refusal(answer, body["error"])
        except (msgspec.DecodeError, KeyError, TypeError) as error:
            raise AccountsUnavailable(f"the account service answered with {answer.status_code}") from error


def _refusal(answer: httpx.Response, told: Mapping[str, str]) -> Exception:
    known = {code.value: code for code in ErrorCode}
    code, field = known.get(told["code"]), tuple(filter(None, told.get("field", "").split(".")))
    if code is ErrorCode.RATE_LIMITED:
        return TooManyTries(retry_after_seconds=int(answer.headers.get("retry-after", "1")))
    if code is ErrorCode.IDEMPOTENCY_KEY_REUSED:
        return key_reused()
    if answer.status_code not in _REFUSALS:
        return AccountsUnavailable(f"the account service answered with {answer.status_code}")
    return _REFUSALS[answer.status_code](told["message"], code=code, field=field)


def _customer(body: Mapping[str, Any]) -> Customer:
    created_at = datetime.fromisoformat(body["createdAt"])
    return Customer(
        CustomerId(_uuid(body["id"])),
        body["email"],
        body["name"],
        created_at,
        Role(body["role"]),
        created_at if body["emailVerified"] else None,
    )


def _session(body: Mapping[str, Any], customer_id: CustomerId) -> Session:
    created_at, used_at, expires_at = (
        datetime.fromisoformat(body[name]) for name in ("createdAt", "lastUsedAt", "expiresAt")
    )
    key = SessionId(_uuid(body["id"]))
    return Session(key, customer_id, created_at, used_at, expires_at, body["userAgent"], "", b"")


def _uuid(text: str) -> UUID:
    key = decode(text)[1]
    assert isinstance(key, UUID)
    return key


def _segment(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _keyed_headers(identity: Identity, keyed: KeyedCall | None) -> dict[str, str]:
    return {**_bearer(identity.token), **({} if keyed is None else {"idempotency-key": _key(keyed)})}


def _checked(change: AddressChange) -> dict[str, Any]:
    """What is sent; all that is wrong with an address is said here, since an answer tells of one fault only."""
    if change.address is None:
        return change_body(change)
    return change_body(replace(change, address=checked_address(change.address, field=("address",))))


def _bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def _from(origin: Origin) -> dict[str, str]:
    """Who asks, for a service that trusts this process as its proxy."""
    address = origin.address.partition("/")[0]
    return {"x-forwarded-for": address, "user-agent": (origin.user_agent or "").encode("ascii", "replace").decode()}


def _key(keyed: KeyedCall) -> str:
    return hashlib.sha256(keyed.scope + keyed.key.encode()).hexdigest()
