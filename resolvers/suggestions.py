"""Search suggestions in the schema."""

from __future__ import annotations

import strawberry

from app.core.errors import InvalidInput
from resolvers.category import Category
from resolvers.context import Context
from resolvers.cost_directives import at_most
from resolvers.product import Product
from resolvers.search import normalised

MAX_SUGGESTIONS = 20


@strawberry.type(description="What a half-typed query may become, the best first.")
class SearchSuggestions:
    """Instantiated from the index's answer."""

    queries: list[str] = strawberry.field(directives=at_most(MAX_SUGGESTIONS), description="Words to search for.")
    products: list[Product] = strawberry.field(
        directives=at_most(MAX_SUGGESTIONS),
        description="Products whose names match, of those that are sold in the shopper's currency.",
    )
    categories: list[Category] = strawberry.field(
        directives=at_most(MAX_SUGGESTIONS), description="Categories whose names match."
    )


async def suggestions(query: str, first: int, context: Context) -> SearchSuggestions:
    """Completions of a half-typed query. Raises InvalidInput when first is out of bounds."""
    if not 1 <= first <= MAX_SUGGESTIONS:
        raise InvalidInput(f"first must be 1 to {MAX_SUGGESTIONS}.")
    found = await context.in_turn(
        context.services.search.suggest,
        normalised(query),
        first,
        language=context.text_language,
        currency=context.shopper.currency,
    )
    products = await context.loaders.product.load_many(found.product_ids)
    categories = await context.loaders.category.load_many(found.category_ids)
    return SearchSuggestions(queries=list(found.queries), products=products, categories=categories)  # type: ignore[arg-type]
