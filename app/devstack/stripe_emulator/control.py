"""The control API under /_emulator: what a test tells the emulator, and what it asks it.

GET    health                            200 when up
POST   faults          FaultRequest      GET list, DELETE heal
POST   webhooks/faults WebhookFaultRequest    GET list, DELETE forget
GET    webhooks                          deliveries; POST webhooks/release, POST webhooks/resend {"event": id}
GET    ledger          ?after=sequence   the witness
GET    stats, requests                   what the API was asked; DELETE stats counts from zero
POST   clock           {"advance_seconds": n}    GET the time
POST   search          {"lag_seconds": n}        how far search is behind
POST   reset                             no more faults, lag or counts; the money, the keys and the time stay
POST   payment_intents/{id}/settle  {"outcome": "succeed" | "fail"}    the bank's late answer
POST   payment_intents/{id}/dispute {"reason": "fraudulent", "inquiry": false}    the buyer complains at the bank
POST   disputes/{id}/close          {"outcome": "won" | "lost"}    and the bank decides
POST   refunds/{id}/settle          {"outcome": "succeed" | "fail"}    how a refund ended

Bodies and answers are JSON; a body that cannot be read is a 400 that says why.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.devstack.stripe_emulator.calls import CallLog
from app.devstack.stripe_emulator.changes import Cause, Changes
from app.devstack.stripe_emulator.clock import AdvanceableClock
from app.devstack.stripe_emulator.deliveries import Deliveries
from app.devstack.stripe_emulator.disputes import CLOSED, close, open_dispute
from app.devstack.stripe_emulator.faults import FaultRequest, Faults, InvalidFault
from app.devstack.stripe_emulator.identifiers import Identifiers
from app.devstack.stripe_emulator.journal import Commit
from app.devstack.stripe_emulator.payment_intents import expire_authorizations
from app.devstack.stripe_emulator.refunds import settle_refund, settle_refunds
from app.devstack.stripe_emulator.render import render
from app.devstack.stripe_emulator.search import SearchIndex
from app.devstack.stripe_emulator.slow_banks import answer_late, answer_slow_banks
from app.devstack.stripe_emulator.store import Store
from app.devstack.stripe_emulator.webhook_faults import WebhookFaultRequest, WebhookFaultScript

T = TypeVar("T")


class AdvanceClock(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of POST clock."""

    advance_seconds: int


class SetSearchLag(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of POST search."""

    lag_seconds: int


class ResendEvent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of POST webhooks/resend."""

    event: str


class Settle(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of POST payment_intents/{id}/settle and refunds/{id}/settle."""

    outcome: Literal["succeed", "fail"]


class OpenDispute(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of POST payment_intents/{id}/dispute."""

    reason: str = "fraudulent"
    inquiry: bool = False


class CloseDispute(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of POST disputes/{id}/close."""

    outcome: Literal["won", "lost"]


@dataclass(frozen=True, slots=True)
class Control:
    """The control API."""

    store: Store
    clock: AdvanceableClock
    identifiers: Identifiers
    faults: Faults
    deliveries: Deliveries
    calls: CallLog
    search_index: SearchIndex

    def routes(self) -> list[Route]:
        """Where each of them is, below /_emulator."""
        return [
            Route("/health", self.health, methods=["GET"]),
            Route("/faults", self.api_faults, methods=["GET", "POST", "DELETE"]),
            Route("/webhooks", self.webhooks, methods=["GET"]),
            Route("/webhooks/faults", self.webhook_faults, methods=["GET", "POST", "DELETE"]),
            Route("/webhooks/release", self.release, methods=["POST"]),
            Route("/webhooks/resend", self.resend, methods=["POST"]),
            Route("/ledger", self.ledger, methods=["GET"]),
            Route("/stats", self.stats, methods=["GET", "DELETE"]),
            Route("/requests", self.requests, methods=["GET"]),
            Route("/clock", self.time, methods=["GET", "POST"]),
            Route("/search", self.search, methods=["GET", "POST"]),
            Route("/reset", self.reset, methods=["POST"]),
            Route("/payment_intents/{id}/settle", self.settle, methods=["POST"]),
            Route("/payment_intents/{id}/dispute", self.dispute, methods=["POST"]),
            Route("/disputes/{id}/close", self.close_dispute, methods=["POST"]),
            Route("/refunds/{id}/settle", self.settle_refund, methods=["POST"]),
        ]

    async def health(self, _request: Request) -> Response:
        """The process answers."""
        return JSONResponse({"status": "ok"})

    async def api_faults(self, request: Request) -> Response:
        """List, add or clear the scripts against the API."""
        if request.method == "POST":
            script = self.faults.add(await _body(request, FaultRequest))
            return JSONResponse(msgspec.to_builtins(script), 201)
        if request.method == "DELETE":
            self.faults.clear()
        return JSONResponse({"faults": msgspec.to_builtins(self.faults.scripts())})

    async def webhook_faults(self, request: Request) -> Response:
        """List, add or clear the scripts against webhooks."""
        faults = self.deliveries.faults
        if request.method == "POST":
            script = faults.add(await _body(request, WebhookFaultRequest))
            return JSONResponse(_webhook_fault(script), 201)
        if request.method == "DELETE":
            faults.clear()
        return JSONResponse({"faults": [_webhook_fault(script) for script in faults.scripts()]})

    async def webhooks(self, _request: Request) -> Response:
        """Every delivery and how it stands."""
        return JSONResponse({"deliveries": msgspec.to_builtins(self.deliveries.log)})

    async def release(self, _request: Request) -> Response:
        """Let go what is held, delayed or overtaken."""
        return JSONResponse({"released": self.deliveries.release()})

    async def resend(self, request: Request) -> Response:
        """Send one event again."""
        body = await _body(request, ResendEvent)
        event = self.store.tables.events.get(body.event)
        if event is None:
            return _error("there is no such event", status=404)
        self.deliveries.resend(event)
        return JSONResponse({"resent": event.id})

    async def ledger(self, request: Request) -> Response:
        """The movements of money, all or after a sequence number."""
        after = msgspec.convert(request.query_params.get("after", "0"), int, strict=False)
        entries = [entry for entry in self.store.ledger if entry.sequence > after]
        return JSONResponse({"entries": msgspec.to_builtins(entries)})

    async def stats(self, request: Request) -> Response:
        """Requests per endpoint, and how many of them were replayed."""
        if request.method == "DELETE":
            self.calls.clear()
        return JSONResponse({"calls": self.calls.counts(), "replayed": self.calls.replayed()})

    async def requests(self, _request: Request) -> Response:
        """The latest requests one by one."""
        return JSONResponse({"requests": msgspec.to_builtins(self.calls.entries())})

    async def time(self, request: Request) -> Response:
        """The emulator's time, moved forward first on POST."""
        if request.method == "POST":
            body = await _body(request, AdvanceClock)
            if body.advance_seconds < 0:
                return _error("time does not go back")
            self.clock.advance(body.advance_seconds)
            self.store.commit(Commit(advanced_seconds=self.clock.advanced_seconds))
            self.expire()
        return JSONResponse({"now": self.clock.timestamp(), "advanced_seconds": self.clock.advanced_seconds})

    async def search(self, request: Request) -> Response:
        """How far the search index is behind."""
        if request.method == "POST":
            self.search_index.lag_seconds = (await _body(request, SetSearchLag)).lag_seconds
        return JSONResponse({"lag_seconds": self.search_index.lag_seconds})

    async def reset(self, _request: Request) -> Response:
        """Take back what a test has scripted, so that the next one starts without it."""
        self.faults.clear()
        self.deliveries.faults.clear()
        self.deliveries.release()
        self.calls.clear()
        self.search_index.lag_seconds = 0
        return JSONResponse({"status": "ok"})

    async def settle(self, request: Request) -> Response:
        """The bank's answer to a charge that is `processing`."""
        body = await _body(request, Settle)
        changes = self._changes()
        payment_intent = changes.payment_intents.find(request.path_params["id"])
        if payment_intent is None:
            return _error("there is no such PaymentIntent", status=404)
        if payment_intent.status != "processing":
            return _error(f"the PaymentIntent is {payment_intent.status}, not processing", status=409)
        charge = changes.charges.get(payment_intent.latest_charge or "")
        answer_late(changes, payment_intent, charge, succeeds=body.outcome == "succeed")
        self.deliveries.enqueue(changes.commit())
        return JSONResponse(render(self.store.tables.payment_intents[payment_intent.id]))

    async def dispute(self, request: Request) -> Response:
        """The buyer's complaint about a payment that went through."""
        body = await _body(request, OpenDispute)
        changes = self._changes()
        payment_intent = changes.payment_intents.find(request.path_params["id"])
        charge = changes.charges.find(payment_intent.latest_charge or "") if payment_intent else None
        if charge is None or not charge.captured or charge.disputed:
            return _error("there is no such PaymentIntent with a charge that can be disputed", status=409)
        dispute = open_dispute(changes, charge, reason=body.reason, is_inquiry=body.inquiry)
        self.deliveries.enqueue(changes.commit())
        return JSONResponse(render(dispute), 201)

    async def close_dispute(self, request: Request) -> Response:
        """The bank's decision."""
        body = await _body(request, CloseDispute)
        changes = self._changes()
        dispute = changes.disputes.find(request.path_params["id"])
        if dispute is None or dispute.status in CLOSED:
            return _error("there is no such open dispute", status=409)
        dispute = close(changes, dispute, is_won=body.outcome == "won")
        self.deliveries.enqueue(changes.commit())
        return JSONResponse(render(dispute))

    async def settle_refund(self, request: Request) -> Response:
        """How a refund ended: one that is pending, or one that looked successful and fails."""
        body = await _body(request, Settle)
        changes, is_paid = self._changes(), body.outcome == "succeed"
        refund = changes.refunds.find(request.path_params["id"])
        if refund is None or refund.status == "failed" or (is_paid and refund.status != "pending"):
            return _error("there is no such refund that could still end so", status=409)
        refund = settle_refund(changes, refund, is_paid=is_paid)
        self.deliveries.enqueue(changes.commit())
        return JSONResponse(render(refund))

    def expire(self) -> None:
        """Do what the passing of time does by itself."""
        changes = self._changes()
        if expire_authorizations(changes) + settle_refunds(changes) + answer_slow_banks(changes):
            self.deliveries.enqueue(changes.commit())

    def _changes(self) -> Changes:
        return Changes(self.store, self.clock, self.identifiers, Cause())


def bad_request(_request: Request, error: Exception) -> Response:
    """The answer to a body that cannot be read."""
    return _error(str(error))


BAD_REQUESTS = (msgspec.MsgspecError, InvalidFault)


async def _body(request: Request, kind: type[T]) -> T:
    return msgspec.json.decode(await request.body(), type=kind)


def _webhook_fault(script: WebhookFaultScript) -> dict[str, object]:
    return {"id": script.id, "hits": script.hits, **msgspec.to_builtins(script.request)}


def _error(message: str, *, status: int = 400) -> Response:
    return JSONResponse({"error": message}, status)
