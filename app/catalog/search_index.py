"""Product search on PostgreSQL's full text search.

Relevance is lexicographic, not a score: products whose name has all the words come before those that have them
anywhere, then the popular ones, then the newest id. So every order is a tuple of columns, a cursor is that tuple, and
a page is one index-friendly row comparison. Statements are built once for each shape of request. See ADR-0008.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any

import msgspec
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    ColumnElement,
    DateTime,
    Integer,
    Select,
    Text,
    and_,
    bindparam,
    cast,
    exists,
    func,
    literal_column,
    or_,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import TSQUERY, array
from sqlalchemy.sql.visitors import replacement_traverse
from sqlalchemy.types import TypeEngine

from app.catalog.search import (
    MAX_FACET_VALUES,
    MAX_QUERY_LENGTH,
    FacetCount,
    Facets,
    ProductFilter,
    ProductSort,
    SearchRequest,
    Suggestions,
)
from app.core.ids import CategoryId, ProductId
from app.core.money import Currency
from app.core.pagination import Count, Page, PageRequest, cut_page, decode_cursor, fingerprint
from app.core.stock import StockPolicy
from app.database.engine import Database
from app.database.tables import category, product_price, product_search, stock, variant

# what a cursor may hold: it comes from outside, so each type is bounded by what PostgreSQL can take
_BigInt = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_Moment = Annotated[datetime, msgspec.Meta(tz=True)]
_Name = Annotated[str, msgspec.Meta(pattern="^[^\x00]*$")]

_row = product_search.c
_config: ColumnElement[Any] = literal_column("'shop_en'::regconfig")
_query = cast(func.websearch_to_tsquery(_config, bindparam("query", type_=Text)), TSQUERY)

_in_name = cast(cast(_row.name_vector.op("@@")(_query), Integer), BigInteger)

# each order: its columns and their types in a cursor; every column runs in the same direction
_ORDERS: dict[ProductSort, tuple[tuple[ColumnElement[Any], ...], Any, bool]] = {
    ProductSort.BEST_SELLING: ((_row.popularity, _row.product_id), tuple[_BigInt, _BigInt], True),
    ProductSort.NEWEST: ((_row.created_at, _row.product_id), tuple[_Moment, _BigInt], True),
    ProductSort.PRICE_ASC: ((_row.price_min_minor, _row.product_id), tuple[_BigInt, _BigInt], False),
    ProductSort.PRICE_DESC: ((_row.price_min_minor, _row.product_id), tuple[_BigInt, _BigInt], True),
    ProductSort.NAME_ASC: ((_row.sort_name, _row.product_id), tuple[_Name, _BigInt], False),
    ProductSort.NAME_DESC: ((_row.sort_name, _row.product_id), tuple[_Name, _BigInt], True),
}
_BY_CLASS = ((_in_name, _row.popularity, _row.product_id), tuple[_BigInt, _BigInt, _BigInt], True)

_CONDITIONS: dict[str, ColumnElement[bool]] = {
    "query": _row.text_vector.op("@@", is_comparison=True)(_query),
    "categories": _row.category_ids.overlap(bindparam("categories", type_=ARRAY(Integer))),
    "within": _row.category_ids.contains(array([bindparam("within", type_=Integer)])),
    "brands": _row.brand == func.any(bindparam("brands", type_=ARRAY(Text))),
    "price_min": _row.price_min_minor >= bindparam("price_min", type_=BigInteger),
    "price_max": _row.price_min_minor <= bindparam("price_max", type_=BigInteger),
    "available": exists(
        select(stock.c.variant_id)
        .join(variant, variant.c.id == stock.c.variant_id)
        .where(
            variant.c.product_id == _row.product_id,
            variant.c.active,
            or_(stock.c.policy != StockPolicy.DENY.value, stock.c.on_hand > stock.c.reserved),
        )
    )
    == bindparam("available", type_=Boolean),
    "on_sale": _row.on_sale == bindparam("on_sale", type_=Boolean),
    "currency": and_(
        product_price.c.product_id == _row.product_id,
        product_price.c.currency == bindparam("currency", type_=Text),
    ),
    "created_after": _row.created_at > bindparam("created_after", type_=DateTime(timezone=True)),
}

_FOREIGN: dict[Any, ColumnElement[Any]] = {
    _row.price_min_minor: product_price.c.price_min_minor,
    _row.price_max_minor: product_price.c.price_max_minor,
    _row.on_sale: product_price.c.on_sale,
}

_prefix_query = cast(func.to_tsquery(_config, bindparam("prefix", type_=Text)), TSQUERY)
_SUGGESTED_PRODUCTS = (
    select(_row.product_id)
    .where(_row.name_vector.op("@@", is_comparison=True)(_prefix_query))
    .order_by(_row.popularity.desc(), _row.product_id.desc())
    .limit(bindparam("limit"))
)
_SUGGESTED_CATEGORIES = (
    select(category.c.id, category.c.name)
    .where(func.to_tsvector(_config, category.c.name).op("@@", is_comparison=True)(_prefix_query))
    .order_by(func.cardinality(category.c.path_ids), category.c.name, category.c.id)
    .limit(bindparam("limit"))
)
_brands = (  # few, so it is they that are parsed, not every row
    select(_row.brand, func.sum(_row.popularity).label("popularity"))
    .where(_row.brand.is_not(None))
    .group_by(_row.brand)
    .cte("brands")
    .prefix_with("MATERIALIZED", dialect="postgresql")
)
_SUGGESTED_BRANDS = (
    select(_brands.c.brand)
    .where(func.to_tsvector(_config, _brands.c.brand).op("@@", is_comparison=True)(_prefix_query))
    .order_by(_brands.c.popularity.desc(), _brands.c.brand)
    .limit(bindparam("limit"))
)


class PostgresSearchIndex:
    """`SearchIndex` on the `product_search` table. currency: the one that its prices are in."""

    def __init__(self, database: Database, *, currency: Currency) -> None:
        self._database = database
        self._currency = currency

    async def page(self, request: SearchRequest, page: PageRequest) -> Page[ProductId]:
        """One page of hits. Raises InvalidInput when the cursor is not of this list."""
        columns, position_type, _ = _order(request)
        mark = fingerprint(request)
        parameters = self._parameters(request)
        if page.cursor is not None:
            position = decode_cursor(page.cursor, mark, position_type)
            parameters |= {f"after_{index}": value for index, value in enumerate(position)}
        statement = _page_statement(tuple(parameters), _sort(request), page.forward)
        rows = await self._rows(statement, **parameters, limit=page.limit + 1)
        found = cut_page(rows, page, lambda row: tuple(row)[: len(columns)], mark)
        return Page(
            tuple(ProductId(row.product_id) for row in found.items), found.cursors, found.has_next, found.has_previous
        )

    async def count(self, request: SearchRequest) -> Count:
        """How many products the request finds, exactly."""
        parameters = self._parameters(request)
        (row,) = await self._rows(_count_statement(tuple(parameters)), **parameters)
        return Count(row[0])

    async def facets(self, request: SearchRequest) -> Facets:
        """Counts by brand, category and price, each without its own filter; three statements."""
        brands = await self._facet("brands", request, ("brands",))
        categories = await self._facet("categories", request, ("categories",))
        prices = await self._facet("price", request, ("price_min", "price_max"))
        return Facets(
            brands=tuple(FacetCount(row[0], Count(row[1])) for row in brands),
            categories=tuple(FacetCount(row[0], Count(row[1])) for row in categories),
            price_min=prices[0][0],
            price_max=prices[0][1],
            currency=request.currency or self._currency,
        )

    async def suggest(self, query: str, limit: int) -> Suggestions:
        """Completions of a half-typed query: its last word counts as the beginning of one."""
        words = "".join(c if _is_of_a_word(c) else " " for c in query[:MAX_QUERY_LENGTH]).split()
        if not words:
            return Suggestions((), (), ())
        prefix = " & ".join([*words[:-1], f"{words[-1]}:*"])
        products = await self._rows(_SUGGESTED_PRODUCTS, prefix=prefix, limit=limit)
        categories = await self._rows(_SUGGESTED_CATEGORIES, prefix=prefix, limit=limit)
        brands = await self._rows(_SUGGESTED_BRANDS, prefix=prefix, limit=limit)
        names = [row.name for row in categories] + [row.brand for row in brands]
        return Suggestions(
            queries=tuple(dict.fromkeys(names))[:limit],
            product_ids=tuple(ProductId(row.product_id) for row in products),
            category_ids=tuple(CategoryId(row.id) for row in categories),
        )

    def _parameters(self, request: SearchRequest) -> dict[str, object]:
        """The values that narrow the request, by the name of their condition."""
        foreign = request.currency not in (None, self._currency)
        return _parameters(request) | ({"currency": request.currency} if foreign else {})

    async def _facet(self, name: str, request: SearchRequest, own_filter: tuple[str, ...]) -> Sequence[Any]:
        parameters = {key: value for key, value in self._parameters(request).items() if key not in own_filter}
        return await self._rows(_facet_statement(name, tuple(parameters)), **parameters)

    async def _rows(self, statement: Any, **parameters: object) -> Sequence[Any]:  # noqa: ANN401  Select is generic
        async with self._database.read_nearest() as connection:
            return (await connection.execute(statement, parameters)).all()


def _is_of_a_word(character: str) -> bool:
    return character.isalnum() or unicodedata.category(character).startswith("M")  # accents, vowel signs


def _parameters(request: SearchRequest) -> dict[str, object]:
    """The values that narrow the request, by the name of their condition."""
    wanted: ProductFilter = request.filter
    values: dict[str, object] = {
        "query": request.query[:MAX_QUERY_LENGTH] or None,
        "categories": list(wanted.categories) or None,
        "within": wanted.within,
        "brands": list(wanted.brands) or None,
        "price_min": wanted.price_min,
        "price_max": wanted.price_max,
        "available": wanted.available,
        "on_sale": wanted.on_sale,
        "created_after": wanted.created_after,
    }
    return {name: value for name, value in values.items() if value is not None}


def _sort(request: SearchRequest) -> ProductSort:
    browsing = request.sort is ProductSort.RELEVANCE and not request.query
    return ProductSort.BEST_SELLING if browsing else request.sort


def _order(request: SearchRequest) -> tuple[tuple[ColumnElement[Any], ...], Any, bool]:
    return _ORDERS.get(_sort(request), _BY_CLASS)


@lru_cache(maxsize=1_000)  # shapes: eight conditions, seven orders, two directions; few of them are ever asked for
def _page_statement(names: tuple[str, ...], sort: ProductSort, forward: bool) -> Select[Any]:
    columns, _, descending = _ORDERS.get(sort, _BY_CLASS)
    falling = descending == forward
    statement = select(*columns).where(*(_CONDITIONS[name] for name in names if name in _CONDITIONS))
    if "after_0" in names:
        here = tuple_(*columns)
        place = tuple_(*(bindparam(f"after_{index}", type_=_wide(column)) for index, column in enumerate(columns)))
        statement = statement.where(here < place if falling else here > place)
    order = [column.desc() if falling else column.asc() for column in columns]
    return _in_currency(statement.order_by(*order).limit(bindparam("limit")), names)


def _in_currency(statement: Select[Any], names: tuple[str, ...]) -> Select[Any]:
    """The statement with the prices of another currency than the shop's own, where one is asked for."""
    if "currency" not in names:
        return statement
    replaced = replacement_traverse(statement, {}, lambda element, **_: _FOREIGN.get(element))
    assert isinstance(replaced, Select)
    return replaced


def _wide(column: ColumnElement[Any]) -> TypeEngine[Any]:
    return BigInteger() if isinstance(column.type, Integer) else column.type


@lru_cache(maxsize=1_000)
def _count_statement(names: tuple[str, ...]) -> Select[Any]:
    statement = select(func.count()).select_from(product_search)
    return _in_currency(statement.where(*(_CONDITIONS[name] for name in names)), names)


@lru_cache(maxsize=1_000)
def _facet_statement(facet: str, names: tuple[str, ...]) -> Select[Any]:
    conditions = [_CONDITIONS[name] for name in names]
    if facet == "price":
        span = select(func.min(_row.price_min_minor), func.max(_row.price_min_minor)).where(*conditions)
        return _in_currency(span, names)
    value: ColumnElement[Any] = _row.brand if facet == "brands" else func.unnest(_row.category_ids)
    values = _in_currency(select(value.label("value")).where(*conditions), names).subquery()
    count = func.count()
    return (
        select(values.c.value, count)
        .where(values.c.value.is_not(None))
        .group_by(values.c.value)
        .order_by(count.desc(), values.c.value)
        .limit(MAX_FACET_VALUES)
    )
