"""A golden set: queries with what has to be among the first hits, and how many of them a search gets right. Pure.

A set is a file of JSON Lines, so that a shop can keep one of its own catalogue:
{"query": "samsnug galaxy s7", "kind": "typo", "expect": {"name": "Galaxy S7", "brand": "Samsung"}}
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import msgspec

from app.catalog.domain import Product
from app.catalog.words import plain

TOP = 3  # hits among which the expected one has to be
TOP_BY_NAME = 5  # the same for a product that is looked for by its own name


class Expectation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a hit has to be: all of it. name: words that stand together in the product's name; category: its leaf's."""

    name: str | None = None
    brand: str | None = None
    category: str | None = None

    def is_met_by(self, product: Product, category: str | None) -> bool:
        """Whether a product is what is expected."""
        in_name = self.name is None or f" {plain(self.name)} " in f" {plain(product.name)} "
        of_brand = self.brand is None or (product.brand is not None and plain(self.brand) == plain(product.brand))
        in_category = self.category is None or (category is not None and plain(self.category) == plain(category))
        return in_name and of_brand and in_category


class GoldenQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A query and what one of its first TOP hits has to be."""

    query: str
    kind: str
    expect: Expectation


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of a query. place: of the expected hit, 1 for the first; None where it is not among the first."""

    golden: GoldenQuery
    place: int | None
    found: tuple[str, ...]


def read_golden(lines: Iterable[bytes]) -> list[GoldenQuery]:
    """The queries of a set. Raises msgspec.DecodeError for a line that is none."""
    decode = msgspec.json.Decoder(GoldenQuery).decode
    return [decode(line) for line in lines if line.strip()]


def judge(golden: GoldenQuery, hits: Sequence[tuple[Product, str | None]]) -> Judged:
    """Where the expected hit is. hits: the first ones, each with its leaf category's name."""
    met = (at for at, (product, category) in enumerate(hits[:TOP], 1) if golden.expect.is_met_by(product, category))
    return Judged(golden, next(met, None), tuple(product.name for product, _ in hits[:TOP]))


def report(judged: Sequence[Judged]) -> Iterator[str]:
    """Every query with its place, then the score of each kind and of all."""
    for each in judged:
        place = "-" if each.place is None else str(each.place)
        missed = "" if each.place else f"   found: {' | '.join(each.found) or 'nothing'}"
        yield f"{place}  {each.golden.kind:12} {each.golden.query}{missed}"
    total, right = Counter(each.golden.kind for each in judged), Counter(j.golden.kind for j in judged if j.place)
    for kind in sorted(total):
        yield f"{kind}: {right[kind]} of {total[kind]}"
    reciprocal = sum(1 / each.place for each in judged if each.place) / max(len(judged), 1)
    yield f"in all: {right.total()} of {total.total()} among the first {TOP}, mean reciprocal rank {reciprocal:.3f}"
