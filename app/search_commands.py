"""What `cartograph search` does, given a shop: rebuild, refresh, misses, score."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import Progress

from app.bootstrap import Shop
from app.catalog.domain import Product
from app.catalog.relevance import TOP_BY_NAME, GoldenQuery, judge, read_golden, report
from app.catalog.search import SearchRequest
from app.core.errors import InvalidInput
from app.core.ids import ProductId
from app.core.pagination import PageRequest

OK, FAILED = 0, 1


async def rebuild(shop: Shop) -> int:
    """Build the index anew beside the one that is searched, and put it in its place."""
    started = shop.clock.monotonic()
    with Progress(console=Console(file=sys.stderr), transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("products", total=None)
        count = await shop.rebuild_search(lambda done, total: progress.update(task, completed=done, total=total))
    await shop.refresh_search()
    print(f"{count:,} products indexed, {shop.clock.monotonic() - started:.1f} s")
    return OK


async def refresh(shop: Shop) -> int:
    """Bring popularity and the index's counts up to date; an index that there is not yet is built."""
    if await shop.search_index_is_missing():
        return await rebuild(shop)
    moved = await shop.refresh_search()
    print(f"counts are up to date; {moved:,} products changed their step of popularity")
    return OK


async def misses(shop: Shop, *, limit: int, forget: bool) -> int:
    """List the queries that found nothing, the most frequent first."""
    found = await shop.search_misses.most_frequent(limit)
    if not found:
        print("no query has found nothing yet")
    for miss in found:
        print(f"{miss.times:8,}  {miss.last_at:%Y-%m-%d}  {miss.language}  {miss.query}")
    if forget:
        print(f"{await shop.search_misses.forget():,} forgotten")
    return OK


def golden_queries(file: Path) -> list[GoldenQuery]:
    """The queries of a golden set. Raises InvalidInput where it cannot be read."""
    try:
        return read_golden(file.read_bytes().splitlines())
    except (OSError, msgspec.DecodeError) as error:
        raise InvalidInput(f"{file}: {error}") from error


async def score(shop: Shop, golden: Sequence[GoldenQuery], *, names: bool) -> int:
    """Ask a golden set of the shop's search and print its score. names: ask for every product by its own name too."""
    judged = [judge(each, [hit async for hit in _hits(shop, each)]) for each in golden]
    for line in report(judged):
        print(line)
    if names:
        lost = [name async for name in _lost_by_name(shop)]
        for name in lost:
            print(f"not among the first {TOP_BY_NAME} by its own name: {name}")
        print(f"by its own name: all but {len(lost):,}")
        return OK if not lost else FAILED
    return OK


async def _hits(shop: Shop, golden: GoldenQuery) -> AsyncIterator[tuple[Product, str | None]]:
    hits = await shop.search_index.page(SearchRequest(golden.query), PageRequest(TOP_BY_NAME))
    products = await shop.catalog.products_by_ids(hits.page.items)
    ids = {product.category_id for product in products.values() if product.category_id is not None}
    categories = await shop.catalog.categories_by_ids(list(ids))
    for product_id in hits.page.items:
        product = products[product_id]
        category = categories.get(product.category_id) if product.category_id is not None else None
        yield product, category.name if category else None


async def _lost_by_name(shop: Shop) -> AsyncIterator[str]:
    """Names of products that are not found by them; of products with one name, any of them will do."""
    page: PageRequest | None = PageRequest(100)
    while page is not None:
        listed = (await shop.search_index.page(SearchRequest(), page)).page
        products = await shop.catalog.products_by_ids(listed.items)
        for product in products.values():
            hits = await shop.search_index.page(SearchRequest(product.name), PageRequest(TOP_BY_NAME))
            if not await _has_name(shop, hits.page.items, product):
                yield product.name
        page = PageRequest(100, cursor=listed.cursors[-1]) if listed.has_next else None


async def _has_name(shop: Shop, ids: tuple[ProductId, ...], product: Product) -> bool:
    if product.id in ids:
        return True
    found = await shop.catalog.products_by_ids(ids)
    return any(each.name == product.name for each in found.values())
