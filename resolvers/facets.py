"""Facets in the schema: ways to narrow a product list, with what each would leave."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

import strawberry

from app.catalog import search
from app.catalog.search import FacetKind
from app.core.ids import CategoryId, Kind
from app.core.money import Money as MoneyRecord
from app.core.pagination import Count as CountRecord
from app.core.pagination import CountPrecision
from resolvers.backing import backed_by
from resolvers.context import Context
from resolvers.cost_directives import EMBEDDED, at_most
from resolvers.ids import public_id

_LABELS = {FacetKind.BRAND: "Brand", FacetKind.CATEGORY: "Category"}


@strawberry.type(description="How many there are.", directives=[EMBEDDED])
@backed_by(CountRecord)
class Count:
    """Declared over its record."""

    value: int = strawberry.field(description="The number.")
    precision: CountPrecision = strawberry.field(description="How much it can be relied on.")


@strawberry.interface(description="A way to narrow a product list. Its own filter does not apply to its counts.")
class Facet:
    """Instantiated from the counts."""

    slug: str = strawberry.field(
        description="The facet's name for programs: `brand`, `category`, `price`, or an attribute's or option's slug."
    )
    kind: FacetKind = strawberry.field(description="Which field of the filter its values go into.")
    label: str = strawberry.field(description="The facet's name for people.")


@strawberry.type(description="A value to narrow by.", directives=[EMBEDDED])
class FacetValue:
    """Instantiated from the counts."""

    value: str = strawberry.field(description="What goes into the filter: a value, or a category's id.")
    label: str = strawberry.field(description="The value for people.")
    count: Count = strawberry.field(description="How many products it would leave.")
    selected: bool = strawberry.field(description="Whether the filter has it now.")


@strawberry.type(
    description="A facet with a list of values, the most frequent first; at most 50.", directives=[EMBEDDED]
)
class ListFacet(Facet):
    """Instantiated from the counts."""

    values: list[FacetValue] = strawberry.field(
        directives=at_most(search.MAX_FACET_VALUES), description="The values to choose from."
    )


@strawberry.type(description="A facet with a span of numbers.", directives=[EMBEDDED])
class RangeFacet(Facet):
    """Instantiated from the counts."""

    min: Decimal | None = strawberry.field(description="The lowest value; null where nothing was found.")
    max: Decimal | None = strawberry.field(description="The highest value; null where nothing was found.")


async def facets_of(counts: search.Facets, wanted: search.ProductFilter, context: Context) -> list[Facet]:
    """The facets of some counts, and what of them is chosen."""
    chosen = _chosen(wanted)
    names = await _category_names(counts.values, context)
    lists: list[Facet] = [
        ListFacet(
            slug=facet.slug or facet.kind.value,
            kind=facet.kind,
            label=_LABELS.get(facet.kind, facet.label),
            values=[
                _value(facet, each, names, chosen.get((facet.kind, facet.slug), frozenset()))
                for each in facet.values
                if facet.kind is not FacetKind.CATEGORY or int(each.value) in names
            ],
        )
        for facet in counts.values
    ]
    span = [
        None if minor is None else MoneyRecord(minor, counts.currency).amount
        for minor in (counts.price_min, counts.price_max)
    ]
    price = RangeFacet(slug=FacetKind.PRICE.value, kind=FacetKind.PRICE, label="Price", min=span[0], max=span[1])
    return [*lists[:2], price, *lists[2:]]


def _value(
    facet: search.ValueFacet, counted: search.FacetCount, names: dict[int, str], chosen: frozenset[str]
) -> FacetValue:
    value = label = counted.value
    if facet.kind is FacetKind.CATEGORY:
        value, label = public_id(Kind.CATEGORY, CategoryId(int(counted.value))), names[int(counted.value)]
    return FacetValue(value=value, label=label, count=counted.count, selected=counted.value in chosen)  # type: ignore[arg-type]  # a record


def _chosen(wanted: search.ProductFilter) -> dict[tuple[FacetKind, str], frozenset[str]]:
    return {
        (FacetKind.BRAND, ""): frozenset(wanted.brands),
        (FacetKind.CATEGORY, ""): frozenset(map(str, wanted.categories)),
        **{(FacetKind.ATTRIBUTE, each.slug): frozenset(each.any_of) for each in wanted.attributes},
        **{(FacetKind.OPTION, each.slug): frozenset(each.any_of) for each in wanted.options},
    }


async def _category_names(facets: Iterable[search.ValueFacet], context: Context) -> dict[int, str]:
    ids = [CategoryId(int(each.value)) for f in facets if f.kind is FacetKind.CATEGORY for each in f.values]
    return {category.id: category.name for category in await context.loaders.category.load_many(ids)}
