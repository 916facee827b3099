"""`POST /webhooks/stripe`: what the payment provider tells by itself.

200 is the promise that the event and its effect are committed. Whatever else is answered, the provider sends the event
again, for up to three days: 503 and 500 come from the middleware. No budget applies here: the signature says who calls.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from app import telemetry
from app.checkout.receive_event import ReceiveEvent
from app.core.fault_points import FaultPoint, reached
from app.http.body import BadRequest, read_body
from app.payments.events import EventReader, UnreadableEvent, UntrustedEvent

PATH = "/webhooks/stripe"
MAX_BODY_BYTES = 500_000  # of an event; a PaymentIntent's is about 5,000

_log = telemetry.logger(__name__)


def stripe_webhook(events: EventReader, receive: ReceiveEvent) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint."""

    async def webhook(request: Request) -> Response:
        try:
            body = await read_body(request, MAX_BODY_BYTES)
            event = events.read(body, request.headers.get("stripe-signature"))
        except BadRequest as error:
            return _refused(error.status, error.message, "body")
        except UntrustedEvent as error:
            return _refused(400, str(error), "signature")
        except UnreadableEvent as error:
            _log.error("payment_event_unreadable", cause=str(error))
            return _refused(400, str(error), "unreadable")
        reached(FaultPoint.WEBHOOK_VERIFIED)
        await receive(event)
        reached(FaultPoint.EVENT_APPLIED)
        return Response(status_code=200)

    return webhook


def _refused(status: int, message: str, reason: str) -> Response:
    telemetry.PAYMENT_EVENTS_REFUSED.labels(reason).inc()
    return PlainTextResponse(f"{message}\n", status, {"cache-control": "no-store"})
