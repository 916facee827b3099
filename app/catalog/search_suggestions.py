"""Suggestions for each keystroke: categories and brands, completed words, and the products that they lead to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import TSQUERY

from app.catalog.meaning import Meaning
from app.catalog.query_text import QueryText
from app.catalog.search import Suggestions
from app.catalog.vocabulary import Vocabulary, last_word
from app.catalog.words import as_token, plain
from app.core.ids import CategoryId, ProductId
from app.core.money import Currency
from app.database.engine import Database

_NAMES = text("""
    (SELECT kind, coalesce(translated.name, label) AS label, value FROM facet_value
     LEFT JOIN category_translation AS translated ON category_id = value::int AND language = :language
     WHERE words @@ CAST(:prefix AS tsquery) AND kind = 'category' ORDER BY depth, facet_value.label, id LIMIT :limit)
    UNION ALL
    (SELECT kind, label, value FROM (
        SELECT kind, label, value, (SELECT coalesce(sum(popularity), 0) FROM (
            SELECT popularity FROM product_search WHERE facet_ids && ARRAY[facet_value.id] LIMIT 20
        ) AS best) AS popularity
        FROM (SELECT * FROM facet_value WHERE words @@ CAST(:prefix AS tsquery) AND kind = 'brand'
              ORDER BY product_count DESC, id LIMIT 10) AS facet_value
     ) AS brands ORDER BY popularity DESC, label LIMIT :limit)
""").bindparams(bindparam("prefix", type_=TSQUERY))


@dataclass(frozen=True, slots=True)
class Typed:
    """What has been typed so far. limit: of each kind; currency: another than the shop's, that products are sold in."""

    query: str
    limit: int
    language: str
    currency: Currency | None = None


@dataclass(frozen=True, slots=True)
class SearchSuggestions:
    """Completes what has been typed. hits: the most popular products with a meaning in their name."""

    database: Database
    vocabulary: Vocabulary
    hits: Callable[[Meaning, int, Currency | None], Awaitable[list[ProductId]]]

    async def __call__(self, typed: Typed) -> Suggestions:
        """The last word counts as the beginning of one; a misspelled one is corrected where it begins nothing."""
        reading = await self.vocabulary.read(typed.query, typed.language)
        if not reading.text.groups:
            return Suggestions((), (), ())
        meaning = await self.vocabulary.complete(reading, typed.language, half_typed=True)
        products = await self._products(meaning, typed) if meaning else []
        names = await self._names(reading.text, typed) if meaning or reading.meaning.parts else []
        if not products and not names:
            products = await self._products(reading.meaning, typed)
            corrected = await self.vocabulary.correct(reading, typed.language) if not products else None
            if corrected is not None:
                return await self._corrected(corrected, typed)
        completed = await self._completions(reading.text, typed) if len(names) < typed.limit else []
        queries = [row["label"] for row in names] + completed
        categories = tuple(CategoryId(int(row["value"])) for row in names if row["kind"] == "category")
        limit = typed.limit
        return Suggestions(tuple(dict.fromkeys(queries))[:limit], tuple(products), categories[:limit])

    async def _products(self, meaning: Meaning, typed: Typed) -> list[ProductId]:
        return await self.hits(meaning, typed.limit, typed.currency) if meaning.parts else []

    async def _corrected(self, corrected: str, typed: Typed) -> Suggestions:
        reading = await self.vocabulary.read(corrected, typed.language)
        products = await self._products(reading.meaning, typed)
        return Suggestions((corrected,) if products else (), tuple(products), ())

    async def _completions(self, text: QueryText, typed: Typed) -> list[str]:
        """The query with its last word completed to the most frequent words; one alone, as others must fit it."""
        begin = last_word(text)
        if begin is None or len(text.groups) > 1:
            return []
        words = await self.vocabulary.completions(begin, typed.language)
        return [word for word in words if word not in (begin, plain(typed.query))]

    async def _names(self, text: QueryText, typed: Typed) -> Sequence[Any]:
        words = [as_token(word) for group in text.groups for word in group[0].words]
        prefix = " & ".join([*(f"'{word}'" for word in words[:-1]), f"'{words[-1]}':*"])
        values = {"prefix": prefix, "limit": typed.limit, "language": typed.language}
        return await self.database.fetch_nearest(_NAMES, values)
