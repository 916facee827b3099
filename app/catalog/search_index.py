"""Product search on PostgreSQL, in statements that stop after a page.

query -> meaning -> segments: products put first | all words in the name | all words anywhere
      -> of each segment as many rows as the page still lacks, by the cheapest arm that gives them

Relevance is lexicographic, not a score: the segment, then popularity, then the newest id. So every order is a tuple,
and a cursor is that tuple with how the words were read, so that a walk keeps to one reading. See ADR-0008 and ADR-0020.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import msgspec

from app.catalog.meaning import Meaning
from app.catalog.search import MAX_QUERY_LENGTH, Facets, Hits, SearchRequest, Suggestions
from app.catalog.search_counts import SearchCounts
from app.catalog.search_dictionary import FacetDictionary
from app.catalog.search_facets import SearchFacets
from app.catalog.search_filters import Narrowing, narrowing
from app.catalog.search_plan import Search, SearchState
from app.catalog.search_segments import ANYWHERE, TOP, Look, Row, SearchSegments
from app.catalog.search_sql import ORDERS
from app.catalog.search_suggestions import SearchSuggestions, Typed
from app.catalog.vocabulary import Reading, Vocabulary
from app.core.clock import Clock
from app.core.ids import ProductId
from app.core.money import Currency
from app.core.pagination import Count, Page, PageRequest, cut_page, decode_cursor, fingerprint
from app.database.engine import Database

FEW = 3  # hits: fewer are next to nothing, and the words may have been meant otherwise
AS_TYPED, COMPLETED = "", "*"  # how a query was read; anything else is what it was corrected to

# what a cursor may hold: it comes from outside, so each type is bounded by what PostgreSQL can take
_BigInt = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_Class = Annotated[int, msgspec.Meta(ge=ANYWHERE, le=TOP)]
_Moment = Annotated[datetime, msgspec.Meta(tz=True)]
_Text = Annotated[str, msgspec.Meta(pattern="^[^\x00]*$")]
_POSITIONS: dict[str, Any] = {
    "popularity": tuple[_Text, _Class, _BigInt, _BigInt],
    "price_min_minor": tuple[_Text, _Class, _BigInt, _BigInt],
    "created_at": tuple[_Text, _Class, _Moment, _BigInt],
    "sort_name": tuple[_Text, _Class, _Text, _BigInt],
}


class PostgresSearchIndex:
    """`SearchIndex` on the table `product_search`. currency, language: the shop's own."""

    def __init__(self, database: Database, clock: Clock, *, currency: Currency, language: str) -> None:
        self._database = database
        self._currency = currency
        self._vocabulary = Vocabulary(database, clock, language=language)
        self._state = SearchState(database, clock)
        self._counts = SearchCounts(database, self._state, clock)
        self._facets = SearchFacets(database, self._counts, FacetDictionary(database), currency)
        self._segments = SearchSegments(database, self._state)
        self._suggestions = SearchSuggestions(database, self._vocabulary, self._segments.best_named)

    async def page(self, request: SearchRequest, page: PageRequest) -> Hits:
        """One page of hits. Raises InvalidInput when the cursor is not of this list."""
        mark = fingerprint(request)
        read, after = AS_TYPED, None
        if page.cursor is not None:
            read, *place = decode_cursor(page.cursor, mark, _POSITIONS[ORDERS[request.sort].column])
            after = Row(*place)
        narrow = await self._narrow(request)
        if read == AS_TYPED:
            reading, rows = await self._as_typed(request, narrow, page, after)
            if after is None and len(rows) < min(FEW, page.limit + 1):
                better = await self._otherwise(reading, request, len(rows))
                if better is not None:
                    read, meaning = better
                    rows = await self._segments.rows(Search(meaning, narrow), request.sort, page, after)
        else:
            meaning = await self._as(read, request)
            rows = await self._segments.rows(Search(meaning, narrow), request.sort, page, after)
        cut = cut_page(rows, page, lambda row: (read, row.segment, row.value, row.product_id), mark)
        ids = tuple(ProductId(row.product_id) for row in cut.items)
        return Hits(Page(ids, cut.cursors, cut.has_next, cut.has_previous), _correction(read))

    async def count(self, request: SearchRequest) -> Count:
        """How many products the request finds: exactly, or at least where that would take long."""
        narrow = await self._narrow(request)
        reading = await self._read_beside(request)
        count = await self._counts.count(Search(reading.meaning, narrow))
        if count.value < FEW and (better := await self._otherwise(reading, request, count.value)) is not None:
            count = await self._counts.count(Search(better[1], narrow))
        return count

    async def facets(self, request: SearchRequest) -> Facets:
        """Counts by brand, category, price, and by every attribute and option that the products have."""
        narrow = await self._narrow(request)
        reading = await self._read_beside(request)
        facets = await self._facets(Search(reading.meaning, narrow))
        found = facets.count.value
        if found < FEW and (better := await self._otherwise(reading, request, found)) is not None:
            facets = await self._facets(Search(better[1], narrow))
        return facets

    async def suggest(
        self, query: str, limit: int, *, language: str | None = None, currency: Currency | None = None
    ) -> Suggestions:
        """Completions of a half-typed query, at most `limit` of each kind; products that are sold in the currency."""
        typed = Typed(query[:MAX_QUERY_LENGTH], limit, self._vocabulary.language(language), self._foreign(currency))
        return await self._suggestions(typed)

    async def matched_words(self, request: SearchRequest, words: Sequence[str]) -> frozenset[str]:
        """Which of these words a request's query is about, for marking them."""
        reading = await self._read_beside(request)
        meaning = reading.meaning
        if (better := await self._otherwise(reading, request, 0)) is not None:
            meaning = better[1]
        return await self._vocabulary.matching(words, meaning, self._vocabulary.language(request.language))

    async def _narrow(self, request: SearchRequest) -> Narrowing:
        return await narrowing(self._database, request.filter, self._foreign(request.currency))

    def _foreign(self, currency: Currency | None) -> Currency | None:
        """The currency, where it is not the shop's own."""
        return currency if currency != self._currency else None

    async def _read(self, request: SearchRequest) -> Reading:
        query, language = request.query[:MAX_QUERY_LENGTH], self._vocabulary.language(request.language)
        return await self._vocabulary.read(query, language)

    async def _read_beside(self, request: SearchRequest) -> Reading:
        """The reading of a query that the page beside has read a moment ago."""
        query, language = request.query[:MAX_QUERY_LENGTH], self._vocabulary.language(request.language)
        return await self._vocabulary.read_again(query, language)

    async def _as_typed(
        self, request: SearchRequest, narrow: Narrowing, page: PageRequest, after: Row | None
    ) -> tuple[Reading, Sequence[Row]]:
        """How the query reads, and its rows: one statement where every word is known and the query has nothing else."""
        guess = self._vocabulary.guess(request.query[:MAX_QUERY_LENGTH], self._vocabulary.language(request.language))
        if guess is None:
            reading = await self._read(request)
        else:
            look = Look(guess.values)
            rows = await self._segments.rows(Search(guess.reading.meaning, narrow), request.sort, page, after, look)
            reading = await (self._vocabulary.settle(guess, look.found) if look.is_done else self._read(request))
            if look.is_done and not look.found:
                return reading, rows
        return reading, await self._segments.rows(Search(reading.meaning, narrow), request.sort, page, after)

    async def _as(self, read: str, request: SearchRequest) -> Meaning:
        """The meaning of the query as a cursor says that it was read: completed or corrected."""
        language = self._vocabulary.language(request.language)
        if read != COMPLETED:
            return (await self._vocabulary.read(read[:MAX_QUERY_LENGTH], language)).meaning
        reading = await self._read(request)
        return await self._vocabulary.complete(reading, language) or reading.meaning

    async def _otherwise(self, reading: Reading, request: SearchRequest, hits: int) -> tuple[str, Meaning] | None:
        """Another way to read a query that finds nothing or next to nothing, whatever the filter.

        hits: how many the words as typed have found within the filter.
        """
        typed = reading.meaning
        if not reading.text.groups or typed.top or reading.text.left_out:
            return None
        if hits and not reading.unknown_words():
            return None
        found = await self._counts.up_to(typed, FEW) if typed.parts else 0
        if found >= FEW:
            return None
        language = self._vocabulary.language(request.language)
        begun = None if found else await self._vocabulary.complete(reading, language)
        if begun is not None and await self._counts.up_to(begun, 1):
            return COMPLETED, begun
        corrected = await self._vocabulary.correct(reading, language)
        if corrected is None:
            return None
        meaning = (await self._vocabulary.read(corrected, language)).meaning
        better = await self._counts.up_to(meaning, FEW) if meaning.parts else 0
        return (corrected, meaning) if better > found else None


def _correction(read: str) -> str | None:
    return None if read in (AS_TYPED, COMPLETED) else read
