"""The bank's 3-D Secure page: two buttons, and what came of them.

A browser gets it from a PaymentIntent's `next_action`; a test posts to the same URL with `?outcome=succeed` or `fail`.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from urllib.parse import urlencode, urlsplit, urlunsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from app.devstack.stripe_emulator.changes import Cause, Changes
from app.devstack.stripe_emulator.clock import AdvanceableClock
from app.devstack.stripe_emulator.confirmation import authenticate, fail_authentication
from app.devstack.stripe_emulator.currencies import format_amount
from app.devstack.stripe_emulator.deliveries import Deliveries
from app.devstack.stripe_emulator.identifiers import Identifiers
from app.devstack.stripe_emulator.problems import CardRefused
from app.devstack.stripe_emulator.records import PaymentIntent
from app.devstack.stripe_emulator.store import Store

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>3-D Secure test page</title>
<style>
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 28rem; margin: 4rem auto; padding: 0 1rem; }}
button {{ font: inherit; padding: .6rem 1rem; margin: 0 .5rem .5rem 0; }}
</style>
</head>
<body><main><h1>3-D Secure test page</h1>{content}</main></body>
</html>
"""


@dataclass(frozen=True, slots=True)
class AuthenticationPage:
    """The page of every PaymentIntent that waits for its buyer."""

    store: Store
    clock: AdvanceableClock
    identifiers: Identifiers
    deliveries: Deliveries

    async def show(self, request: Request) -> Response:
        """GET: ask the buyer, or tell that there is nothing to ask."""
        payment_intent = self.store.tables.payment_intents.get(request.path_params["id"])
        if payment_intent is None:
            return _page("<p>There is no such payment.</p>", status=404)
        if payment_intent.status != "requires_action":
            return _page(_result(payment_intent))
        amount = escape(f"{format_amount(payment_intent.amount, payment_intent.currency)} {payment_intent.currency}")
        return _page(
            f"<p>Your bank wants to know whether you are paying {amount}.</p>"
            '<form method="post" action="?outcome=succeed"><button>Complete authentication</button></form>'
            '<form method="post" action="?outcome=fail"><button>Fail authentication</button></form>'
        )

    async def answer(self, request: Request) -> Response:
        """POST: what the buyer did; 409 where nobody asked."""
        outcome = request.query_params.get("outcome")
        if outcome not in ("succeed", "fail"):
            return _page("<p>The outcome is either succeed or fail.</p>", status=400)
        changes = Changes(self.store, self.clock, self.identifiers, Cause())
        payment_intent = changes.payment_intents.find(request.path_params["id"])
        if payment_intent is None:
            return _page("<p>There is no such payment.</p>", status=404)
        if payment_intent.status != "requires_action":
            return _page(_result(payment_intent), status=409)
        try:
            if outcome == "succeed":
                authenticate(changes, payment_intent)
            else:
                fail_authentication(changes, payment_intent)
        except CardRefused:
            pass  # the decline is staged, and the page tells it
        self.deliveries.enqueue(changes.commit())
        return _page(_result(self.store.tables.payment_intents[payment_intent.id]))


def _result(payment_intent: PaymentIntent) -> str:
    error = payment_intent.last_payment_error
    text = f"<p>The payment is <strong>{escape(payment_intent.status)}</strong>.</p>"
    if error is not None:
        text += f"<p>{escape(str(error['message']))}</p>"
    if payment_intent.return_url is not None:
        text += f'<p><a href="{escape(_return_url(payment_intent))}">Return to the shop</a></p>'
    return text


def _return_url(payment_intent: PaymentIntent) -> str:
    """Where Stripe sends the buyer back to, with the values that it adds."""
    parts = urlsplit(payment_intent.return_url or "")
    added = urlencode(
        {
            "payment_intent": payment_intent.id,
            "payment_intent_client_secret": payment_intent.client_secret,
            "redirect_status": "failed" if payment_intent.last_payment_error else "succeeded",
        }
    )
    return urlunsplit(parts._replace(query=f"{parts.query}&{added}" if parts.query else added))


def _page(content: str, *, status: int = 200) -> Response:
    return HTMLResponse(_PAGE.format(content=content), status)
