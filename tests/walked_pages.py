"""A whole list of products, read page by page in both directions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from sqlalchemy import TextClause

from app.bootstrap import Shop
from app.catalog.search import SearchRequest
from app.core.pagination import PageRequest

_MOST_PAGES = 10_000  # a walk that never ends is a mistake


class PageStatement(Protocol):
    """The statement of one page, whose rows are (value, product)."""

    def __call__(self, *, forward: bool, after: bool) -> TextClause:
        """In a direction, from a cursor on or from the end."""
        ...


async def there_and_back(shop: Shop, request: SearchRequest, size: int) -> tuple[list[int], list[int]]:
    """All products of a search, forwards to its last page and backwards from there, both in the list's order."""
    there: list[int] = []
    cursor = None
    while True:
        page = (await shop.search_index.page(request, PageRequest(size, cursor=cursor))).page
        there += page.items
        if not page.has_next:
            break
        cursor = page.cursors[-1]
    back: list[int] = list(page.items)
    while page.has_previous:
        page = (await shop.search_index.page(request, PageRequest(size, cursor=page.cursors[0], forward=False))).page
        back = [*page.items, *back]
    return there, back


async def walked(shop: Shop, statement: PageStatement, values: Mapping[str, Any], *, forward: bool) -> list[int]:
    """All products that a statement gives from one end to the other. values: with `limit`, the size of a page."""
    products: list[int] = []
    place: dict[str, Any] = {}
    for _ in range(_MOST_PAGES):
        async with shop.database.read_fresh() as connection:
            one = statement(forward=forward, after=bool(place))
            page = (await connection.execute(one, {**values, **place})).all()
        products += [row.product_id for row in page]
        if len(page) < values["limit"]:
            return products
        place = {"after": page[-1][0], "after_id": page[-1].product_id}
    raise AssertionError("the pages have no end")
