"""What a shop tells the search (synonyms, pins, facets, labels), and what the search tells the shop (misses)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.catalog.labels import CategoryLabels, FacetTranslations

MAX_PINS = 50  # of one query
MAX_MISSES = 10_000  # kept: the most frequent ones
MAX_MISS_LENGTH = 100  # characters: a longer query says little


@dataclass(frozen=True, slots=True)
class Synonym:
    """Words that are also looked for as others. Both are plain words with single spaces in between."""

    language: str
    words: str
    expansion: str


@dataclass(frozen=True, slots=True)
class Pins:
    """Products to put first for a query, in this order; none to put none first any more.

    products: keys of imports, or slugs.
    """

    source: str
    language: str
    query: str
    products: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FacetRule:
    """Where an attribute's or option's facet stands among the others, and whether it is shown at all."""

    slug: str
    position: int
    hidden: bool


@dataclass(frozen=True, slots=True)
class SearchRules:
    """What a file says. removed: synonyms to forget."""

    synonyms: tuple[Synonym, ...] = ()
    removed: tuple[Synonym, ...] = ()
    pins: tuple[Pins, ...] = ()
    facets: tuple[FacetRule, ...] = ()
    categories: tuple[CategoryLabels, ...] = ()
    labels: tuple[FacetTranslations, ...] = ()

    @property
    def translate(self) -> bool:
        """Whether words have come or gone that products are found by."""
        return bool(self.categories or self.labels)


@dataclass(frozen=True, slots=True)
class Miss:
    """A query that found nothing."""

    language: str
    query: str
    times: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class MissingThing:
    """A product or category that a rule is about and that there is not. field: of the rule."""

    source: str
    field: str
    reason: str
