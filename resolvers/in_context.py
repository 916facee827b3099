"""For whom an operation is answered: `@inContext(country, language, currency)` on it, the shop's defaults without.

The currency is the given one, else the country's, else the shop's. It is what prices are shown, sorted and filtered
in, and what a new cart is opened in; a cart that exists keeps its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Annotated, Any

import strawberry
from babel import Locale, UnknownLocaleError
from graphql import GraphQLError, GraphQLSchema, OperationDefinitionNode, get_directive_values
from graphql.execution.values import get_variable_values
from strawberry.directive import DirectiveLocation

from app.core.errors import ErrorCode, InvalidInput
from app.core.money import Currency
from resolvers.enums import CountryCode, CurrencyCode

_NAME = "inContext"
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


@strawberry.directive(
    locations=[DirectiveLocation.QUERY, DirectiveLocation.MUTATION, DirectiveLocation.SUBSCRIPTION],
    name=_NAME,
    description="For whom the operation is answered. The shop's own country, language and currency where it says none.",
)
def in_context(
    country: Annotated[
        Enum | None,
        strawberry.argument(
            description="Where the shopper is: decides the currency where none is given.",
            graphql_type=CountryCode | None,
        ),
    ] = None,
    language: Annotated[
        str | None, strawberry.argument(description="How the shopper reads, as a BCP 47 tag such as `de-AT`.")
    ] = None,
    currency: Annotated[
        Enum | None,
        strawberry.argument(
            description="What prices are shown in: one of `shop.currencies`.", graphql_type=CurrencyCode | None
        ),
    ] = None,
) -> None:
    """Read from the operation, before anything is resolved."""


def shopper_of(
    schema: GraphQLSchema, operation: OperationDefinitionNode, variables: dict[str, Any], markets: Markets
) -> Shopper:
    """The shopper that an operation says it is for. Raises GraphQLError naming what is wrong."""
    directive = schema.get_directive(_NAME)
    if directive is None or not operation.directives:
        return markets.shopper(None, None, None)
    coerced = get_variable_values(schema, operation.variable_definitions or (), variables)
    if isinstance(coerced, list):
        return markets.shopper(None, None, None)  # execution says what does not fit
    values = get_directive_values(directive, operation, coerced) or {}
    try:
        return markets.shopper(_code(values, "country"), values.get("language"), _code(values, "currency"))
    except InvalidInput as error:
        raise GraphQLError(error.message, nodes=list(operation.directives), original_error=error) from error


def _code(values: dict[str, Any], name: str) -> str | None:
    value = values.get(name)
    return str(value.value) if isinstance(value, Enum) else value


@lru_cache(maxsize=1_000)  # most requests name none: it is the shop's own for every one of them
def _known(language: str) -> str:
    try:
        return str(Locale.parse(language, sep="-")).replace("_", "-")
    except (ValueError, UnknownLocaleError):
        raise InvalidInput(f"{language!r} is not a language tag such as en or de-AT.") from None
