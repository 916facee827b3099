"""`GET /api/account/export`: a customer's own data as one JSON document, streamed. See ADR-0037."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from app.accounts.service import AccountService
from app.core.errors import ClientError, OperationalError, RateLimited, Unauthenticated
from app.core.throttle import Throttle
from app.customers.export_data import AccountData, ExportCustomer
from app.http.auth_messages import refusal
from app.http.authentication import Authentication
from app.http.body import BadRequest
from app.http.caller import CostBuckets

COST = 500  # about as much work as the dearest query
_HEADERS = {"cache-control": "no-store", "content-disposition": 'attachment; filename="my-data.json"'}


@dataclass(frozen=True, slots=True)
class AccountExport:
    """The endpoint."""

    accounts: AccountService
    export: ExportCustomer
    authentication: Authentication
    throttle: Throttle
    buckets: CostBuckets

    def route(self) -> Route:
        """Where it is."""
        return Route("/api/account/export", self.answer, methods=["GET"])

    async def answer(self, request: Request) -> Response:
        """The document, or why there is none."""
        try:
            account = await self._account(request)
        except (BadRequest, ClientError, OperationalError) as error:
            return refusal(error)
        return StreamingResponse(self.export(account), headers=_HEADERS, media_type="application/json")

    async def _account(self, request: Request) -> AccountData:
        identity = await self.authentication.of(request)
        key, bucket = self.buckets.of(request, None if identity is None else identity.customer_id)
        taken = await self.throttle.take(key, COST, bucket)
        if not taken.granted:
            raise RateLimited(retry_after_ms=taken.retry_after_ms)
        if identity is None:
            raise Unauthenticated("Send the access token as Authorization: Bearer.")
        customer = await self.accounts.find_customer(identity)
        if customer is None:
            raise Unauthenticated("The account is gone.")
        return AccountData(customer, await self.accounts.addresses(identity), await self.accounts.sessions(identity))
