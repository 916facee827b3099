"""The rows of a page: of each segment of an order as many as the page still lacks, by the cheapest arm that gives them.

products put first | all words in the name | all words anywhere

Whoever has only guessed what a query means gives a `Look`: the first statement of a page then also looks for what the
whole query has, so a right guess has cost one statement in all. See ADR-0020 and ADR-0043.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import TextClause

from app.catalog.meaning import Meaning
from app.catalog.search import ProductSort
from app.catalog.search_filters import Narrowing
from app.catalog.search_marks_sql import marked_statement
from app.catalog.search_plan import (
    Place,
    Search,
    SearchState,
    arms,
    sample_for_marks,
    steps_at_once,
    walk_category,
    walk_rows,
)
from app.catalog.search_sql import ORDERS, Arm, page_statement, pinned_statement
from app.catalog.search_steps_sql import steps_statement, words_of_parts
from app.catalog.vocabulary_sql import looked_up_beside
from app.core.ids import ProductId
from app.core.money import Currency
from app.core.pagination import PageRequest
from app.database.engine import Database

TOP, IN_NAME, ANYWHERE = 2, 1, 0


@dataclass(frozen=True, slots=True)
class Row:
    """A hit with its place in the order. segment: TOP, IN_NAME or ANYWHERE."""

    segment: int
    value: object
    product_id: int


@dataclass(slots=True)
class Look:
    """What a statement of a page is to look for besides. values: of the query; found: what it has, once is_done."""

    values: Mapping[str, object]
    found: Sequence[Any] = ()
    is_done: bool = False


@dataclass(frozen=True, slots=True)
class _Segment:
    """A part of an order that is read by itself. vector: that has the words, empty where words do not rank."""

    lowest: int
    highest: int
    vector: str = ""

    def holds(self, row: Row) -> bool:
        """Whether the row is one of it."""
        return self.lowest <= row.segment <= self.highest

    def is_past(self, row: Row, *, forward: bool) -> bool:
        """Whether a walk that has come to the row has left it behind."""
        return self.lowest > row.segment if forward else self.highest < row.segment


_FIRST = _Segment(TOP, TOP)
_NAMED = _Segment(IN_NAME, IN_NAME, "name")
_NOT_IN_NAME = _Segment(ANYWHERE, ANYWHERE, "text")
_BY_CLASS = _Segment(ANYWHERE, IN_NAME, "text")  # both at once
_ALL = _Segment(ANYWHERE, ANYWHERE)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Rows that a page lacks: from a place on, in the direction of the walk."""

    sort: ProductSort
    forward: bool
    number: int
    place: Row | None = None


@dataclass(frozen=True, slots=True)
class SearchSegments:
    """Reads pages of an order, segment by segment."""

    database: Database
    state: SearchState

    async def rows(
        self, search: Search, sort: ProductSort, page: PageRequest, after: Row | None, look: Look | None = None
    ) -> Sequence[Row]:
        """Up to limit + 1 rows from the cursor on, in the direction of the walk.

        look: may be left undone; what it finds ends the reading, as rows of a wrong guess are of no use.
        """
        if search.finds_nothing:
            return ()
        few = search.frequency(await self.state(), in_name=False).is_few
        segments = _segments(search, sort, few=few)
        rows: list[Row] = []
        for segment in segments if page.forward else segments[::-1]:
            place = after if after is not None and segment.holds(after) else None
            if after is not None and place is None and segment.is_past(after, forward=page.forward):
                continue
            wanted = _Wanted(sort, page.forward, page.limit + 1 - len(rows), place)
            if segment is _FIRST:
                rows += await self._top(search, wanted)
            else:
                rows += await self._segment(segment, search, wanted, look)
            if len(rows) > page.limit or (look is not None and look.found):
                break
        return rows

    async def best_named(self, meaning: Meaning, limit: int, currency: Currency | None) -> list[ProductId]:
        """The most popular products with a meaning in their name. currency: another than the shop's own."""
        search = Search(meaning, Narrowing(currency=currency))
        rows = await self._segment(_NAMED, search, _Wanted(ProductSort.RELEVANCE, forward=True, number=limit))
        return [ProductId(row.product_id) for row in rows]

    async def _top(self, search: Search, wanted: _Wanted) -> list[Row]:
        """Products that are put first, in the order in which they are named."""
        shape, values = search.shape(top=True)
        found = {row[0] for row in await self.database.fetch_nearest(pinned_statement(shape), values)}
        named = [(-rank, product_id) for rank, product_id in enumerate(search.meaning.top) if product_id in found]
        if not wanted.forward:
            named.reverse()
        if (place := wanted.place) is not None:
            here = (place.value, place.product_id)
            named = [each for each in named if (each[0] < here[0] if wanted.forward else each[0] > here[0])]  # type: ignore[operator]
        return [Row(TOP, *each) for each in named[: wanted.number]]

    async def _segment(self, segment: _Segment, search: Search, wanted: _Wanted, look: Look | None = None) -> list[Row]:
        place, order = wanted.place, ORDERS[wanted.sort]
        shape, values = search.shape(
            vector=(segment.vector or "text") if search.has_words else "",
            beyond_name=segment is _NOT_IN_NAME,
            by_class=segment is _BY_CLASS,
            top=False if segment.vector and search.meaning.top else None,
        )
        values |= {"limit": wanted.number}
        if place is not None:
            values |= {"after": place.value, "after_id": place.product_id}
            values |= {"after_in_name": place.segment == IN_NAME} if shape.by_class else {}
        found: list[Row] = []
        size = await self.state()
        frequency = search.frequency(size, in_name=segment.vector == "name")
        beside = place.value if place is not None and order.column == "popularity" else None
        begin = Place(wanted.number, wanted.forward, beside if isinstance(beside, int) else None)
        for arm in arms(shape, order, frequency, size, begin):
            asked, asked_values = (
                walk_category(search, shape, values) if arm is Arm.WALK and order.by_price else (shape, values)
            )
            turn = {"forward": wanted.forward, "after": place is not None}
            if arm is Arm.STEPS:
                lexemes = search.meaning.lexemes
                statement = steps_statement(asked, order, len(lexemes), **turn)
                asked_values |= words_of_parts(lexemes) | {"at_once": steps_at_once(frequency, wanted.number)}
            elif arm is Arm.MARKS:
                sample, nth = sample_for_marks(frequency, wanted.number)
                statement = marked_statement(asked, order, sample, **turn)
                asked_values |= {"nth": nth}
            else:
                statement = page_statement(asked, order, arm, **turn, walk_rows=walk_rows(frequency, order, size))
            rows = await self._fetch(statement, asked_values, look, by_class=shape.by_class)
            found = [Row(int(row[2]) if shape.by_class else segment.lowest, row[0], row[1]) for row in rows]
            if len(found) == wanted.number or (look is not None and look.found):
                break
        return found

    async def _fetch(
        self, statement: TextClause, values: dict[str, object], look: Look | None, *, by_class: bool
    ) -> Sequence[Any]:
        if look is None or look.is_done:
            return await self.database.fetch_nearest(statement, values)
        both = looked_up_beside(statement, by_class=by_class)
        ((found, *columns),) = await self.database.fetch_nearest(both, {**values, **look.values})
        look.found, look.is_done = found or (), True
        return list(zip(*columns, strict=True)) if columns[0] is not None else ()


def _segments(search: Search, sort: ProductSort, *, few: bool) -> list[_Segment]:
    """The segments of an order, the first one first. few: whether all matches are read at once."""
    if sort is not ProductSort.RELEVANCE:
        return [_ALL]
    if not search.has_words:
        words = [_ALL] if search.meaning.browses else []
    else:
        words = [_BY_CLASS] if few else [_NAMED, _NOT_IN_NAME]
    return [_FIRST, *words] if search.meaning.top else words
