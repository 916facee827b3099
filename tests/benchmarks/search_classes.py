"""The classes of query that the search benchmark measures, through the port, each beside its rivals."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from app.bootstrap import Shop
from app.catalog.search import SearchIndex, SearchRequest
from app.core.pagination import PageRequest
from tests.benchmarks.search_costs import Cost, measure, measure_here
from tests.benchmarks.search_rivals import Naive, Tantivy, tantivy
from tests.benchmarks.search_terms import Terms, fresh

PAGE = PageRequest(24)
DEEP = 400  # pages
RANKED, ENGINE = "ts_rank", "tantivy"
Ask = Callable[[SearchRequest], Awaitable[Any]]
Costs = dict[str, Cost]


async def measure_classes(shop: Shop, terms: Terms, folder: Path, seconds: float, only: str) -> Costs:
    """What each class costs. only: a pattern of their names."""
    costs: Costs = {}
    rivals = _rivals(shop, terms)
    for name, (ask, requests) in (await _classes(shop, terms)).items():
        if re.search(only, name):
            costs[name] = await measure(
                shop, [lambda a=ask, r=r: a(replace(r, query=fresh(r.query))) for r in requests], seconds
            )
            if name in rivals:
                naive = rivals[name]
                costs[f"{RANKED}: {name}"] = await measure(shop, [lambda a=naive, r=r: a(r) for r in requests], seconds)
    if tantivy is not None and any(re.search(only, name) for name in _asked_of_engine(terms)):
        costs |= await _engine_costs(shop, terms, folder, seconds, only)
    return costs


async def _classes(shop: Shop, terms: Terms) -> dict[str, tuple[Ask, Sequence[SearchRequest]]]:
    """How each class is asked, and what for."""
    index = shop.search_index
    requests = terms.classes()

    async def page(request: SearchRequest) -> None:
        await index.page(request, PAGE)

    async def full(request: SearchRequest) -> None:
        await index.page(request, PAGE)
        await index.facets(request)  # with the count, as a request for both gets them

    async def suggest(request: SearchRequest) -> None:
        await index.suggest(request.query, 5)

    by_price = [each for name in ("category by price", "broad term by price") for each in requests[name][:8]]
    cursors = {each: await _deep_cursor(index, each) for each in by_price}

    async def deep(request: SearchRequest) -> None:
        known = replace(request, query=request.query.rstrip(",; "))  # a cursor holds for one spelling
        await index.page(known, cursors[known])

    words = [*terms.broad, *terms.middle]
    typed = [SearchRequest(word[:length]) for word in words for length in range(2, len(word))]
    classes: dict[str, tuple[Ask, Sequence[SearchRequest]]] = {name: (page, each) for name, each in requests.items()}
    classes |= {
        f"{name}, page {DEEP}": (deep, requests[name][:8]) for name in ("category by price", "broad term by price")
    }
    classes |= {"suggestions": (suggest, typed)}
    for name in ("broad term", "two terms", "category", "browse"):
        classes |= {f"count: {name}": (index.count, requests[name]), f"facets: {name}": (index.facets, requests[name])}
    return classes | {"full page: broad term": (full, requests["broad term"])}


def _rivals(shop: Shop, terms: Terms) -> dict[str, Ask]:
    naive = Naive(shop)
    pages: dict[str, Ask] = dict.fromkeys(terms.of_words(), naive.page)
    pages |= {"prefix": naive.begun, "category by price": naive.by_price}
    pages |= {f"category by price, page {DEEP}": lambda r: naive.by_price(r, DEEP * PAGE.limit)}
    for name in ("broad term", "two terms"):
        pages |= {f"count: {name}": naive.count, f"facets: {name}": naive.facets}
    return pages | {"full page: broad term": naive.full}


def _asked_of_engine(terms: Terms) -> dict[str, tuple[Callable[[Tantivy, SearchRequest], None], str]]:
    """How the classes that a search engine answers are asked of it, and whose requests they are."""
    asked = {name: (Tantivy.page, name) for name in terms.of_words()}
    asked |= {f"facets: {name}": (Tantivy.facets, name) for name in ("broad term", "two terms")}
    return asked | {"full page: broad term": (Tantivy.full, "broad term")}


async def _engine_costs(shop: Shop, terms: Terms, folder: Path, seconds: float, only: str) -> Costs:
    engine = Tantivy(folder)
    print(f"tantivy's index: {await engine.fill(shop):.0f} s", flush=True)
    requests = terms.classes()
    return {
        f"{ENGINE}: {name}": measure_here([lambda a=ask, r=r: a(engine, r) for r in requests[of]], seconds)
        for name, (ask, of) in _asked_of_engine(terms).items()
        if re.search(only, name)
    }


async def _deep_cursor(index: SearchIndex, request: SearchRequest) -> PageRequest:
    """The page that far down the list, or the last one."""
    page = PageRequest(100)
    for _ in range(DEEP * PAGE.limit // 100):
        hits = (await index.page(request, page)).page
        if not hits.has_next:
            break
        page = PageRequest(100, cursor=hits.cursors[-1])
    return PageRequest(PAGE.limit, cursor=page.cursor)
