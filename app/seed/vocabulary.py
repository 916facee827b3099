"""The words of the synthetic catalogue: real ones that shops use, and made-up ones for the long tail.

Real catalogues have a few thousand common words and an endless tail of model and brand names. The common words are
in vocabulary.toml; the tail is spelled from syllables, each word from its number, so it needs no list.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import msgspec

_ONSETS: tuple[str, ...] = (*"bcdfghjklmnprstvwz", "br", "ch", "dr", "fl", "gr", "kl", "pr", "sh", "st", "tr")
_VOWELS: tuple[str, ...] = (*"aeiou", "ai", "ea", "io")
_ENDINGS = ("", "n", "r", "l", "s", "t", "x", "ra", "lo", "ne", "ton", "lia", "rix", "mar", "den", "vex")
_SYLLABLES = len(_ONSETS) * len(_VOWELS)
MADE_UP_WORDS = _SYLLABLES**2


class Vocabulary(msgspec.Struct, frozen=True):
    """The real words, each list from the most frequent to the rarest, as text with white space in between."""

    adjectives: str
    colours: str
    materials: str
    styles: str
    audiences: str
    common: str
    clothing_sizes: str
    shoe_sizes: str
    categories: dict[str, dict[str, str]]


@cache
def real_words() -> Vocabulary:
    """The words of vocabulary.toml."""
    return msgspec.toml.decode(files("app.seed").joinpath("vocabulary.toml").read_bytes(), type=Vocabulary)


def made_up_word(number: int) -> str:
    """The word with this number, 0 or more: two syllables and an ending. The first MADE_UP_WORDS are all different."""
    block, place = divmod(number, _SYLLABLES)
    # The factors share no divisor with the number of syllables, so neighbours sound different and none repeats.
    first, second = place * 97 + 11, block * 59 + place * 31
    return _syllable(first) + _syllable(second) + _ENDINGS[number * 7 % len(_ENDINGS)]


def plural(noun: str) -> str:
    """The plural of an English noun of the vocabulary: `Brush` gives `Brushes`."""
    if noun.endswith("Knife"):
        return f"{noun[:-2]}ves"
    if noun == "Jeans":
        return noun
    if noun.endswith(("s", "x", "ch", "sh")):
        return f"{noun}es"
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}s"


def _syllable(number: int) -> str:
    onset, vowel = divmod(number % _SYLLABLES, len(_VOWELS))
    return _ONSETS[onset] + _VOWELS[vowel]
