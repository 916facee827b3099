"""Scripted trouble with webhooks, as Stripe warns of it: late, twice, out of order, never."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Literal

import msgspec

from app.devstack.stripe_emulator.faults import InvalidFault

WebhookMode = Literal["delay", "hold", "duplicate", "reorder", "drop"]

_MAX_SECONDS = 3600.0
_MAX_COPIES = 20


class WebhookFaultRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A script as it was asked for.

    mode: `delay` by `seconds`; `hold` until `POST /_emulator/webhooks/release`; `duplicate` into `copies`, with
    `fresh_ids` as events of their own; `reorder` behind the next event that is sent; `drop`.
    match: a regular expression for the whole event type. times: how many events it hits; None is all.
    """

    mode: WebhookMode
    match: str = ".*"
    times: int | None = 1
    seconds: float = 1.0
    copies: int = 2
    fresh_ids: bool = False


@dataclass(frozen=True, slots=True)
class WebhookFaultScript:
    """A script in force, with how many events it has hit."""

    id: str
    request: WebhookFaultRequest
    hits: int = 0


@dataclass(slots=True)
class WebhookFaults:
    """The scripts in force; the first that matches an event hits it."""

    _scripts: dict[str, WebhookFaultScript] = field(default_factory=dict)
    _added: int = 0

    def add(self, request: WebhookFaultRequest) -> WebhookFaultScript:
        """Put a script in force; raises InvalidFault."""
        if not 0 < request.seconds <= _MAX_SECONDS or not 2 <= request.copies <= _MAX_COPIES:
            raise InvalidFault(f"seconds: above 0, at most {_MAX_SECONDS:g}; copies: 2 to {_MAX_COPIES}")
        if request.times is not None and request.times < 1:
            raise InvalidFault("times: 1 or more, or null")
        try:
            re.compile(request.match)
        except re.error as error:
            raise InvalidFault(f"match: {error}") from error
        self._added += 1
        script = WebhookFaultScript(id=f"webhook_fault_{self._added}", request=request)
        self._scripts[script.id] = script
        return script

    def take(self, event_type: str) -> WebhookFaultRequest | None:
        """The script that hits an event of this type, counted as a hit."""
        for script in self._scripts.values():
            request = script.request
            is_spent = request.times is not None and script.hits >= request.times
            if not is_spent and re.fullmatch(request.match, event_type):
                self._scripts[script.id] = replace(script, hits=script.hits + 1)
                return request
        return None

    def scripts(self) -> list[WebhookFaultScript]:
        """Every script since the last `clear`, used up or not."""
        return list(self._scripts.values())

    def clear(self) -> None:
        """Forget every script."""
        self._scripts.clear()
