"""A promotion's effect as its column holds it, both ways."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.core.money import Currency
from app.promotions.domain import BuyXGetY, Effect, Fixed, FreeShipping, Percent


def stored_effect(effect: Effect) -> dict[str, object]:
    """What goes into the column."""
    if isinstance(effect, Percent):
        return {"percent_ppm": effect.ppm}
    if isinstance(effect, Fixed):
        return {"amounts": dict(effect.amounts)}
    if isinstance(effect, BuyXGetY):
        return {"buy": effect.buy, "get": effect.get, "ppm": effect.ppm}
    return {"free_shipping": True}


def effect_of(stored: Mapping[str, Any]) -> Effect:
    """What the column says."""
    if "percent_ppm" in stored:
        return Percent(stored["percent_ppm"])
    if "amounts" in stored:
        return Fixed({Currency(code): minor for code, minor in stored["amounts"].items()})
    return BuyXGetY(**stored) if "buy" in stored else FreeShipping()
