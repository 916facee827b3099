"""Search that counts the queries that find nothing, so that a shop can mend them: `cartograph search misses`.

Counted is a first page without a filter, of words that are ones; a correction that finds something is no miss. Counting
never fails a search.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from app import telemetry
from app.catalog.query_text import parse
from app.catalog.search import Facets, Hits, ProductFilter, ProductSearch, SearchRequest, Suggestions
from app.catalog.search_rules import MAX_MISS_LENGTH
from app.core.clock import Clock
from app.core.errors import OperationalError
from app.core.freshness import Freshness
from app.core.money import Currency
from app.core.pagination import Count, PageRequest

_log = telemetry.logger(__name__)


class MissCounter(Protocol):
    """Where misses are counted."""

    async def note(self, language: str, query: str, now: datetime) -> None:
        """Count one more miss."""
        ...


class CountedMisses:
    """`ProductSearch` around another one. language: the shop's own."""

    def __init__(self, inner: ProductSearch, misses: MissCounter, clock: Clock, *, language: str) -> None:
        self._inner = inner
        self._misses = misses
        self._clock = clock
        self._language = language

    async def page(self, request: SearchRequest, page: PageRequest) -> tuple[Hits, Freshness]:
        """One page of hits, and how old it is."""
        hits, freshness = await self._inner.page(request, page)
        if not hits.page.items and page.cursor is None and request.filter == ProductFilter() and request.query:
            await self._note(request)
        return hits, freshness

    async def count(self, request: SearchRequest) -> Count:
        """How many products the request finds."""
        return await self._inner.count(request)

    async def facets(self, request: SearchRequest) -> Facets:
        """Counts for narrowing."""
        return await self._inner.facets(request)

    async def suggest(
        self, query: str, limit: int, *, language: str | None = None, currency: Currency | None = None
    ) -> Suggestions:
        """Completions of a half-typed query."""
        return await self._inner.suggest(query, limit, language=language, currency=currency)

    async def matched_words(self, request: SearchRequest, words: Sequence[str]) -> frozenset[str]:
        """Which of these words a request's query is about."""
        return await self._inner.matched_words(request, words)

    async def _note(self, request: SearchRequest) -> None:
        if not parse(request.query).groups or len(request.query) > MAX_MISS_LENGTH:
            return
        try:
            await self._misses.note(request.language or self._language, request.query, self._clock.now())
        except OperationalError as error:
            _log.warning("search_miss_not_counted", cause=str(error))
