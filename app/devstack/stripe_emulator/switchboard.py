"""A page with switches: what goes wrong at the provider from now on, and the latest payments.

For people who try a storefront; tests use the control API. Changes are taken from this page only: another site that
sends a form here is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from itertools import islice

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from app.devstack.stripe_emulator.changes import Cause, Changes
from app.devstack.stripe_emulator.clock import AdvanceableClock
from app.devstack.stripe_emulator.currencies import format_amount
from app.devstack.stripe_emulator.deliveries import Deliveries
from app.devstack.stripe_emulator.faults import FaultRequest, Faults
from app.devstack.stripe_emulator.identifiers import Identifiers
from app.devstack.stripe_emulator.records import PaymentIntent
from app.devstack.stripe_emulator.slow_banks import answer_late
from app.devstack.stripe_emulator.store import Store
from app.devstack.stripe_emulator.webhook_faults import WebhookFaultRequest

_SHOWN = 20
_STRIPE: Mapping[str, tuple[str, FaultRequest | None]] = {
    "fine": ("works", None),
    "away": ("is away: 503 to everything", FaultRequest(mode="503", times=None)),
    "silent": ("accepts and never answers", FaultRequest(mode="hang", times=None)),
    "forgetful": ("charges, and its answers are lost", FaultRequest(mode="lost", times=None, match="POST .*")),
    "slow_bank": ("waits for the bank", FaultRequest(mode="processing", times=None, match="POST .*")),
}
_WEBHOOKS: Mapping[str, tuple[str, WebhookFaultRequest | None]] = {
    "fine": ("arrive", None),
    "dropped": ("never arrive", WebhookFaultRequest(mode="drop", times=None)),
    "doubled": ("arrive twice", WebhookFaultRequest(mode="duplicate", times=None)),
    "late": ("arrive a minute late", WebhookFaultRequest(mode="delay", times=None, seconds=60)),
}
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Payment provider · emulator</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 52rem; margin: 2rem auto; padding: 0 1rem; }}
form {{ display: inline; }}
button {{ font: inherit; padding: .4rem .8rem; margin: 0 .4rem .4rem 0; cursor: pointer; }}
button {{ border: 1px solid gray; border-radius: .4rem; }}
button[aria-pressed=true] {{ background: #1d6b4f; border-color: #1d6b4f; color: white; }}
table {{ border-collapse: collapse; width: 100%; }}
th, td {{ text-align: start; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #8884; white-space: nowrap; }}
</style>
</head>
<body><main>
<h1>Payment provider</h1>
<p>This is the emulator that stands in for Stripe. What is switched here holds until it is switched back.</p>
<h2>The provider …</h2>{stripe}
<h2>Its webhooks …</h2>{webhooks}
<h2>Latest payments</h2>{payments}
</main></body>
</html>
"""


@dataclass(slots=True)
class Switchboard:
    """The page, and what is switched."""

    store: Store
    clock: AdvanceableClock
    identifiers: Identifiers
    faults: Faults
    deliveries: Deliveries
    stripe: str = "fine"
    webhooks: str = "fine"

    async def show(self, _: Request) -> Response:
        """GET: the switches as they are, and the latest payments."""
        intents = list(self.store.tables.payment_intents.values())
        rows = "".join(self._row(intent) for intent in islice(reversed(intents), _SHOWN))
        payments = f"<table>{rows}</table>" if rows else "<p>There is none yet.</p>"
        page = _PAGE.format(
            stripe=_switches("stripe", _STRIPE, self.stripe if self.faults.scripts() else "fine"),
            webhooks=_switches("webhooks", _WEBHOOKS, self.webhooks if self.deliveries.faults.scripts() else "fine"),
            payments=payments,
        )
        return HTMLResponse(page, headers={"cache-control": "no-store"})

    async def switch(self, request: Request) -> Response:
        """POST: ?stripe=…, ?webhooks=…, or ?payment=…&succeeds=yes|no; then the page again."""
        if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
            return HTMLResponse("Switch on the emulator's own page.", 403)
        asked = request.query_params
        if asked.get("stripe") in _STRIPE:
            self._switch_stripe(asked["stripe"])
        elif asked.get("webhooks") in _WEBHOOKS:
            self._switch_webhooks(asked["webhooks"])
        elif "payment" in asked:
            self._answer(asked["payment"], succeeds=asked.get("succeeds") == "yes")
        else:
            return HTMLResponse("There is no such switch.", 400)
        return RedirectResponse("./", 303)

    def _switch_stripe(self, name: str) -> None:
        self.stripe, fault = name, _STRIPE[name][1]
        self.faults.clear()
        if fault is not None:
            self.faults.add(fault)

    def _switch_webhooks(self, name: str) -> None:
        self.webhooks, fault = name, _WEBHOOKS[name][1]
        self.deliveries.faults.clear()
        self.deliveries.release()
        if fault is not None:
            self.deliveries.faults.add(fault)

    def _answer(self, intent_id: str, *, succeeds: bool) -> None:
        changes = Changes(self.store, self.clock, self.identifiers, Cause())
        intent = changes.payment_intents.find(intent_id)
        if intent is not None and intent.status == "processing":
            answer_late(changes, intent, changes.charges.get(intent.latest_charge or ""), succeeds=succeeds)
            self.deliveries.enqueue(changes.commit())

    def _row(self, intent: PaymentIntent) -> str:
        amount = f"{format_amount(intent.amount, intent.currency)} {intent.currency.upper()}"
        actions = ""
        if intent.status == "requires_action":
            actions = f'<a href="3ds/{escape(intent.id)}">the bank’s page</a>'
        elif intent.status == "processing":
            link = f"switch?payment={escape(intent.id)}&amp;succeeds="
            actions = _button(f"{link}yes", "the bank says yes") + _button(f"{link}no", "the bank says no")
        cells = (escape(intent.id), escape(amount), escape(intent.status), actions)
        return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _switches(kind: str, switches: Mapping[str, tuple[str, object]], now: str) -> str:
    return "".join(_button(f"switch?{kind}={name}", text, is_on=name == now) for name, (text, _) in switches.items())


def _button(action: str, text: str, *, is_on: bool | None = None) -> str:
    pressed = "" if is_on is None else f' aria-pressed="{str(is_on).lower()}"'
    return f'<form method="post" action="{action}"><button{pressed}>{escape(text)}</button></form>'
