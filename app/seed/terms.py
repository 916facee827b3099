"""The demo shop's terms of sale: delivery, taxes and promotions, in the shop's own currency and countries."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.resources import files

from app.core.money import Currency, Money
from app.seed.amounts import minor_per_cent

_CENTS = 100


def demo_terms(currency: Currency, *, countries: Sequence[str], flat_rate: Money, days: int) -> str:
    """The text of a terms file. flat_rate, days: of the standard delivery, as the settings have them."""
    facts = {"countries": f"[{', '.join(countries)}]", "days": str(days), "rate": _amount(flat_rate)}
    factor = minor_per_cent(currency)

    def fill(found: re.Match[str]) -> str:
        word = found[1]
        if word in facts:
            return facts[word]
        units, cents = word.split(".")
        return _amount(Money((int(units) * _CENTS + int(cents)) * factor, currency))

    return re.sub(r"<(\w+(?:\.\d\d)?)>", fill, files("app.seed").joinpath("terms.yaml").read_text("utf-8"))


def _amount(money: Money) -> str:
    return f"{{{money.currency}: {money.amount:f}}}"
