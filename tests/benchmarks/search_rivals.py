"""What search is held against, on the same rows in the same run: PostgreSQL's `ts_rank`, and tantivy.

tantivy is a search engine as a library: `pip install -r tests/benchmarks/requirements.txt`. Without it its column is
empty. All three answer the same question: the best 24 products of the same words; how many products have each value of
every facet (categories with all that are above them, brand, attributes, options), and the lowest and the highest price.
The rivals count the values of all matches and give the 300 most frequent, tantivy as numbers without their names.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import TextClause, text

from app.bootstrap import Shop
from app.catalog.search import SearchRequest
from app.catalog.words import plain

try:
    import tantivy
except ImportError:
    tantivy = None

_MATCHES = "FROM product_search, {query} AS query WHERE text_vector @@ query"
_RANKED = "SELECT product_id {matches} ORDER BY ts_rank(text_vector, query) DESC, product_id DESC LIMIT 24"
_COUNTED = "SELECT count(*) {matches}"
VALUES = 300  # of all facets together
_FACETS = f"""
    SELECT kind, slug, label, value, found, lowest, highest FROM (
        SELECT id, count(*) AS found, min(price) AS lowest, max(price) AS highest
        FROM (SELECT unnest(facet_ids) AS id, price_min_minor AS price {{matches}}) AS each GROUP BY id
    ) AS counted JOIN facet_value USING (id) ORDER BY found DESC LIMIT {VALUES}
"""
_BY_PRICE = """
    SELECT product_id FROM product_search WHERE facet_ids && ARRAY[(SELECT id FROM facet_value
    WHERE kind = 'category' AND value = :category)] ORDER BY price_min_minor, product_id OFFSET :skipped LIMIT 24
"""
_WORDS, _BEGIN = "websearch_to_tsquery('shop_en', :query)", "to_tsquery('simple', :query || ':*')"
_ROWS = text("""
    SELECT id, name, coalesce(brand, '') AS brand, description, facet_ids, price_min_minor FROM product
    JOIN product_search ON product_id = id WHERE id > :after ORDER BY id LIMIT 20000
""")


def _naive(statement: str, query: str = _WORDS) -> TextClause:
    return text(statement.format(matches=_MATCHES.format(query=query)))


_PAGE, _BEGUN, _COUNT, _FACET = (
    _naive(_RANKED),
    _naive(_RANKED, _BEGIN),
    _naive(_COUNTED),
    _naive(_FACETS),
)
_PRICED = text(_BY_PRICE)


class Naive:
    """The queries that one would write first: every match is ranked, counted, skipped."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    async def page(self, request: SearchRequest) -> None:
        """The best by `ts_rank`."""
        await self._run(_PAGE, query=request.query)

    async def begun(self, request: SearchRequest) -> None:
        """The best of all words that begin so."""
        await self._run(_BEGUN, query=request.query)

    async def count(self, request: SearchRequest) -> None:
        """All matches counted."""
        await self._run(_COUNT, query=request.query)

    async def facets(self, request: SearchRequest) -> None:
        """The facets of all matches counted, with prices."""
        await self._run(_FACET, query=request.query)

    async def full(self, request: SearchRequest) -> None:
        """All three."""
        for statement in (_PAGE, _COUNT, _FACET):
            await self._run(statement, query=request.query)

    async def by_price(self, request: SearchRequest, skipped: int = 0) -> None:
        """A category by price, so many products skipped."""
        await self._run(_PRICED, category=str(request.filter.categories[0]), skipped=skipped)

    async def _run(self, statement: TextClause, **values: object) -> None:
        async with self._shop.database.read_fresh() as connection:
            (await connection.execute(statement, values)).all()


class Tantivy:
    """The catalogue in a search engine."""

    def __init__(self, folder: Path) -> None:
        builder = tantivy.SchemaBuilder()
        builder.add_text_field("name", tokenizer_name="en_stem")
        builder.add_text_field("text", tokenizer_name="en_stem")
        builder.add_integer_field("facets", fast=True)  # as many values as a product has
        builder.add_integer_field("price", fast=True)
        self._index = tantivy.Index(builder.build(), path=str(folder))
        self._aggregations = {
            "facets": {"terms": {"field": "facets", "size": VALUES, "segment_size": 10 * VALUES}},
            "lowest": {"min": {"field": "price"}},
            "highest": {"max": {"field": "price"}},
        }

    async def fill(self, shop: Shop) -> float:
        """Index every product; returns the seconds that the engine took."""
        writer = self._index.writer(200_000_000, 1)
        after, seconds = 0, 0.0
        while True:
            async with shop.database.read_fresh() as connection:
                rows: Sequence[Any] = (await connection.execute(_ROWS, {"after": after})).all()
            started = time.perf_counter()
            for row in rows:
                name = f"{plain(row.name)} {plain(row.brand)}"
                fields = {"name": name, "text": f"{name} {row.description}"}
                fields |= {"facets": list(row.facet_ids), "price": row.price_min_minor}
                writer.add_document(tantivy.Document.from_dict(fields))
            seconds += time.perf_counter() - started
            if not rows:
                break
            after = rows[-1].id
        started = time.perf_counter()
        writer.commit()
        writer.wait_merging_threads()
        self._index.reload()
        return seconds + time.perf_counter() - started

    def page(self, request: SearchRequest) -> None:
        """The best 24 by BM25, the name counting three times."""
        self._index.searcher().search(self._read(request), 24)

    def facets(self, request: SearchRequest) -> None:
        """Facets and prices of all matches."""
        self._index.searcher().aggregate(self._read(request), self._aggregations)

    def full(self, request: SearchRequest) -> None:
        """A page with the number of all matches, and facets."""
        self._index.searcher().search(self._read(request), 24, count=True)
        self.facets(request)

    def _read(self, request: SearchRequest) -> Any:
        query, _ = self._index.parse_query_lenient(
            request.query, ["name", "text"], field_boosts={"name": 3.0}, conjunction_by_default=True
        )
        return query
