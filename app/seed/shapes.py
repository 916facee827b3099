"""The statistical shapes of the synthetic catalogue, as tables that a number of 16 bits looks up.

Drawing from a distribution is then one index into a tuple: the table holds each thing as often as it is likely. Built
once for a catalogue, in about a tenth of a second, and never changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import exp
from statistics import NormalDist
from typing import TypeVar

from app.catalog.domain import Attribute, SelectedOption
from app.seed.vocabulary import MADE_UP_WORDS, Vocabulary, made_up_word, plural, real_words

TABLE_SIZE = 65_536  # one entry for each number of 16 bits
_BRANDS = 2_000
_SERIES = 20_000
_MADE_UP_WORDS = 30_000  # in descriptions, behind the common ones
_MAX_POPULARITY = 5_000_000
_PARETO = 1.15  # about a fifth of the products has four fifths of the sales
_PRICE_SIGMA = 0.55
_Thing = TypeVar("_Thing")


@dataclass(frozen=True, slots=True)
class Shelf:
    """A leaf category with what its products have in common. cents: a middling price; choices: what variants are."""

    category_path: tuple[str, ...]
    noun: str
    cents: int
    grams: int
    choices: tuple[tuple[SelectedOption, ...], ...]


@dataclass(frozen=True, slots=True)
class Shapes:
    """Every table, each with TABLE_SIZE entries but for `audiences`, which has four."""

    shelves: Sequence[Shelf]
    brands: Sequence[str]
    series: Sequence[str]
    adjectives: Sequence[str]
    words: Sequence[str]
    materials: Sequence[Attribute]
    styles: Sequence[Attribute]
    audiences: Sequence[Attribute]
    popularities: Sequence[int]
    price_per_mille: Sequence[int]

    @classmethod
    def build(cls) -> Shapes:
        """All tables."""
        words = real_words()
        made_up = [made_up_word(number) for number in range(MADE_UP_WORDS)]
        brands = [word.capitalize() for word in made_up[:_BRANDS]]
        series = [word.capitalize() for word in made_up[-_SERIES:]]
        adjectives = [adjective.capitalize() for adjective in words.adjectives.split()]
        described = words.common.split() + made_up[_BRANDS : _BRANDS + _MADE_UP_WORDS]
        return cls(
            shelves=_zipf(_shelves(words), exponent=0.7, flatness=5),
            brands=_zipf(brands, exponent=0.9, flatness=3),
            series=_zipf(series, exponent=0.95, flatness=5),
            adjectives=_zipf(adjectives, exponent=0.75, flatness=2),
            words=_zipf(described, exponent=1.02, flatness=12),
            materials=_zipf(_attributes("Material", words.materials), exponent=0.6, flatness=4),
            styles=_zipf(_attributes("Style", words.styles), exponent=0.5, flatness=4),
            audiences=_attributes("Audience", words.audiences),
            popularities=tuple(_popularity(place) for place in range(TABLE_SIZE)),
            price_per_mille=tuple(_price_per_mille(place) for place in range(TABLE_SIZE)),
        )


def _zipf(things: Sequence[_Thing], *, exponent: float, flatness: float) -> tuple[_Thing, ...]:
    """Things by rank, each as often as the Zipf-Mandelbrot law says: (rank + flatness) ** -exponent."""
    shares = list(accumulate((rank + flatness) ** -exponent for rank in range(len(things))))
    table = []
    rank = 0
    for place in range(TABLE_SIZE):
        while shares[rank] < (place + 0.5) / TABLE_SIZE * shares[-1]:
            rank += 1
        table.append(things[rank])
    return tuple(table)


def _shelves(words: Vocabulary) -> list[Shelf]:
    shelves: list[Shelf] = []
    for department, aisles in words.categories.items():
        choices = _choices(department, words)
        for aisle, nouns in aisles.items():
            for noun in nouns.split():
                name = noun.replace("-", " ").title()
                place = len(shelves)
                # Spread by factors without a common period, so that neighbours differ in what they cost and weigh.
                cents = 900 * 2 ** (place * 7 % 5) + 700 * (place * 13 % 11)
                grams = 80 * 2 ** (place * 5 % 7)
                shelves.append(Shelf((department, aisle, plural(name)), name, cents, grams, choices))
    # Every seventh: the most frequent ones are then of all departments.
    return [shelf for start in range(7) for shelf in shelves[start::7]]


def _choices(department: str, words: Vocabulary) -> tuple[tuple[SelectedOption, ...], ...]:
    sizes = {"Clothing": words.clothing_sizes, "Shoes": words.shoe_sizes}
    name, values = ("Size", sizes[department]) if department in sizes else ("Colour", words.colours.title())
    return tuple((SelectedOption(name, value),) for value in values.split())


def _attributes(name: str, values: str) -> tuple[Attribute, ...]:
    return tuple(Attribute(name.lower(), name, (value,)) for value in values.split())


def _popularity(place: int) -> int:
    rest = 1 - (place + 0.5) / TABLE_SIZE
    return min(int(3 * (rest ** (-1 / _PARETO) - 1)), _MAX_POPULARITY)


def _price_per_mille(place: int) -> int:
    return round(1_000 * exp(_PRICE_SIGMA * NormalDist().inv_cdf((place + 0.5) / TABLE_SIZE)))
