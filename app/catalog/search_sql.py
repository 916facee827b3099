"""The statements of product search, put together from their shapes, each built once.

A statement's plan must not depend on what PostgreSQL guesses of a prepared one (after five executions it guesses for
all values at once). So the plan is in the text: `OFFSET 0` keeps an order out of a scan of the GIN index, and an inner
`LIMIT` keeps a walk along an order short. See ADR-0020.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Boolean, DateTime, Integer, Text, TextClause, bindparam, text
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.types import TypeEngine

from app.catalog.search import ProductSort
from app.database.search_tables import tier_condition

WALK_ROWS = 5_000  # what a walk looks at before it gives up: a few milliseconds
STATEMENTS = 2_000  # shapes; few of them are ever asked for


@dataclass(frozen=True, slots=True)
class Order:
    """An order of products: its leading column, that column's type, and whether it falls."""

    column: str
    type: TypeEngine[Any]
    falling: bool

    @property
    def by_price(self) -> bool:
        """Whether the order is kept in product_price_order."""
        return self.column == "price_min_minor"


_POPULAR = Order("popularity", BigInteger(), True)
ORDERS = {
    ProductSort.RELEVANCE: _POPULAR,
    ProductSort.BEST_SELLING: _POPULAR,
    ProductSort.NEWEST: Order("created_at", DateTime(timezone=True), True),
    ProductSort.PRICE_ASC: Order("price_min_minor", BigInteger(), False),
    ProductSort.PRICE_DESC: Order("price_min_minor", BigInteger(), True),
    ProductSort.NAME_ASC: Order("sort_name", Text(), False),
    ProductSort.NAME_DESC: Order("sort_name", Text(), True),
}


class Arm(Enum):
    """A way to the rows of a page."""

    TIER_3 = "tier 3"  # every match among the most popular products by their GIN index, sorted
    TIER_2 = "tier 2"
    TIER_1 = "tier 1"
    INDEX = "index"  # every match
    WALK = "walk"  # along the order, looking at each row, for at most WALK_ROWS
    SCAN = "scan"  # along the order to its end
    STEPS = "steps"  # along the order by price, by the words of each step, to its end
    MARKS = "marks"  # along the order by name or time, by the marks of as many steps as have a page, to its end

    @property
    def tier(self) -> int | None:
        """The tier that the arm looks into."""
        return _TIER_OF.get(self)


_TIER_OF = {Arm.TIER_1: 1, Arm.TIER_2: 2, Arm.TIER_3: 3}


@dataclass(frozen=True, slots=True)
class Shape:
    """What narrows a statement, without the values.

    vector: `name` or `text`, empty without words. queries: how many tsqueries the words are. leaves_out: also held
    against the text. beyond_name: only what the name does not have. by_class: what the name has comes first, and each
    row says whether it has; by the index alone. facets: how many groups of facet ids. narrowed: names in _NARROWED.
    top: only these products (True), all but these (False), all. outside: what the words do not find. foreign: prices
    are not in the shop's own currency.
    """

    vector: str = ""
    queries: int = 1
    leaves_out: bool = False
    beyond_name: bool = False
    by_class: bool = False
    facets: int = 0
    narrowed: tuple[str, ...] = ()
    top: bool | None = None
    outside: bool = False
    foreign: bool = False

    @property
    def is_indexed(self) -> bool:
        """Whether a GIN index can find the rows."""
        return bool(self.vector or self.facets)


_NARROWED = {
    "price_min": "s.price_min_minor >= :price_min",
    "price_max": "s.price_min_minor <= :price_max",
    "available": "s.available = :available",
    "on_sale": "s.on_sale = :on_sale",
    "created_after": "s.created_at > :created_after",
}
_TYPES: dict[str, TypeEngine[Any]] = {
    "price_min": BigInteger(),
    "price_max": BigInteger(),
    "available": Boolean(),
    "on_sale": Boolean(),
    "created_after": DateTime(timezone=True),
    "currency": Text(),
    "top_ids": ARRAY(Integer),
    "after_id": BigInteger(),
    "after_in_name": Boolean(),
    "price_category": Integer(),
    "limit": Integer(),
}
_IN_ITS_CURRENCY = """
    (SELECT hit.product_id, hit.popularity, hit.tier, hit.available, hit.created_at, hit.sort_name, hit.facet_ids,
            hit.name_vector, hit.text_vector, price.price_min_minor, price.price_max_minor, price.on_sale
     FROM {0} AS hit JOIN product_price AS price ON price.product_id = hit.product_id AND price.currency = :currency)
"""


# of facets_0, facets_1 and so on; a query that is sent as text would be parsed for each row that it is held against
_NUMBERED: dict[str, TypeEngine[Any]] = {"facets": ARRAY(Integer), "query": TSQUERY()}


def hits_of(shape: Shape, among: str = "product_search") -> str:
    """The hit rows, with the prices of the shape's currency; what is not sold in it is not there."""
    return _IN_ITS_CURRENCY.format(among) if shape.foreign else among


def _match(shape: Shape, vector: str) -> str:
    """That a vector of a row `s` has the words."""
    return " AND ".join(f"s.{vector}_vector @@ CAST(:query_{each} AS tsquery)" for each in range(shape.queries))


def conditions(shape: Shape, *more: str) -> str:
    """What a row `s` of the hit rows must meet."""
    parts = []
    if shape.vector:
        match = _match(shape, shape.vector)
        parts.append(f"NOT ({match})" if shape.outside else match)
    if shape.leaves_out and shape.vector == "name":
        parts.append(_match(shape, "text"))
    if shape.beyond_name:
        parts.append(f"NOT ({_match(shape, 'name')})")
    parts += [f"s.facet_ids && :facets_{index}" for index in range(shape.facets)]
    parts += [_NARROWED[name] for name in shape.narrowed]
    if shape.top is not None:
        parts.append("s.product_id = ANY(:top_ids)" if shape.top else "s.product_id <> ALL(:top_ids)")
    return " AND ".join([*parts, *more]) or "true"


def bound(statement: str, **types: TypeEngine[Any]) -> TextClause:
    """The statement with the types of its values. types: of those that only it has."""
    clause = text(statement)
    known = {**_TYPES, **types}
    binds = []
    for name in clause._bindparams:  # noqa: SLF001  a text clause does not name its parameters otherwise
        kind = _NUMBERED.get(name.partition("_")[0]) or known[name]
        binds.append(bindparam(name, type_=kind))
    return clause.bindparams(*binds)


@lru_cache(STATEMENTS)
def page_statement(
    shape: Shape, order: Order, arm: Arm, *, forward: bool, after: bool, walk_rows: int = WALK_ROWS
) -> TextClause:
    """Rows (the order's column, product_id) of one page, in the direction that it is walked.

    walk_rows: what a walk looks at before it gives up.
    """
    down = order.falling == forward
    direction = "DESC" if down else "ASC"
    column = order.column
    sign = "<" if down else ">"
    if shape.by_class:
        return bound(_classed(shape, order, direction, sign if after else None), after=order.type)
    if arm is Arm.WALK and order.by_price:
        start = f"AND (price_minor, product_id) {sign} (:after, :after_id)" if after else ""
        statement = price_walk(shape, direction, start, walk_rows)
        return bound(statement, after=order.type)
    place = f"(s.{column}, s.product_id) {sign} (:after, :after_id)"
    by = f"{column} {direction}, product_id {direction}"
    if arm is Arm.INDEX or arm.tier:
        more = ([f"s.{tier_condition(arm.tier)}"] if arm.tier else []) + ([place] if after else [])
        source = (
            f"(SELECT s.{column}, s.product_id FROM {hits_of(shape)} AS s WHERE {conditions(shape, *more)} OFFSET 0)"
        )
        return bound(f"SELECT {column}, product_id FROM {source} AS m ORDER BY {by} LIMIT :limit", after=order.type)
    if arm is Arm.SCAN:
        where = conditions(shape, *([place] if after else []))
        statement = f"SELECT {column}, product_id FROM {hits_of(shape)} AS s WHERE {where} ORDER BY {by} LIMIT :limit"
        return bound(statement, after=order.type)
    start = place if after else "true"
    walked = hits_of(
        shape, f"(SELECT s.* FROM product_search AS s WHERE {start} ORDER BY {by} LIMIT {unforeseen(walk_rows)})"
    )
    statement = f"SELECT {column}, product_id FROM {walked} AS s WHERE {conditions(shape)} ORDER BY {by} LIMIT :limit"
    return bound(statement, after=order.type)


def _classed(shape: Shape, order: Order, direction: str, sign: str | None) -> str:
    """Rows (the order's column, product_id, whether the name has the words), these first."""
    columns = f"({_match(shape, 'name')}) AS in_name, s.{order.column}, s.product_id"
    matches = f"(SELECT {columns} FROM {hits_of(shape)} AS s WHERE {conditions(shape)} OFFSET 0)"
    place = f"WHERE (in_name, {order.column}, product_id) {sign} (:after_in_name, :after, :after_id)" if sign else ""
    by = ", ".join(f"{each} {direction}" for each in ("in_name", order.column, "product_id"))
    return f"SELECT {order.column}, product_id, in_name FROM {matches} AS m {place} ORDER BY {by} LIMIT :limit"


def unforeseen(rows: int) -> str:
    """A number that the planner does not know: it takes a tenth of the table for granted, and so never sorts."""
    return f"(SELECT {rows})"


def price_walk(shape: Shape, direction: str, place: str, walk_rows: int, *, limit: str = ":limit") -> str:
    """Along the prices of a category, or in another currency than the shop's along all that it has."""
    by = f"price_minor {direction}, product_id {direction}"
    prices = "product_price_order WHERE category_id = :price_category"
    if shape.foreign:
        prices = "(SELECT price_min_minor AS price_minor, product_id, currency FROM product_price) AS price"
        prices = f"{prices} WHERE currency = :currency"
    return f"""
        SELECT p.price_minor, p.product_id FROM (
            SELECT price_minor, product_id FROM {prices} {place} ORDER BY {by} LIMIT {unforeseen(walk_rows)}
        ) AS p CROSS JOIN LATERAL (
            SELECT true FROM {hits_of(shape)} AS s WHERE s.product_id = p.product_id AND {conditions(shape)} OFFSET 0
        ) AS s ORDER BY p.{by.replace(", ", ", p.")} LIMIT {limit}
    """


@lru_cache(STATEMENTS)
def pinned_statement(shape: Shape) -> TextClause:
    """Which of the products that are put first the filter lets through."""
    return bound(f"SELECT s.product_id FROM {hits_of(shape)} AS s WHERE {conditions(shape)}")
