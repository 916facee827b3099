"""Where a shop sells, and for whom an operation is answered: what it says itself, the shop's defaults without.

The currency is the given one, else the country's, else the shop's. It is what prices are shown, sorted and filtered
in, and what a new cart is opened in; a cart that exists keeps its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from babel import Locale, UnknownLocaleError

from app.core.errors import ErrorCode, InvalidInput
from app.core.money import Currency

_MACROLANGUAGES = {"nb": "no", "nn": "no"}  # texts are of the language that contains them


@dataclass(frozen=True, slots=True)
class Shopper:
    """For whom an operation is answered. country: None where nobody said; language: a BCP 47 tag that CLDR knows."""

    currency: Currency
    country: str | None
    language: str

    @property
    def locale(self) -> str:
        """The language as CLDR writes it."""
        return self.language.replace("-", "_")

    @property
    def text_language(self) -> str:
        """What texts are looked up by: the language without country and script, ISO 639-1."""
        language = self.language.partition("-")[0]
        return _MACROLANGUAGES.get(language, language)


@dataclass(frozen=True, slots=True)
class Markets:
    """Where and in what the shop sells. currencies: its own first; by_country: those of countries with another.

    language: the shop's own.
    """

    currencies: tuple[Currency, ...]
    by_country: dict[str, Currency]
    language: str

    def shopper(self, country: str | None, language: str | None, currency: str | None) -> Shopper:
        """The shopper that these arguments describe. Raises InvalidInput."""
        chosen = Currency(currency) if currency else self.by_country.get(country or "", self.currencies[0])
        if chosen not in self.currencies:
            allowed = ", ".join(self.currencies)
            raise InvalidInput(f"The shop sells in {allowed}, not in {chosen}.", code=ErrorCode.CURRENCY_MISMATCH)
        return Shopper(chosen, country, _known(language or self.language))


@lru_cache(maxsize=1_000)  # most requests name none: it is the shop's own for every one of them
def _known(language: str) -> str:
    try:
        return str(Locale.parse(language, sep="-")).replace("_", "-")
    except (ValueError, UnknownLocaleError):
        raise InvalidInput(f"{language!r} is not a language tag such as en or de-AT.") from None
