"""What products cost, in the schema."""

from __future__ import annotations

import strawberry

from app.catalog import domain as records
from app.core.money import Money as MoneyRecord
from resolvers.backing import backed_by
from resolvers.context import Info
from resolvers.cost_directives import EMBEDDED
from resolvers.money import Money


@strawberry.type(description="A span of prices.", directives=[EMBEDDED])
class MoneyRange:
    """Instantiated from a price range."""

    min: Money = strawberry.field(description="The lowest price.")
    max: Money = strawberry.field(description="The highest price.")


@strawberry.type(description="What one unit costs.", directives=[EMBEDDED])
@backed_by(records.VariantPrice)
class VariantPrice:
    """Declared over its record."""

    current: Money = strawberry.field(description="The price now.")
    compare_at: Money | None = strawberry.field(description="The price it is compared with, usually the former one.")

    @strawberry.field(
        description="The lowest price of the 30 days before the present price came, as European law wants it beside a"
        " reduction; null where there was none before.",
        graphql_type=Money | None,
    )
    async def lowest_last30_days(price: strawberry.Parent[records.VariantPrice], info: Info) -> MoneyRecord | None:
        """Batched."""
        lowest = await info.context.loaders.lowest_price.load(price.variant_id)
        return lowest if lowest is not None and lowest.currency == price.current.currency else None

    @strawberry.field(description="Whether it costs less than it is compared with.")
    def on_sale(price: strawberry.Parent[records.VariantPrice]) -> bool:
        """A comparison within one currency."""
        return price.compare_at is not None and price.compare_at.minor > price.current.minor
