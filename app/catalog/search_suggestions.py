"""Suggestions for each keystroke: categories and brands, completed words, and the products that they lead to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from app.catalog.meaning import Meaning
from app.catalog.query_text import QueryText
from app.catalog.search import Suggestions
from app.catalog.vocabulary import Vocabulary, last_word
from app.catalog.words import as_token, plain
from app.core.ids import CategoryId, ProductId
from app.database.engine import Database

_NAMES = text("""
    (SELECT kind, label, value FROM facet_value
     WHERE words @@ CAST(:prefix AS tsquery) AND kind = 'category' ORDER BY depth, label, id LIMIT :limit)
    UNION ALL
    (SELECT kind, label, value FROM (
        SELECT kind, label, value, (SELECT coalesce(sum(popularity), 0) FROM (
            SELECT popularity FROM product_search WHERE facet_ids && ARRAY[facet_value.id] LIMIT 20
        ) AS best) AS popularity
        FROM (SELECT * FROM facet_value WHERE words @@ CAST(:prefix AS tsquery) AND kind = 'brand'
              ORDER BY product_count DESC, id LIMIT 10) AS facet_value
     ) AS brands ORDER BY popularity DESC, label LIMIT :limit)
""")


@dataclass(frozen=True, slots=True)
class SearchSuggestions:
    """Completes what has been typed. hits: the most popular products with a meaning in their name."""

    database: Database
    vocabulary: Vocabulary
    hits: Callable[[Meaning, int], Awaitable[list[ProductId]]]

    async def __call__(self, query: str, limit: int, language: str) -> Suggestions:
        """The last word counts as the beginning of one; a misspelled one is corrected where it begins nothing."""
        reading = await self.vocabulary.read(query, language)
        if not reading.text.groups:
            return Suggestions((), (), ())
        meaning = await self.vocabulary.complete(reading, language, half_typed=True)
        products = await self.hits(meaning, limit) if meaning and meaning.tsquery else []
        names = await self._names(reading.text, limit) if meaning or reading.meaning.tsquery else []
        if not products and not names:
            products = await self.hits(reading.meaning, limit) if reading.meaning.tsquery else []
            corrected = await self.vocabulary.correct(reading, language) if not products else None
            if corrected is not None:
                return await self._corrected(corrected, limit, language)
        completed = await self._completions(reading.text, query, language) if len(names) < limit else []
        queries = [row.label for row in names] + completed
        categories = tuple(CategoryId(int(row.value)) for row in names if row.kind == "category")
        return Suggestions(tuple(dict.fromkeys(queries))[:limit], tuple(products), categories[:limit])

    async def _corrected(self, corrected: str, limit: int, language: str) -> Suggestions:
        reading = await self.vocabulary.read(corrected, language)
        products = await self.hits(reading.meaning, limit) if reading.meaning.tsquery else []
        return Suggestions((corrected,) if products else (), tuple(products), ())

    async def _completions(self, typed: QueryText, query: str, language: str) -> list[str]:
        """The query with its last word completed to the most frequent words; one alone, as others must fit it."""
        begin = last_word(typed)
        if begin is None or len(typed.groups) > 1:
            return []
        words = await self.vocabulary.completions(begin, language)
        return [word for word in words if word not in (begin, plain(query))]

    async def _names(self, typed: QueryText, limit: int) -> Sequence[Any]:
        words = [as_token(word) for group in typed.groups for word in group[0].words]
        prefix = " & ".join([*(f"'{word}'" for word in words[:-1]), f"'{words[-1]}':*"])
        async with self.database.read_nearest() as connection:
            return (await connection.execute(_NAMES, {"prefix": prefix, "limit": limit})).all()
