"""Money in the schema: exact decimal text, minor units, and text for people. Never a Float."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum

import strawberry

from app.core.errors import ErrorCode, InvalidInput
from app.core.money import Currency
from app.core.money import Money as MoneyRecord
from resolvers.backing import backed_by
from resolvers.context import Info
from resolvers.cost_directives import EMBEDDED
from resolvers.enums import CurrencyCode


@strawberry.type(description="An amount of money.", directives=[EMBEDDED])
@backed_by(MoneyRecord)
class Money:
    """Declared over the record `app.core.money.Money`."""

    amount: Decimal = strawberry.field(description='The amount with all digits of its currency, such as "12.50".')

    @strawberry.field(description='The amount in the currency\'s smallest unit, such as "1250" for $12.50.')
    def minor_units(money: strawberry.Parent[MoneyRecord]) -> str:
        """A string: it may not fit GraphQL's Int."""
        return str(money.minor)

    @strawberry.field(description="The currency.", graphql_type=CurrencyCode)
    def currency_code(money: strawberry.Parent[MoneyRecord]) -> str:
        """The code itself is the enum's value."""
        return money.currency

    @strawberry.field(description='The amount as people read it in the language of `@inContext`, such as "$12.50".')
    def formatted(money: strawberry.Parent[MoneyRecord], info: Info) -> str:
        """In the shopper's language."""
        return money.formatted(info.context.shopper.locale)


@strawberry.input(description="An amount of money.")
class MoneyInput:
    """Becomes a record by `money_of`."""

    amount: Decimal = strawberry.field(description='The amount as a string, such as "12.50".')
    currency_code: Enum = strawberry.field(description="The currency.", graphql_type=CurrencyCode)


def money_of(value: MoneyInput, field: tuple[str, ...]) -> MoneyRecord:
    """The record. Raises InvalidInput when the amount does not fit its currency."""
    try:
        return MoneyRecord.parse(value.amount, Currency(value.currency_code.value))
    except ValueError as error:
        raise InvalidInput(f"{error}.", code=ErrorCode.INVALID, field=(*field, "amount")) from None
