"""Facets in the schema: ways to narrow a product list, with what each would leave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import strawberry

from app.catalog import search
from app.catalog.domain import Category
from app.catalog.labels import FacetLabels
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
    language: str = strawberry.field(description="The language of `label`.")


@strawberry.type(description="A value to narrow by.", directives=[EMBEDDED])
class FacetValue:
    """Instantiated from the counts."""

    value: str = strawberry.field(description="What goes into the filter: a value, or a category's id.")
    label: str = strawberry.field(description="The value for people.")
    language: str = strawberry.field(
        description="The language of `label`: the shop's own where it is not translated, as of brands."
    )
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
    names = await _names(counts.values, context)
    chosen = _chosen(wanted)
    lists = [_list_facet(facet, names, chosen.get((facet.kind, facet.slug), frozenset())) for facet in counts.values]
    span = [
        None if minor is None else MoneyRecord(minor, counts.currency).amount
        for minor in (counts.price_min, counts.price_max)
    ]
    price = RangeFacet(
        slug=FacetKind.PRICE.value, kind=FacetKind.PRICE, label="Price", language="en", min=span[0], max=span[1]
    )
    return [*lists[:2], price, *lists[2:]]


@dataclass(frozen=True, slots=True)
class _Names:
    """What facets and values are called in the shopper's language, as far as that is known. own: the shop's language.

    categories: by their ids in digits.
    """

    own: str
    categories: Mapping[str, Category] = field(default_factory=dict)
    labels: Mapping[str, FacetLabels] = field(default_factory=dict)


async def _names(facets: Sequence[search.ValueFacet], context: Context) -> _Names:
    own = context.services.profile.language
    if context.text_language == own:
        return _Names(own)
    ids = [CategoryId(int(each.value)) for f in facets if f.kind is FacetKind.CATEGORY for each in f.values]
    categories = await context.loaders.category.load_many(ids)
    labels = await context.loaders.facet_labels.load_many([facet.slug for facet in facets if facet.slug])
    return _Names(own, {str(each.id): each for each in categories}, {each.slug: each for each in labels})


def _list_facet(facet: search.ValueFacet, names: _Names, chosen: frozenset[str]) -> ListFacet:
    label, language = _LABELS.get(facet.kind, facet.label), "en" if facet.kind in _LABELS else names.own
    labels = names.labels.get(facet.slug)
    if labels is not None and labels.name:
        label, language = labels.name, labels.language
    if facet.kind is FacetKind.CATEGORY:
        values = [_category(each, names, selected=each.value in chosen) for each in facet.values]
    else:
        called = labels.values if labels is not None else {}
        values = [
            FacetValue(
                value=each.value,
                label=called.get(each.value, each.value),
                language=labels.language if labels is not None and each.value in called else names.own,
                count=each.count,  # type: ignore[arg-type]  # a record
                selected=each.value in chosen,
            )
            for each in facet.values
        ]
    return ListFacet(
        slug=facet.slug or facet.kind.value, kind=facet.kind, label=label, language=language, values=values
    )


def _category(counted: search.FacetCount, names: _Names, *, selected: bool) -> FacetValue:
    translated = names.categories.get(counted.value)
    return FacetValue(
        value=public_id(Kind.CATEGORY, CategoryId(int(counted.value))),
        label=translated.name if translated is not None else counted.label,
        language=translated.language if translated is not None else names.own,
        count=counted.count,  # type: ignore[arg-type]  # a record
        selected=selected,
    )


def _chosen(wanted: search.ProductFilter) -> dict[tuple[FacetKind, str], frozenset[str]]:
    return {
        (FacetKind.BRAND, ""): frozenset(wanted.brands),
        (FacetKind.CATEGORY, ""): frozenset(map(str, wanted.categories)),
        **{(FacetKind.ATTRIBUTE, each.slug): frozenset(each.any_of) for each in wanted.attributes},
        **{(FacetKind.OPTION, each.slug): frozenset(each.any_of) for each in wanted.options},
    }
