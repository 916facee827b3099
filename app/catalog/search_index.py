"""Product search on PostgreSQL, in statements that stop after a page.

query -> meaning -> segments: products put first | all words in the name | all words anywhere
      -> of each segment as many rows as the page still lacks, by the cheapest arm that gives them

Relevance is lexicographic, not a score: the segment, then popularity, then the newest id. So every order is a tuple,
and a cursor is that tuple with how the words were read, so that a walk keeps to one reading. See ADR-0008 and ADR-0020.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import msgspec

from app.catalog.meaning import Meaning
from app.catalog.search import MAX_QUERY_LENGTH, Facets, Hits, ProductSort, SearchRequest, Suggestions
from app.catalog.search_counts import SearchCounts
from app.catalog.search_dictionary import FacetDictionary
from app.catalog.search_facets import SearchFacets
from app.catalog.search_filters import Narrowing, narrowing
from app.catalog.search_plan import (
    FEW_MATCHES,
    Place,
    Search,
    SearchState,
    arms,
    steps_at_once,
    walk_category,
    walk_rows,
)
from app.catalog.search_sql import ORDERS, Arm, Order, page_statement, pinned_statement
from app.catalog.search_steps_sql import steps_statement, words_of_parts
from app.catalog.search_suggestions import SearchSuggestions, Typed
from app.catalog.vocabulary import Reading, Vocabulary
from app.core.clock import Clock
from app.core.ids import ProductId
from app.core.money import Currency
from app.core.pagination import Count, Page, PageRequest, cut_page, decode_cursor, fingerprint
from app.database.engine import Database

FEW = 3  # hits: fewer are next to nothing, and the words may have been meant otherwise
AS_TYPED, COMPLETED = "", "*"  # how a query was read; anything else is what it was corrected to
_TOP, _IN_NAME, _ANYWHERE = 2, 1, 0

# what a cursor may hold: it comes from outside, so each type is bounded by what PostgreSQL can take
_BigInt = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_Class = Annotated[int, msgspec.Meta(ge=_ANYWHERE, le=_TOP)]
_Moment = Annotated[datetime, msgspec.Meta(tz=True)]
_Text = Annotated[str, msgspec.Meta(pattern="^[^\x00]*$")]
_POSITIONS: dict[str, Any] = {
    "popularity": tuple[_Text, _Class, _BigInt, _BigInt],
    "price_min_minor": tuple[_Text, _Class, _BigInt, _BigInt],
    "created_at": tuple[_Text, _Class, _Moment, _BigInt],
    "sort_name": tuple[_Text, _Class, _Text, _BigInt],
}


@dataclass(frozen=True, slots=True)
class _Row:
    """A hit with its place in the order."""

    segment: int
    value: object
    product_id: int


@dataclass(frozen=True, slots=True)
class _Segment:
    """A part of an order that is read by itself. vector: that has the words, empty where words do not rank."""

    lowest: int
    highest: int
    vector: str = ""

    def holds(self, row: _Row) -> bool:
        """Whether the row is one of it."""
        return self.lowest <= row.segment <= self.highest

    def is_past(self, row: _Row, *, forward: bool) -> bool:
        """Whether a walk that has come to the row has left it behind."""
        return self.lowest > row.segment if forward else self.highest < row.segment


_FIRST = _Segment(_TOP, _TOP)
_NAMED = _Segment(_IN_NAME, _IN_NAME, "name")
_NOT_IN_NAME = _Segment(_ANYWHERE, _ANYWHERE, "text")
_BY_CLASS = _Segment(_ANYWHERE, _IN_NAME, "text")  # both at once
_ALL = _Segment(_ANYWHERE, _ANYWHERE)


class PostgresSearchIndex:
    """`SearchIndex` on the table `product_search`. currency, language: the shop's own."""

    def __init__(self, database: Database, clock: Clock, *, currency: Currency, language: str) -> None:
        self._database = database
        self._currency = currency
        self._vocabulary = Vocabulary(database, clock, language=language)
        self._state = SearchState(database, clock)
        self._counts = SearchCounts(database, self._state, clock)
        self._facets = SearchFacets(database, self._counts, FacetDictionary(database), currency)
        self._suggestions = SearchSuggestions(database, self._vocabulary, self._hits)

    async def page(self, request: SearchRequest, page: PageRequest) -> Hits:
        """One page of hits. Raises InvalidInput when the cursor is not of this list."""
        order = ORDERS[request.sort]
        mark = fingerprint(request)
        read, after = AS_TYPED, None
        if page.cursor is not None:
            read, segment, value, product_id = decode_cursor(page.cursor, mark, _POSITIONS[order.column])
            after = _Row(segment, value, product_id)
        narrow = await self._narrow(request)
        reading = await self._read(request)
        meaning = await self._as(read, reading, request)
        rows = await self._rows(Search(meaning, narrow), request, page, after)
        if read == AS_TYPED and after is None and len(rows) < min(FEW, page.limit + 1):
            better = await self._otherwise(reading, request, len(rows))
            if better is not None:
                read, meaning = better
                rows = await self._rows(Search(meaning, narrow), request, page, after)
        cut = cut_page(rows, page, lambda row: (read, row.segment, row.value, row.product_id), mark)
        ids = tuple(ProductId(row.product_id) for row in cut.items)
        return Hits(Page(ids, cut.cursors, cut.has_next, cut.has_previous), _correction(read))

    async def count(self, request: SearchRequest) -> Count:
        """How many products the request finds: exactly, or at least where that would take long."""
        narrow = await self._narrow(request)
        reading = await self._read(request)
        count = await self._counts.count(Search(reading.meaning, narrow))
        if count.value < FEW and (better := await self._otherwise(reading, request, count.value)) is not None:
            count = await self._counts.count(Search(better[1], narrow))
        return count

    async def facets(self, request: SearchRequest) -> Facets:
        """Counts by brand, category, price, and by every attribute and option that the products have."""
        narrow = await self._narrow(request)
        reading = await self._read(request)
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
        reading = await self._read(request)
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
        return await self._vocabulary.read(
            request.query[:MAX_QUERY_LENGTH], self._vocabulary.language(request.language)
        )

    async def _as(self, read: str, reading: Reading, request: SearchRequest) -> Meaning:
        """The meaning of the query as a cursor says that it was read."""
        language = self._vocabulary.language(request.language)
        if read == COMPLETED:
            return await self._vocabulary.complete(reading, language) or reading.meaning
        if read != AS_TYPED:
            return (await self._vocabulary.read(read[:MAX_QUERY_LENGTH], language)).meaning
        return reading.meaning

    async def _otherwise(self, reading: Reading, request: SearchRequest, hits: int) -> tuple[str, Meaning] | None:
        """Another way to read a query that finds nothing or next to nothing, whatever the filter.

        hits: how many the words as typed have found within the filter.
        """
        typed = reading.meaning
        if not reading.text.groups or typed.top or reading.text.left_out:
            return None
        if hits and not reading.unknown_words():
            return None
        found = await self._counts.up_to(typed, FEW) if typed.tsquery else 0
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
        better = await self._counts.up_to(meaning, FEW) if meaning.tsquery else 0
        return (corrected, meaning) if better > found else None

    async def _rows(
        self, search: Search, request: SearchRequest, page: PageRequest, after: _Row | None
    ) -> Sequence[_Row]:
        """Up to limit + 1 rows from the cursor on, in the direction of the walk."""
        if search.finds_nothing:
            return ()
        ordering = ORDERS[request.sort]
        few = search.frequency(await self._state(), in_name=False).most <= FEW_MATCHES
        segments = _segments(search, request.sort, few=few)
        rows: list[_Row] = []
        for segment in segments if page.forward else segments[::-1]:
            place = after if after is not None and segment.holds(after) else None
            if after is not None and place is None and segment.is_past(after, forward=page.forward):
                continue
            wanted = page.limit + 1 - len(rows)
            if segment is _FIRST:
                rows += await self._top(search, page, place, wanted)
            else:
                rows += await self._segment(segment, search, ordering, page, place, wanted)
            if len(rows) > page.limit:
                break
        return rows

    async def _top(self, search: Search, page: PageRequest, place: _Row | None, wanted: int) -> list[_Row]:
        """Products that are put first, in the order in which they are named."""
        shape, values = search.shape(top=True)
        found = {row[0] for row in await self._database.fetch_nearest(pinned_statement(shape), values)}
        named = [(-rank, product_id) for rank, product_id in enumerate(search.meaning.top) if product_id in found]
        if not page.forward:
            named.reverse()
        if place is not None:
            here = (place.value, place.product_id)
            named = [each for each in named if (each[0] < here[0] if page.forward else each[0] > here[0])]  # type: ignore[operator]
        return [_Row(_TOP, *each) for each in named[:wanted]]

    async def _segment(
        self, segment: _Segment, search: Search, order: Order, page: PageRequest, place: _Row | None, wanted: int
    ) -> list[_Row]:
        shape, values = search.shape(
            vector=(segment.vector or "text") if search.has_words else "",
            beyond_name=segment is _NOT_IN_NAME,
            by_class=segment is _BY_CLASS,
            top=False if segment.vector and search.meaning.top else None,
        )
        values |= {"limit": wanted}
        if place is not None:
            values |= {"after": place.value, "after_id": place.product_id}
            values |= {"after_in_name": place.segment == _IN_NAME} if shape.by_class else {}
        found: list[_Row] = []
        size = await self._state()
        frequency = search.frequency(size, in_name=segment.vector == "name")
        beside = place.value if place is not None and order.column == "popularity" else None
        begin = Place(wanted, page.forward, beside if isinstance(beside, int) else None)
        for arm in arms(shape, order, frequency, size, begin):
            asked, asked_values = (
                walk_category(search, shape, values) if arm is Arm.WALK and order.by_price else (shape, values)
            )
            turn = {"forward": page.forward, "after": place is not None}
            if arm is Arm.STEPS:
                lexemes = search.meaning.lexemes
                statement = steps_statement(asked, order, len(lexemes), **turn)
                asked_values |= words_of_parts(lexemes) | {"at_once": steps_at_once(frequency, wanted)}
            else:
                statement = page_statement(asked, order, arm, **turn, walk_rows=walk_rows(frequency, order))
            rows = await self._database.fetch_nearest(statement, asked_values)
            found = [_Row(int(row[2]) if shape.by_class else segment.lowest, row[0], row[1]) for row in rows]
            if len(found) == wanted:
                break
        return found

    async def _hits(self, meaning: Meaning, limit: int, currency: Currency | None) -> list[ProductId]:
        """The most popular products with a meaning in their name. currency: another than the shop's own."""
        search, order = Search(meaning, Narrowing(currency=currency)), ORDERS[ProductSort.RELEVANCE]
        rows = await self._segment(_NAMED, search, order, PageRequest(limit), None, limit)
        return [ProductId(row.product_id) for row in rows]


def _segments(search: Search, sort: ProductSort, *, few: bool) -> list[_Segment]:
    """The segments of an order, the first one first. few: whether all matches are read at once."""
    if sort is not ProductSort.RELEVANCE:
        return [_ALL]
    if not search.has_words:
        words = [_ALL] if search.meaning.browses else []
    else:
        words = [_BY_CLASS] if few else [_NAMED, _NOT_IN_NAME]
    return [_FIRST, *words] if search.meaning.top else words


def _correction(read: str) -> str | None:
    return None if read in (AS_TYPED, COMPLETED) else read
