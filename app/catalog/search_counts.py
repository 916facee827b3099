"""How many products a search finds: counted where that is quick, else at least so many, from a sample.

A sample is the products with certain hashes of their ids, one in 8, 64 or 512, with an index of its own. What is told
of it is a lower bound: four standard deviations below what the sample says, and never below what it holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, log10, sqrt
from typing import Any

from app.catalog.meaning import Meaning
from app.catalog.search_filters import Narrowing
from app.catalog.search_plan import Search, SearchState
from app.catalog.search_sql import count_statement
from app.core.pagination import Count, CountPrecision
from app.database.engine import Database

SMALL_CATALOGUE = 20_000  # counted whole in a few milliseconds
EXACT_ROWS = 3_000
_DEVIATIONS = 4  # one bound in thirty thousand is too high
_ENOUGH = 500  # rows of a sample: a bound is then a fifth below the estimate
_COARSE, _MIDDLE, _FINE = 512, 64, 8


@dataclass(frozen=True, slots=True)
class SearchCounts:
    """Counts the products of a search."""

    database: Database
    state: SearchState

    async def count(self, search: Search) -> Count:
        """How many products it finds, those that are put first included."""
        if search.finds_nothing:
            return Count(0)
        sample = await self.sample_for(search)
        counted = (
            0
            if search.meaning.top and not (search.has_words or search.meaning.browses)
            else (await self._number(search, sample))
        )
        return scaled(counted, sample, besides=await self.pinned_outside(search))

    async def up_to(self, meaning: Meaning, most: int) -> int:
        """How many products have a meaning, counted no further than `most`."""
        search = Search(meaning, Narrowing())
        shape, values = search.shape()
        values["limit"] = most
        if (await self.state()).product_count > SMALL_CATALOGUE:
            found = await self._first(count_statement(shape, _FINE, at_most=True), values)
            if found >= most:
                return found
        return await self._first(count_statement(shape, at_most=True), values)

    async def sample_for(self, search: Search) -> int | None:
        """The sample that gives a thousand rows or some; None where all can be counted."""
        size = (await self.state()).product_count
        if size <= SMALL_CATALOGUE:
            return None
        shape, values = search.shape()
        if shape.is_indexed and search.frequency(in_name=False) <= EXACT_ROWS:
            return None
        probed = await self._first(count_statement(shape, _COARSE), values)
        if probed >= _ENOUGH:
            return _COARSE
        if probed >= _COARSE // _MIDDLE:
            return _MIDDLE if probed >= _MIDDLE else _FINE
        probed = await self._first(count_statement(shape, _MIDDLE), values)
        return None if probed * _MIDDLE <= EXACT_ROWS else _FINE

    async def pinned_outside(self, search: Search) -> int:
        """How many products are put first that the words do not find."""
        if not search.meaning.top:
            return 0
        shape, values = search.shape(top=True, outside=search.has_words)
        return await self._first(count_statement(shape), values)

    async def _number(self, search: Search, sample: int | None) -> int:
        shape, values = search.shape()
        return await self._first(count_statement(shape, sample), values)

    async def _first(self, statement: Any, values: dict[str, object]) -> int:  # noqa: ANN401  Executable
        rows: Sequence[Any]
        async with self.database.read_nearest() as connection:
            rows = (await connection.execute(statement, values)).all()
        return int(rows[0][0])


def scaled(found: int, sample: int | None, *, besides: int = 0) -> Count:
    """What a number of rows in a sample says of all rows. besides: rows that were counted apart from it."""
    if sample is None:
        return Count(found + besides)
    low = (found - _DEVIATIONS * sqrt(found * (1 - 1 / sample))) * sample
    return Count(max(found, _rounded_down(low)) + besides, CountPrecision.AT_LEAST)


def _rounded_down(number: float) -> int:
    """The number with two digits that mean something."""
    if number < 1:
        return 0
    unit = 10 ** max(floor(log10(number)) - 1, 0)
    return int(number // unit * unit)
