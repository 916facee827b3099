"""What a misspelled word may have been meant to be. Pure.

Two words are near when leaving out a letter or two makes them equal, so a typo is found by an index over words with
letters left out, and then measured.
Source: W. Garbe, Symmetric Delete spelling correction; L. Boytsov, Indexing methods for approximate dictionary
searching, for restricted Damerau-Levenshtein distance.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

_MIN_LENGTH = 4  # of a word that is corrected: among shorter ones everything is near everything
_TWO_TYPOS_LENGTH = 8
_PREFIX_LENGTH = 8  # letters are left out of so many at the beginning only, which bounds the index


@dataclass(frozen=True, slots=True)
class KnownWord:
    """A word of the catalogue's names, and how many products have it."""

    word: str
    product_count: int


def typos_allowed(word: str) -> int:
    """How many typos a word may have and still be recognised: 0 for short words and for model numbers."""
    if len(word) < _MIN_LENGTH or not word.isalpha():
        return 0
    return 2 if len(word) >= _TWO_TYPOS_LENGTH else 1


def deletions(word: str) -> list[str]:
    """The word's beginning with letters left out; empty where the word is never a correction."""
    begin = word[:_PREFIX_LENGTH]
    found = {begin} if typos_allowed(word) or (word.isalpha() and len(word) == _MIN_LENGTH - 1) else set()
    for count in range(1, typos_allowed(word) + 1):
        found |= {"".join(kept) for kept in combinations(begin, len(begin) - count)}
    return sorted(found)


def best_correction(word: str, candidates: Iterable[KnownWord]) -> KnownWord | None:
    """The nearest candidate within the typos that are allowed; of equally near ones the most frequent."""
    allowed = typos_allowed(word)
    measured = [(distance(word, known.word), known) for known in candidates if known.word != word]
    near = [(far, known.word[0] != word[0], -known.product_count, known) for far, known in measured if far <= allowed]
    return min(near, key=lambda each: each[:3])[3] if near else None


def distance(one: str, other: str) -> int:
    """Letters to insert, delete, replace or swap with their neighbour to make one word of the other."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        before, row, above = row, [i], before
        for j, wanted in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                cost = min(cost, above[j - 2] + 1)
            row.append(cost)
    return row[-1]


def splits(word: str) -> list[tuple[str, str]]:
    """The word as two, at every place where both have two letters: `motog4` may be `moto g4`."""
    return [(word[:at], word[at:]) for at in range(2, len(word) - 1)]
