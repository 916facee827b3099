"""A card that makes the provider look away, for whoever wants to see a payment that is queued.

Whatever is sent with `pm_card_emulatorAway` is answered with 503 for a minute, counted from the first call with its
idempotency key; then the card is an ordinary one. Other payments do not notice.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from app.devstack.stripe_emulator.clock import AdvanceableClock
from app.devstack.stripe_emulator.faults import FaultScript

AWAY_SECONDS = 60
_CARD = "payment_method=pm_card_emulatorAway"
_REMEMBERED = 1_000
_OUTAGE = FaultScript(id="pm_card_emulatorAway", mode="503", when="before")


@dataclass(slots=True)
class Outages:
    """Since when each payment with the card has been tried; the oldest are forgotten."""

    clock: AdvanceableClock
    _since: dict[str, int] = field(default_factory=dict)

    def find(self, encoded_params: str, idempotency_key: str | None) -> FaultScript | None:
        """What goes wrong with a request; None where nothing does."""
        if idempotency_key is None or _CARD not in encoded_params.split("&"):
            return None
        now = self.clock.timestamp()
        since = self._since.setdefault(idempotency_key, now)
        while len(self._since) > _REMEMBERED:
            del self._since[next(iter(self._since))]
        return _OUTAGE if now - since < AWAY_SECONDS else None
