"""The shop itself in the schema."""

from __future__ import annotations

import strawberry

from app.core.pagination import MAX_PAGE_SIZE
from resolvers.backing import backed_by
from resolvers.context import Info
from resolvers.cost import MAX_COST
from resolvers.cost_directives import EMBEDDED, at_most
from resolvers.enums import CountryCode, CurrencyCode
from resolvers.limits import MAX_DEPTH
from resolvers.services import ShopProfile


@strawberry.type(description="Bounds that requests are held to.", directives=[EMBEDDED])
class ApiLimits:
    """The same in every environment."""

    max_page_size: int = strawberry.field(description="The largest `first` or `last`.")
    max_query_cost: int = strawberry.field(
        description="The most that one request may cost, by `@cost` and `@listSize`."
    )
    max_depth: int = strawberry.field(description="How many fields deep a document may be.")


@strawberry.type(description="What the shop says of itself.", directives=[EMBEDDED])
@backed_by(ShopProfile)
class Shop:
    """Declared over `ShopProfile`."""

    name: str = strawberry.field(description="The shop's name.")
    stripe_publishable_key: str | None = strawberry.field(description="For Stripe.js in the shop's pages.")

    @strawberry.field(description="The currency of prices.", graphql_type=CurrencyCode)
    def currency(shop: strawberry.Parent[ShopProfile]) -> str:
        """The code itself is the enum's value."""
        return shop.currency

    @strawberry.field(
        description="The currencies that a cart can have.",
        graphql_type=list[CurrencyCode],  # type: ignore[valid-type]  # made from data
        directives=at_most(200),
    )
    def currencies(shop: strawberry.Parent[ShopProfile]) -> list[str]:
        """The shop's own first."""
        return list(shop.markets.currencies)

    @strawberry.field(
        description="The countries that the shop delivers to.",
        graphql_type=list[CountryCode],  # type: ignore[valid-type]  # made from data
        directives=at_most(300),
    )
    def countries(shop: strawberry.Parent[ShopProfile]) -> list[str]:
        """From the settings."""
        return list(shop.countries)

    @strawberry.field(
        directives=at_most(100),
        description="The languages that there are texts in, as BCP 47 tags: the shop's own, then all others.",
    )
    async def languages(shop: strawberry.Parent[ShopProfile], info: Info) -> list[str]:
        """Cached."""
        others = await info.context.in_turn(info.context.services.readers.labels.languages)
        return [shop.language, *(each for each in others if each != shop.language)]

    @strawberry.field(description="Bounds that requests are held to.")
    def limits(self) -> ApiLimits:
        """Published, so that clients need not find out."""
        return ApiLimits(max_page_size=MAX_PAGE_SIZE, max_query_cost=MAX_COST, max_depth=MAX_DEPTH)
