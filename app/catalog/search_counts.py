"""How many products a search finds: counted to the end where that is quick, else at least EXACT_ROWS of them.

Samples are the products with certain hashes of their ids, one in 4, 16, 64, 256 or 1,024, each with an index of its
own. So many rows of a sample are counted that a search with fewer than EXACT_ROWS matches would have them there once in
a thousand million times. See ADR-0041.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from math import floor, log, log10
from typing import Any

from app.catalog.meaning import Meaning
from app.catalog.search_count_sql import count_statement
from app.catalog.search_filters import Narrowing
from app.catalog.search_plan import Search, SearchState
from app.core.clock import Clock
from app.core.pagination import Count, CountPrecision
from app.database.engine import Database
from app.database.search_tables import SAMPLES

SMALL_CATALOGUE = 20_000  # products: counted whole in a few milliseconds
EXACT_ROWS = 1_000  # matches in a larger one that are counted to the end
_SAMPLED_ROWS = 800  # of a sample, at most about so many are read; a quarter of them at least
_PROBED, _PROBED_WHOLE = 64, 256  # the samples that tell how frequent words and filters are together; filters alone
_RARE = 0.01  # of all products: what is rarer among all of them would take a walk through most of them
_FEW = 250  # matches, if words and facets meet by chance: they may be four times as many before a probe is needed
_ROOM = 2  # times the rows that tell enough that a sample is likely to hold before it is counted
_SURE = 20  # times as many that a sample is likely to hold before a few are looked for in it
_KEPT_SECONDS = 1.0
_KEPT = 1_000
_DOUBT = 1e-9  # how often a bound is too high


@dataclass(slots=True)
class SearchCounts:
    """Counts the products of a search.

    What a probe has told is kept for a second: the count and the facets of one request ask for the same.
    """

    database: Database
    state: SearchState
    clock: Clock
    _probed: dict[Search, tuple[float, int]] = field(default_factory=dict)

    async def count(self, search: Search) -> Count:
        """How many products it finds, those that are put first included."""
        if search.finds_nothing:
            return Count(0)
        besides = await self._pinned_outside(search)
        if search.is_of_pins:
            return Count(besides)
        if not await self.is_large():
            return Count(await self._number(search) + besides)
        found, is_all = await self._bounded(search)
        return Count(found + besides) if is_all else Count(found, CountPrecision.AT_LEAST)

    async def up_to(self, meaning: Meaning, most: int) -> int:
        """How many products have a meaning, counted no further than `most`."""
        search = Search(meaning, Narrowing())
        likely = search.frequency(await self.state(), in_name=False).likely
        holds = [sample for sample in SAMPLES if likely >= _SURE * most * sample]
        if holds and await self._number(search, holds[-1], most) == most:
            return most
        return await self._number(search, None, most)

    async def few_or_sample(self, search: Search) -> int | None:
        """The sample of which some hundred rows match; None where no more than EXACT_ROWS are likely to in all."""
        about = await self.about(search)
        return None if about <= EXACT_ROWS else sample_of(about)

    async def is_large(self) -> bool:
        """Whether not everything can be counted."""
        return (await self.state()).product_count > SMALL_CATALOGUE

    async def about(self, search: Search) -> int:
        """About how many products match: what is known of one word or facet, else what a sample tells."""
        size = await self.state()
        if not (search.has_words or search.narrow.narrows):
            return size.product_count
        frequency = search.frequency(size, in_name=False)
        shape, _ = search.shape()
        if shape.is_indexed and (frequency.most <= EXACT_ROWS or search.is_single):
            return frequency.most
        if shape.is_indexed and frequency.likely <= _FEW:
            return round(frequency.likely)
        return await self.probed(search)

    async def probed(self, search: Search) -> int:
        """About how many products match, as a sample tells."""
        now = self.clock.monotonic()
        kept = self._probed.get(search)
        if kept is not None and now - kept[0] < _KEPT_SECONDS:
            return kept[1]
        if len(self._probed) >= _KEPT:
            self._probed.clear()
        sample = _PROBED if search.shape()[0].is_indexed else _PROBED_WHOLE
        about = sample * await self._number(search, sample)
        self._probed[search] = now, about
        return about

    async def _bounded(self, search: Search) -> tuple[int, bool]:
        """How many there are, no further than EXACT_ROWS, and whether these are all."""
        shape, _ = search.shape()
        size, most = await self.state(), EXACT_ROWS + 1
        if shape.is_indexed:  # a wrong guess costs a statement
            likely = search.frequency(size, in_name=False).likely
            holds = [sample for sample in SAMPLES if likely >= _ROOM * sample * telling_rows(sample)]
            if holds and await self._number(search, holds[-1], enough := telling_rows(holds[-1])) == enough:
                return EXACT_ROWS, False
        elif (about := await self.about(search)) < _RARE * size.product_count:
            return min(about // _PROBED_WHOLE, EXACT_ROWS), False  # so many rows the probe has met
        found = await self._number(search, None, most)
        return min(found, EXACT_ROWS), found < most

    async def _pinned_outside(self, search: Search) -> int:
        """How many products are put first that the words do not find."""
        if not search.meaning.top:
            return 0
        shape, values = search.shape(top=True, outside=search.has_words)
        return await self._first(count_statement(shape), values)

    async def _number(self, search: Search, sample: int | None = None, most: int | None = None) -> int:
        shape, values = search.shape()
        if most is not None:
            values["limit"] = most
        return await self._first(count_statement(shape, sample, at_most=most is not None), values)

    async def _first(self, statement: Any, values: dict[str, object]) -> int:  # noqa: ANN401  Executable
        rows = await self.database.fetch_nearest(statement, values)
        return int(rows[0][0])


def sample_of(about: int) -> int:
    """The sample of which some hundred rows match, of about so many in all."""
    return next((sample for sample in SAMPLES if about <= sample * _SAMPLED_ROWS), SAMPLES[-1])


@lru_cache(4 * _SAMPLED_ROWS)
def told(found: int, sample: int | None) -> Count:
    """What a number of rows says of all rows: a sample's is a bound, at most EXACT_ROWS, and too high once in 10^9."""
    if sample is None:
        return Count(found)
    return Count(min(max(found, _rounded_down(_least(found) * sample)), EXACT_ROWS), CountPrecision.AT_LEAST)


@lru_cache
def telling_rows(sample: int) -> int:
    """How many rows in a sample say that there are EXACT_ROWS in all."""
    found = 1
    while _least(found) * sample < EXACT_ROWS:
        found += 1
    return found


def _least(found: int) -> float:
    """What a sample holds on average at the least, if it has met so many with a chance of _DOUBT.

    Source: Chernoff's bound, P(X >= found) <= exp(found - mean) * (mean / found) ** found.
    """
    low, high = 0.0, float(found)
    while high - low > 1e-6 * found:
        mean = (low + high) / 2
        doubt = found - mean + found * log(mean / found)
        low, high = (mean, high) if doubt <= log(_DOUBT) else (low, mean)
    return low


def _rounded_down(number: float) -> int:
    """The number with two digits that mean something."""
    if number < 1:
        return 0
    unit = 10 ** max(floor(log10(number)) - 1, 0)
    return int(number // unit * unit)
