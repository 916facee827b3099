"""What the search benchmark asks for: words and filters by how many products have them, taken from the catalogue."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import text

from app.bootstrap import Shop
from app.catalog.search import ProductFilter, ProductSort, SearchRequest, ValueChoice
from app.core.ids import CategoryId

T = TypeVar("T")
TERMS = 40  # of each kind, in rotation
SHOPPERS_QUERIES = 10_000  # different ones, the second asked half as often as the first, the third a third as often
_MARKS, _SHOPPERS_MARKS = ",;", "!?"
_numbers = itertools.count()

_WORDS = """
    SELECT DISTINCT ON (lexeme) word FROM search_word WHERE language = 'en' AND word ~ '^[a-z]{5,}$'
    AND product_count BETWEEN :least AND :most ORDER BY lexeme, word
"""


def fresh(query: str) -> str:
    """The query in a spelling that nobody has asked for yet, so that its words are read anew; an empty one as it is."""
    return _spelled(query, next(_numbers), _MARKS) if query else query


def as_shoppers_ask(words: Sequence[str]) -> Iterator[str]:
    """Queries without end, some again and again and most of them seldom: how often follows Zipf's law."""
    drawn = random.Random(1)
    queries = [_spelled(words[number % len(words)], number, _SHOPPERS_MARKS) for number in range(SHOPPERS_QUERIES)]
    often = list(itertools.accumulate(1 / place for place in range(1, SHOPPERS_QUERIES + 1)))
    while True:
        yield from drawn.choices(queries, cum_weights=often, k=1_000)


def _spelled(query: str, number: int, marks: str) -> str:
    return f"{query} {''.join(marks[number >> bit & 1] for bit in range(24))}"


@dataclass(frozen=True, slots=True)
class Terms:
    """Words and facets of one catalogue. Each list rotates."""

    broad: list[str]
    middle: list[str]
    rare: list[str]
    pairs: list[str]
    categories: list[int]
    styles: list[str]
    materials: list[str]

    @property
    def typos(self) -> list[str]:
        """Broad words with two letters swapped."""
        return [word[:2] + word[3] + word[2] + word[4:] for word in self.broad if word[2] != word[3]]

    @property
    def prefixes(self) -> list[str]:
        """The beginnings of words."""
        return [word[: max(3, len(word) // 2)] for word in self.broad + self.middle]

    @staticmethod
    def of_words() -> tuple[str, ...]:
        """The classes that are words alone, as a rival can be asked for them."""
        return "rare term", "term with 1 in 1,000", "broad term", "two terms"

    def classes(self) -> dict[str, list[SearchRequest]]:
        """The requests of every class of query."""
        by_price = ProductSort.PRICE_ASC
        narrow = [
            SearchRequest(
                word,
                ProductFilter(
                    price_max=20_000,
                    available=True,
                    attributes=(ValueChoice("material", (material,)), ValueChoice("style", (style,))),
                ),
            )
            for word, material, style in zip(self.broad, _around(self.materials), _around(self.styles), strict=False)
        ]
        categories = [ProductFilter(categories=(CategoryId(key),)) for key in self.categories]
        return {
            "rare term": [SearchRequest(word) for word in self.rare],
            "term with 1 in 1,000": [SearchRequest(word) for word in self.middle],
            "broad term": [SearchRequest(word) for word in self.broad],
            "two terms": [SearchRequest(pair) for pair in self.pairs],
            "prefix": [SearchRequest(word) for word in self.prefixes],
            "typo": [SearchRequest(word) for word in self.typos],
            "browse": [SearchRequest()],
            "category": [SearchRequest(filter=each) for each in categories],
            "category by price": [SearchRequest(filter=each, sort=by_price) for each in categories],
            "broad term by price": [SearchRequest(word, sort=by_price) for word in self.broad],
            "broad term, dearest": [SearchRequest(word, sort=ProductSort.PRICE_DESC) for word in self.broad],
            "broad term, newest": [SearchRequest(word, sort=ProductSort.NEWEST) for word in self.broad],
            "broad term by name": [SearchRequest(word, sort=ProductSort.NAME_ASC) for word in self.broad],
            "term with 1 in 1,000 by price": [SearchRequest(word, sort=by_price) for word in self.middle],
            "two terms by price": [SearchRequest(pair, sort=by_price) for pair in self.pairs],
            "category, newest": [SearchRequest(filter=each, sort=ProductSort.NEWEST) for each in categories],
            "category by name": [SearchRequest(filter=each, sort=ProductSort.NAME_ASC) for each in categories],
            "broad term in a category by price": [
                SearchRequest(word, each, by_price) for word, each in zip(self.broad, _around(categories), strict=False)
            ],
            "broad term, 4 filters": narrow,
        }


def _around(things: list[T]) -> Iterator[T]:
    return itertools.cycle(things)


async def choose_terms(shop: Shop, products: int) -> Terms:
    """Terms of each kind. Broad: 1 % of the products or more; middling: about 0.1 %; rare: 20 at most."""

    async def rows(query: str, **values: Any) -> list[Any]:
        async with shop.database.read_fresh() as connection:
            return list((await connection.execute(text(query), values)).all())

    async def words(least: float, most: float) -> list[str]:
        return [row.word for row in await rows(_WORDS, least=int(least), most=int(most))][:TERMS]

    broad = await words(products / 100, products)
    pairs = await rows(
        "SELECT sort_name FROM product_search ORDER BY popularity DESC, product_id DESC LIMIT :limit", limit=TERMS
    )
    leaves = await rows(
        "SELECT value FROM facet_value WHERE kind = 'category' AND depth > 1 ORDER BY product_count DESC LIMIT 40"
    )
    values = await rows(
        "SELECT slug, value FROM facet_value WHERE kind = 'attribute' ORDER BY product_count DESC LIMIT 60"
    )
    return Terms(
        broad=broad,
        middle=await words(products / 2_000, products / 500),
        rare=await words(1, max(8, products / 50_000)),
        pairs=[" ".join(row.sort_name.split()[-2:]) for row in pairs],
        categories=[int(row.value) for row in leaves],
        styles=[row.value for row in values if row.slug == "style"],
        materials=[row.value for row in values if row.slug == "material"],
    )
