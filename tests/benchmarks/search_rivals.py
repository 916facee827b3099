"""What search is held against, on the same rows in the same run: PostgreSQL's `ts_rank`, and tantivy.

tantivy is a search engine as a library: `pip install -r tests/benchmarks/requirements.txt`. Without it its column is
empty. Both are asked for the best 24 products of the same words.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import text

from app.bootstrap import Shop
from app.catalog.search import SearchRequest
from app.catalog.words import plain

try:
    import tantivy
except ImportError:
    tantivy = None

_RANKED = text("""
    SELECT product_id FROM product_search, websearch_to_tsquery('shop_en', :query) AS query
    WHERE text_vector @@ query ORDER BY ts_rank(text_vector, query) DESC, product_id DESC LIMIT 24
""")
_NAMES = text("""
    SELECT id, name, coalesce(brand, '') AS brand, description, popularity FROM product WHERE id > :after
    ORDER BY id LIMIT 20000
""")


async def ranked(shop: Shop, request: SearchRequest) -> None:
    """The naive query: every match is ranked."""
    async with shop.database.read_fresh() as connection:
        (await connection.execute(_RANKED, {"query": request.query})).all()


class Tantivy:
    """The catalogue in a search engine."""

    def __init__(self, folder: Path) -> None:
        builder = tantivy.SchemaBuilder()
        builder.add_text_field("name", tokenizer_name="en_stem")
        builder.add_text_field("text", tokenizer_name="en_stem")
        builder.add_integer_field("popularity", fast=True)
        self._index = tantivy.Index(builder.build(), path=str(folder))

    async def fill(self, shop: Shop) -> float:
        """Index every product; returns the seconds that the engine took."""
        writer = self._index.writer(200_000_000, 1)
        after, seconds = 0, 0.0
        while True:
            async with shop.database.read_fresh() as connection:
                rows: Sequence[Any] = (await connection.execute(_NAMES, {"after": after})).all()
            started = time.perf_counter()
            for row in rows:
                name = f"{plain(row.name)} {plain(row.brand)}"
                document = {"name": name, "text": f"{name} {row.description}", "popularity": row.popularity}
                writer.add_document(tantivy.Document.from_dict(document))
            seconds += time.perf_counter() - started
            if not rows:
                break
            after = rows[-1].id
        started = time.perf_counter()
        writer.commit()
        writer.wait_merging_threads()
        self._index.reload()
        return seconds + time.perf_counter() - started

    def search(self, request: SearchRequest) -> None:
        """The best 24 by BM25, the name counting three times."""
        query, _ = self._index.parse_query_lenient(
            request.query, ["name", "text"], field_boosts={"name": 3.0}, conjunction_by_default=True
        )
        self._index.searcher().search(query, 24)
