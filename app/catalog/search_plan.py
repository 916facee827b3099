"""Which arms a page is read by, from how frequent its words and facets are. See ADR-0020 and ADR-0034.

Few matches: all of them by the GIN index, sorted. More: first among the most popular products, in the smallest tier
that is likely to hold a page of them. Most of the catalogue: a walk along the order, which meets a match every few
rows. Each arm falls back to the next one when it gives less than a page, so a wrong guess costs time and never a row.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from math import ceil, exp, prod

from sqlalchemy import text

from app.catalog.meaning import Meaning
from app.catalog.search import FacetKind
from app.catalog.search_filters import FacetGroup, Narrowing
from app.catalog.search_marks_sql import MARKED
from app.catalog.search_sql import Arm, Order, Shape
from app.core.clock import Clock
from app.database.engine import Database
from app.database.search_tables import NO_TIER, SAMPLES, STEPS, TIERS

FEW_MATCHES = 500  # sorted faster than anything cleverer begins
_MANY = 10 * FEW_MATCHES  # that words and facets which seldom meet by chance may have together if they always do
VERY_BROAD = 0.1  # of all products: a walk to the end of the page is shorter than what a tier would give
_PAGES_IN_TIER = 2  # likely matches that a tier or a walk is tried for, in pages
_WALKS = (1_000, 5_000, 20_000)
_WALK_BEFORE_MARKS = 2_500  # takes as long as marks do
_ROWS_A_STEP = 3  # that the index gives while a walk by price, which looks each product up, takes one step
_MATCHES_FOR_STEPS = 6  # in pages: fewer are sorted faster than the words of a step are read and looked up
_SHORT_STRETCHES = 0.01  # of those that a sample tells: then all the matches that are left are read
_STATE_SECONDS = 30.0

_STATE = text("SELECT product_count, tier_popularity, price_steps <> '{}', name_steps <> '{}' FROM search_state")


@dataclass(frozen=True, slots=True)
class IndexSize:
    """The index as of its last refresh; 0 products before the first.

    has_steps: the order by price has; has_marks: texts have marks of the steps of the other orders.
    """

    product_count: int = 0
    tier_popularity: tuple[int, ...] = (NO_TIER,) * len(TIERS)
    has_steps: bool = False
    has_marks: bool = False


@dataclass(slots=True)
class SearchState:
    """The index's size, asked for again now and then."""

    database: Database
    clock: Clock
    _known: IndexSize = field(default_factory=IndexSize)
    _until: float = 0.0

    async def __call__(self) -> IndexSize:
        """The size, at most half a minute old."""
        if self.clock.monotonic() >= self._until:
            rows = await self.database.fetch_nearest(_STATE)
            self._known = IndexSize(rows[0][0], tuple(rows[0][1]), *rows[0][2:]) if rows else IndexSize()
            self._until = self.clock.monotonic() + _STATE_SECONDS
        return self._known


@dataclass(frozen=True, slots=True)
class Frequency:
    """About how many products match. most: no more than these; likely: if words and facets met by chance. 0 for few."""

    most: int
    likely: float

    @property
    def is_few(self) -> bool:
        """Whether reading all matches is quicker than anything cleverer begins; there are _MANY of them at worst."""
        return self.most <= FEW_MATCHES or (self.most <= _MANY and self.likely <= FEW_MATCHES / 4)


@dataclass(frozen=True, slots=True)
class Search:
    """What to look for: a meaning within a narrowing."""

    meaning: Meaning
    narrow: Narrowing

    @property
    def has_words(self) -> bool:
        """Whether there are words to look for."""
        return bool(self.meaning.parts)

    @property
    def is_single(self) -> bool:
        """Whether it is about one word or one facet, of which the number of products is known."""
        words = len(self.meaning.text_counts) if self.has_words else 0
        return words + len(self.narrow.groups) == 1 and not (self.narrow.conditions or self.narrow.currency)

    @property
    def finds_nothing(self) -> bool:
        """Whether something was typed in which no word is."""
        return not (self.has_words or self.meaning.browses or self.meaning.top)

    @property
    def is_of_pins(self) -> bool:
        """Whether there is nothing to look for but the products that are put first."""
        return bool(self.meaning.top) and not (self.has_words or self.meaning.browses)

    def frequency(self, size: IndexSize, *, in_name: bool) -> Frequency:
        """How many products its words and facets have, as far as that is known."""
        counts = [group.product_count for group in self.narrow.groups]
        if self.has_words:
            counts += self.meaning.name_counts if in_name else self.meaning.text_counts
        shares = [min(count / max(size.product_count, 1), 1.0) for count in counts]
        return Frequency(min(counts, default=0), prod(shares) * size.product_count if counts else 0.0)

    def shape(
        self,
        *,
        vector: str | None = None,
        beyond_name: bool = False,
        by_class: bool = False,
        top: bool | None = None,
        outside: bool = False,
    ) -> tuple[Shape, dict[str, object]]:
        """The shape of a statement for this search, and its values. top: True leaves the words out."""
        if vector is None:
            vector = "text" if self.has_words and (top is not True or outside) else ""
        meaning = self.meaning
        queries = meaning.queries(meaning.name_counts if vector == "name" else meaning.text_counts) if vector else ()
        shape = Shape(
            vector,
            queries=len(queries),
            leaves_out=bool(meaning.without),
            beyond_name=beyond_name,
            by_class=by_class,
            facets=len(self.narrow.groups),
            narrowed=tuple(name for name, _ in self.narrow.conditions),
            top=top,
            outside=outside,
            foreign=self.narrow.currency is not None,
        )
        values: dict[str, object] = dict(self.narrow.conditions)
        if self.narrow.currency is not None:
            values["currency"] = self.narrow.currency
        values |= {f"facets_{index}": list(group.ids) for index, group in enumerate(self.narrow.groups)}
        values |= {f"query_{index}": query for index, query in enumerate(queries)}
        if top is not None:
            values["top_ids"] = list(meaning.top)
        return shape, values


_TIERS = (Arm.TIER_1, Arm.TIER_2, Arm.TIER_3)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page begins. popularity: of the product beside it, None at the end of the list; wanted: rows."""

    wanted: int
    forward: bool = True
    popularity: int | None = None


def arms(shape: Shape, order: Order, frequency: Frequency, size: IndexSize, place: Place) -> list[Arm]:
    """The arms of a page, to be tried in this order until one is full."""
    if not shape.is_indexed:
        return [Arm.WALK, Arm.SCAN] if order.by_price or shape.narrowed or shape.foreign else [Arm.SCAN]
    if shape.by_class or frequency.is_few:
        return [Arm.INDEX]
    if order.by_price and not (shape.vector or shape.foreign):
        return [Arm.WALK, Arm.INDEX]  # a category by price has a walk of its own
    has_steps = size.has_steps and order.by_price and shape.vector and not (shape.facets or shape.foreign)
    if has_steps and frequency.likely > _MATCHES_FOR_STEPS * place.wanted:
        return [Arm.STEPS]
    tiers = _tiers(frequency, size, place) if order.column == "popularity" else []
    share = frequency.likely / max(size.product_count, 1)
    met = share * walk_rows(frequency, order, size)  # by a walk of that length
    by_marks = has_marks(size, order) and frequency.likely > _MATCHES_FOR_STEPS * place.wanted
    last = Arm.MARKS if by_marks else Arm.INDEX
    if share > VERY_BROAD or (not tiers and met > place.wanted * (_PAGES_IN_TIER if by_marks else 1)):
        return [Arm.WALK, last]
    return [*tiers, last]


def has_marks(size: IndexSize, order: Order) -> bool:
    """Whether texts have marks of the order's steps."""
    return size.has_marks and order.column in MARKED


def sample_for_marks(frequency: Frequency, wanted: int) -> tuple[int, int]:
    """The sample that tells at the least cost where a page ends, and at which of its matches."""

    def rows(sample: int) -> float:
        return frequency.likely / sample + sample * match_after(wanted, sample)

    sample = min(SAMPLES, key=rows)
    return sample, match_after(wanted, sample)


@lru_cache
def match_after(wanted: int, sample: int) -> int:
    """Which match of a sample comes after so many matches, but once in a hundred times."""
    mean = wanted / sample
    nth, likely = 1, exp(-mean)
    fewer = likely  # the likelihood that so many matches hold fewer than the nth of the sample
    while 1 - fewer > _SHORT_STRETCHES:
        likely *= mean / nth
        fewer += likely
        nth += 1
    return nth


def steps_at_once(frequency: Frequency, wanted: int) -> int:
    """How many steps are likely to hold two pages."""
    return max(1, min(STEPS, ceil(_PAGES_IN_TIER * wanted * STEPS / max(frequency.likely, 1.0))))


def walk_rows(frequency: Frequency, order: Order, size: IndexSize) -> int:
    """How far a walk goes before the index is asked: as long as that would take."""
    if has_marks(size, order):
        return _WALK_BEFORE_MARKS
    rows = frequency.likely / (_ROWS_A_STEP if order.by_price else 1)
    return next((each for each in reversed(_WALKS) if each <= rows), _WALKS[0])


def _tiers(frequency: Frequency, size: IndexSize, place: Place) -> list[Arm]:
    """The tiers that the page may be in, from the smallest that is likely to hold it."""
    if place.popularity is None and not place.forward:
        return []
    top = NO_TIER - 1 if place.popularity is None else place.popularity
    inside = [arm for arm, bound in zip(_TIERS, size.tier_popularity, strict=True) if bound <= top]
    wanted = _PAGES_IN_TIER * place.wanted * size.product_count / max(frequency.likely, 1.0)
    enough = [arm for arm, products in zip(_TIERS, TIERS, strict=True) if arm in inside and products >= wanted]
    return list(reversed(enough)) or inside[:1]


def walked_category(search: Search) -> FacetGroup | None:
    """The category whose prices a walk goes along; None for those of all products."""
    categories = (g for g in search.narrow.groups if g.key in (None, (FacetKind.CATEGORY, "")))
    return next((group for group in categories if group.category_id is not None), None)


def walk_category(search: Search, shape: Shape, values: dict[str, object]) -> tuple[Shape, dict[str, object]]:
    """The shape for a walk by price: within a category where the filter names just one, else through all products.

    Another currency than the shop's has no walk of a category's own.
    """
    if shape.foreign:
        return shape, values
    category = walked_category(search)
    if category is None:
        return shape, values | {"price_category": 0}
    left = replace(search.narrow, groups=tuple(g for g in search.narrow.groups if g is not category))
    narrower, left_values = Search(search.meaning, left).shape(
        vector=shape.vector, beyond_name=shape.beyond_name, top=shape.top
    )
    return narrower, values | left_values | {"price_category": category.category_id}
