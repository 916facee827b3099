"""The directive that says for whom an operation is answered: `@inContext(country, language, currency)`."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any

import strawberry
from graphql import GraphQLError, GraphQLSchema, OperationDefinitionNode, get_directive_values
from graphql.execution.values import get_variable_values
from strawberry.directive import DirectiveLocation

from app.core.errors import InvalidInput
from resolvers.enums import CountryCode, CurrencyCode
from resolvers.markets import Markets, Shopper

_NAME = "inContext"


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
