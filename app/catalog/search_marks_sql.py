"""Words and facets by name or by time: the statement that reads them by marks of the order's steps. See ADR-0046.

The order is cut into steps of as many products each, and each product's text has marks of its step among its lexemes:
of the step itself, and of the blocks of 8 and 64 steps around it. So the index that finds words and facets finds them
within a stretch of the order. How long a stretch holds a page is asked of a sample of the matches, as words and orders
depend on each other: it is one step for some words, and most of the order for others.
"""

from __future__ import annotations

from functools import lru_cache

from sqlalchemy import Integer, TextClause, text

from app.catalog.search_sql import STATEMENTS, Order, Shape, bound, conditions, hits_of
from app.database.search_tables import MARKED_STEPS, SAMPLES, sample_condition

MARKED = {"sort_name": ("n", "name_steps"), "created_at": ("t", "time_steps")}  # orders: their marks, their steps
NO_MARK = "''#''"  # a lexeme that no product has
_FAR = 32  # of the matches of a sample one in so many is further
_SHARES = f"ARRAY(SELECT place / {MARKED_STEPS}.0 FROM generate_series(1, {MARKED_STEPS - 1}) AS place)"
_STEPS = "coalesce(percentile_disc({0}) WITHIN GROUP (ORDER BY {1}), '{{}}')"

# where each step but the first begins; names about as they will be sorted, so steps are about even
STEPS_OF_PRODUCTS = text(f"""
    SELECT {_STEPS.format(_SHARES, "lower(name)")} AS name_steps, {_STEPS.format(_SHARES, "created_at")} AS time_steps
    FROM product WHERE {sample_condition(SAMPLES[0], "id")}
""")


@lru_cache(STATEMENTS)
def marked_statement(shape: Shape, order: Order, sample: int, *, forward: bool, after: bool) -> TextClause:
    """Rows (the order's column, product_id) of one page, in the direction that it is walked.

    First from the stretch up to the :nth match of the sample, then from all that is left. Where the sample has fewer,
    all matches are read and sorted.
    """
    down = order.falling == forward
    direction, sign = ("DESC", "<") if down else ("ASC", ">")
    column, (_, steps) = order.column, MARKED[order.column]
    place = [f"(s.{column}, s.product_id) {sign} (:after, :after_id)"] if after else []
    by = f"{column} {direction}, product_id {direction}"
    begin = f"width_bucket(:after, {steps})" if after else (f"cardinality({steps})" if down else "0")
    hits = f"SELECT s.{column}, s.product_id FROM {hits_of(shape)} AS s"
    sampled = conditions(shape, sample_condition(sample, "s.product_id"), *place)
    before_edge = f"(s.{column} {'>=' if down else '<'} stretch.edge) IS NOT FALSE"
    in_stretch = conditions(shape, "s.text_vector @@ stretch.marks", before_edge, *place)
    everything = conditions(shape, "told.upto IS NULL", *place)
    # a loop gives its outer rows in their order: what is left is looked at where the stretch has not filled the page
    return bound(
        f"""
        SELECT p.{column}, p.product_id FROM (
            SELECT begin, {steps} AS steps, width_bucket(seen[:nth], {steps}) AS upto,
                   width_bucket(seen[cardinality(seen) - cardinality(seen) / {_FAR}], {steps}) AS far
            FROM (
                SELECT {begin} AS begin, nullif({steps}, '{{}}') AS {steps}, (
                    SELECT array_agg({column} ORDER BY {by}) FROM ({hits} WHERE {sampled} OFFSET 0) AS m
                ) AS seen FROM search_state OFFSET 0
            ) AS state OFFSET 0
        ) AS told CROSS JOIN LATERAL (
            SELECT m.* FROM (VALUES {_stretches(shape, order, down=down)}) AS stretch (marks, edge)
            CROSS JOIN LATERAL ({hits} WHERE {in_stretch} ORDER BY {by} OFFSET 0) AS m WHERE told.upto IS NOT NULL
            UNION ALL SELECT * FROM ({hits} WHERE {everything} ORDER BY {by} OFFSET 0) AS m
        ) AS p LIMIT :limit
        """,
        after=order.type,
        nth=Integer(),
    )


def _stretches(shape: Shape, order: Order, *, down: bool) -> str:
    """Rows (marks, where the stretch ends): of the steps from `begin` to `upto`, and of those that are left.

    Where words stand close together and far down, as in names that begin with them, the steps up to there would be
    many. Then the marks are of the few steps after `upto` that have nearly all of them, and a product has none.
    """
    mark, _ = MARKED[order.column]

    def marks(low: str, high: str) -> str:
        return f"steps_query('{mark}', {low}, {high})"

    if down:
        near, after, left, edge = marks("upto", "begin"), marks("far", "upto - 1"), marks("0", "upto - 1"), "upto"
    else:
        near, after, edge = marks("begin", "upto"), marks("upto + 1", "far"), "upto + 1"
        left = marks("upto + 1", "cardinality(steps)")
    if shape.vector:  # beside words: a GIN index that is asked for what has no marks alone is read as a whole
        fewer = "abs(far - upto) < abs(upto - begin)"
        near = f"CASE WHEN {fewer} THEN !! coalesce({after}, CAST('{NO_MARK}' AS tsquery)) ELSE {near} END"
    return f"({near}, steps[{edge}]), ({left}, NULL)"
