"""What hostile documents cost in CPU, beside parsing the same text: counting, validating and planning included.

Every document is within the size that the endpoint reads (20,000 characters). One that is refused early costs less than
its parsing; one that passes costs parsing, validation and a plan.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from graphql import GraphQLError, parse

from app.http.graphql_request import MAX_QUERY_CHARACTERS
from resolvers.schema import build_schema
from resolvers.shop_schema import DocumentRefused, ShopSchema

MOST_SECONDS = 0.050
MOST_RATIO = 12.0  # to parsing the same text
ROUNDS = 5


def chain(length: int, below: str) -> str:
    """A chain of fragments that each spread the next one twice."""
    links = "".join(f"fragment F{n} on Query{{{below.format(f'...F{n + 1} ...F{n + 1}')}}}" for n in range(length))
    return f"query{{...F0}}{links}fragment F{length} on Query{{__typename}}"


def everywhere(count: int) -> str:
    """Every fragment spreads all that come after it."""
    spreads = ["".join(f"...F{other} " for other in range(n + 1, count)) for n in range(count)]
    fragments = "".join(f"fragment F{n} on Shop{{{spreads[n]}name}}" for n in range(count))
    return "{shop{" + "".join(f"...F{n} " for n in range(count)) + "}}" + fragments


def components(count: int, fields: str) -> str:
    """As many fragments as a page has components, each with the same fields."""
    fragments = "".join(f"fragment F{n} on Query{{products{{nodes{{{fields}}}}}}}" for n in range(count))
    return "{" + "".join(f"...F{n} " for n in range(count)) + "}" + fragments


LEAVES = "name slug category{name slug path{name}} priceRange{min{amount} max{amount}}"
DOCUMENTS = {
    "chain of 48 fragments": chain(48, "{0}"),
    "chain of 48 fragments, nested": chain(48, "node(id:1){{{0}}}"),
    "chain of 9 fragments": chain(9, "{0}"),
    "40 fragments, each in each": everywhere(40),
    "9 fragments, each in each": everywhere(9),
    "50 equal components": components(50, LEAVES),
    "20 equal components": components(20, LEAVES),
    "2,000 times a field": "{shop{" + "name " * 1_990 + "}}",
    "1,000 times a field": "{shop{" + "name " * 990 + "}}",
    "120 fields eight times": "{shop{"
    + "".join(f"{name} " * 8 for name in ["name", "currency", "countries"] * 40)
    + "}}",
    "180 products under 9 names": "{" + "".join(f'p:product(by:{{slug:"{n % 9}"}}){{id}} ' for n in range(180)) + "}",
    "20 products in one selection": "{" + 'product(by:{slug:"a"}){id} ' * 20 + "}",
    "1,900 unknown fields": "{" + "".join(f"x{n} " for n in range(1_900)) + "}",
    "480 unused variables": "query(" + "".join(f"$v{n}:Int " for n in range(480)) + "){shop{name}}",
    "320 directives": "{shop{name " + "@include(if:true) " * 320 + "}}",
    "600 keys of one input": "{products(filter:{" + "available:true " * 600 + "}){nodes{id}}}",
    "1,900 ids": "{nodes(ids:[" + '"a" ' * 1_900 + "]){id}}",
    "20,000 characters of string": '{products(query:"' + "a" * 19_900 + '"){nodes{id}}}',
    "9,900 comments": "#\n" * 9_900 + "{shop{name}}",
    "20,000 braces": "{" * 20_000,
    "nested as deep as can be": "{" + "a{" * 300 + "a" + "}" * 301,
}


def cpu_seconds(work: Callable[[], object]) -> float:
    """The least of some rounds: what the work itself takes."""
    best = float("inf")
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        best = min(best, time.process_time() - began)
    return best


def prepared(schema: ShopSchema, text: str) -> str:
    """How it ends, with nothing kept from an earlier time."""
    try:
        schema.ready(introspection=True).prepare(text)
    except DocumentRefused as refused:
        return str(refused)[:70]
    return "passes"


def parsed(text: str) -> object:
    """The whole text parsed, without any limit."""
    try:
        return parse(text)
    except GraphQLError as error:
        return error


def main() -> int:
    """Print a line for each document; 1 where one costs too much."""
    schema = build_schema()
    worst = 0
    print(f"{'document':34} {'bytes':>6} {'ms':>7} {'× parse':>8}  ends")
    for name, text in DOCUMENTS.items():
        assert len(text) <= MAX_QUERY_CHARACTERS, name
        spent, alone = (
            cpu_seconds(lambda text=text: prepared(schema, text)),
            cpu_seconds(lambda text=text: parsed(text)),
        )
        ratio = spent / max(alone, 1e-6)
        too_much = spent > MOST_SECONDS and ratio > MOST_RATIO
        worst |= too_much
        mark = " !" if too_much else ""
        print(f"{name:34} {len(text):6} {spent * 1e3:7.1f} {ratio:8.1f}  {prepared(schema, text)}{mark}")
    return int(worst)


if __name__ == "__main__":
    sys.exit(main())
