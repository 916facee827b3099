"""What customers change of their accounts, at `/api/auth`, for clients and for a core in another process: name, address
book, deletion. It goes with `auth_api`. See ADR-0036.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.accounts.address_book import AddressChange
from app.accounts.customer_json import AddressBody, saved_body
from app.accounts.domain import Identity
from app.accounts.service import AccountService
from app.core.errors import InvalidInput, NotFound
from app.core.ids import AddressId, Kind, decode, encode
from app.http import auth_messages as messages
from app.http.auth_api import AuthApi
from app.http.auth_messages import Message, answer, read_message
from app.http.body import BadRequest
from app.http.caller import origin_of
from app.idempotency.domain import KeyedCall, check_key


class NameRequest(Message):
    """Of `PATCH /api/auth/me`."""

    name: str | None = None


class DeleteRequest(Message):
    """Of `POST /api/auth/me/delete`."""

    password: str


class AddressRequest(Message):
    """Of `/api/auth/addresses`. address: needed for a new one."""

    address: AddressBody | None = None
    is_default_shipping: bool | None = None
    is_default_billing: bool | None = None

    def change(self) -> AddressChange:
        """What the entry is to become."""
        address = None if self.address is None else self.address.record()
        return AddressChange(address, self.is_default_shipping, self.is_default_billing)


messages.SHAPES.update(
    {
        NameRequest: '{"name": "…"}',
        DeleteRequest: '{"password": "…"}',
        AddressRequest: '{"address": {"fullName": "…", "line1": "…", "city": "…", "countryCode": "…"}}',
    }
)


@dataclass(frozen=True, slots=True)
class CustomerApi:
    """The endpoints."""

    auth: AuthApi

    @property
    def accounts(self) -> AccountService:
        """Accounts, wherever they are."""
        return self.auth.accounts

    def routes(self) -> list[Route]:
        """All of them."""
        answering = self.auth.answering
        return [
            Route("/api/auth/me", answering(self._rename), methods=["PATCH"]),
            Route("/api/auth/me/delete", answering(self._delete), methods=["POST"]),
            Route("/api/auth/addresses", answering(self._addresses, cost=1), methods=["GET"]),
            Route("/api/auth/addresses", answering(self._create), methods=["POST"]),
            Route("/api/auth/addresses/{id}", answering(self._update), methods=["PATCH"]),
            Route("/api/auth/addresses/{id}", answering(self._remove), methods=["DELETE"]),
            Route("/api/auth/deleted-customers", answering(self._deleted, cost=0), methods=["GET"]),
        ]

    async def _rename(self, request: Request) -> Response:
        asked = await read_message(request, NameRequest)
        identity = await self.auth.identity(request)
        customer = await self.accounts.update_customer(identity, asked.name, keyed=_keyed(request, identity, asked))
        return answer(200, messages.customer_body(customer))

    async def _delete(self, request: Request) -> Response:
        asked = await read_message(request, DeleteRequest)
        identity = await self.auth.identity(request)
        await self.accounts.delete_account(identity, asked.password, origin_of(request))
        return answer(200, {"deletedId": encode(Kind.CUSTOMER, identity.customer_id)})

    async def _addresses(self, request: Request) -> Response:
        book = await self.accounts.addresses(await self.auth.identity(request))
        return answer(200, {"addresses": [saved_body(each) for each in book]})

    async def _create(self, request: Request) -> Response:
        asked = await read_message(request, AddressRequest)
        if asked.address is None:
            raise BadRequest(400, f"Send {messages.SHAPES[AddressRequest]}.")
        identity = await self.auth.identity(request)
        keyed = _keyed(request, identity, asked)
        return answer(200, saved_body(await self.accounts.create_address(identity, asked.change(), keyed=keyed)))

    async def _update(self, request: Request) -> Response:
        asked, key = await read_message(request, AddressRequest), _address_id(request)
        identity = await self.auth.identity(request)
        keyed = _keyed(request, identity, asked)
        try:
            saved = await self.accounts.update_address(identity, key, asked.change(), keyed=keyed)
        except NotFound as error:
            raise BadRequest(404, error.message, "NOT_FOUND") from error
        return answer(200, saved_body(saved))

    async def _remove(self, request: Request) -> Response:
        key, identity = _address_id(request), await self.auth.identity(request)
        try:
            await self.accounts.delete_address(identity, key, keyed=_keyed(request, identity, None))
        except NotFound as error:
            raise BadRequest(404, error.message, "NOT_FOUND") from error
        return answer(200, {"deletedId": request.path_params["id"]})

    async def _deleted(self, request: Request) -> Response:
        since = messages.moment_in(request.query_params.get("since", ""))
        deleted = await self.accounts.deleted_since(since)
        return answer(200, {"deleted": {str(key): at for key, at in deleted.items()}})


def _address_id(request: Request) -> AddressId:
    kind, key = decode(request.path_params["id"])
    if kind is not Kind.ADDRESS or isinstance(key, int):
        raise InvalidInput("This is not the id of an address.")
    return AddressId(key)


def _keyed(request: Request, identity: Identity, asked: object) -> KeyedCall | None:
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    check_key(key, is_open=False)
    scope = f"{request.method} {request.url.path} {identity.customer_id}".encode()
    of_input = msgspec.json.encode(asked)
    return KeyedCall(hashlib.sha256(scope).digest(), key, hashlib.sha256(of_input).digest(), b"")
