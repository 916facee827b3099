"""The statements that count what a search finds: how many rows there are, and how many have each facet value.

Their plans are in the text, as in `search_sql`. See ADR-0041.
"""

from __future__ import annotations

from functools import lru_cache

from sqlalchemy import TextClause

from app.catalog.search_sql import STATEMENTS, Shape, bound, conditions, hits_of, price_walk, unforeseen
from app.database.search_tables import sample_condition

# no rows that the planner takes for a thousand: expecting next to none, it would sort their values to count them
_NO_HITS = f"SELECT ARRAY[0], CAST(0 AS bigint) FROM generate_series(1, {unforeseen(0)})"


@lru_cache(STATEMENTS)
def count_statement(shape: Shape, sample: int | None = None, *, at_most: bool = False) -> TextClause:
    """How many rows there are, in a sample where one is given. at_most: stop counting at :limit."""
    if at_most:
        inner = f"SELECT FROM {hits_of(shape)} AS s WHERE {_in_sample(shape, sample)} LIMIT :limit"
        return bound(f"SELECT count(*) FROM ({inner}) AS m")
    return bound(f"SELECT count(*) FROM {hits_of(shape)} AS s WHERE {_in_sample(shape, sample)}")


@lru_cache(STATEMENTS)
def facet_statement(
    shape: Shape, sample: int | None = None, *, at_most: bool = False, pinned: bool = False, walk_rows: int = 0
) -> TextClause:
    """One row: ids of facet values, how many rows have each, the lowest and the highest price, what the shop says.

    at_most: stop reading at :limit; pinned: of pinned products too; walk_rows: how far to look for a price from either
    end of all prices besides, within :price_category. The last column has (slug, position, hidden) of facets.
    """
    columns = "s.facet_ids, s.price_min_minor"
    matches = f"SELECT {columns} FROM {hits_of(shape)} AS s WHERE {_in_sample(shape, sample)}"
    if at_most:
        matches = f"({matches} LIMIT :limit)"
    if pinned:
        matches += f" UNION ALL SELECT {columns} FROM {hits_of(shape)} AS s WHERE {conditions(_pinned(shape))}"
    matches += f" UNION ALL {_NO_HITS}"
    lowest, highest = "min(lowest)", "max(highest)"
    if walk_rows:
        lowest = f"least({lowest}, {_end_of_prices(shape, 'ASC', walk_rows)})"
        highest = f"greatest({highest}, {_end_of_prices(shape, 'DESC', walk_rows)})"
    return bound(
        f"""
        SELECT coalesce(array_agg(id), '{{}}') AS ids, coalesce(array_agg(found), '{{}}') AS found,
               {lowest} AS lowest, {highest} AS highest,
               (SELECT jsonb_agg(jsonb_build_array(slug, position, hidden)) FROM search_facet) AS rules
        FROM (
            SELECT id, CAST(count(*) AS int) AS found, min(price) AS lowest, max(price) AS highest
            FROM (SELECT unnest(facet_ids) AS id, price_min_minor AS price FROM ({matches}) AS met) AS m GROUP BY id
        ) AS n
        """
    )


def _end_of_prices(shape: Shape, direction: str, walk_rows: int) -> str:
    return f"(SELECT price_minor FROM ({price_walk(shape, direction, '', walk_rows, limit='1')}) AS first)"


def _pinned(shape: Shape) -> Shape:
    return Shape(
        shape.vector,
        shape.queries,
        facets=shape.facets,
        narrowed=shape.narrowed,
        top=True,
        outside=bool(shape.vector),
        foreign=shape.foreign,
    )


def _in_sample(shape: Shape, sample: int | None) -> str:
    if sample is None:
        return conditions(shape)
    condition = sample_condition(sample, "s.product_id")
    return conditions(shape, condition, *([] if shape.is_indexed else ["s.facet_ids && ARRAY[0]"]))
