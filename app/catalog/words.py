"""Text into words, the same way for what is indexed and for what is typed. Pure.

A word is folded (case, accents), decimal numbers stay whole, and a number with its unit is one word however it is
written: `5.5"`, `5.5-inch` and `5.5 inches` are all `5.5in`. A compound such as `SM-G930F` gives its parts, and the
joined form beside them, so that it is found with and without its dashes. Writing without spaces gives pairs of
characters. See ADR-0021.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

MAX_WORD_LENGTH = 64  # characters; a longer word is cut on both sides, and so is still found
_MAX_JOINED_PARTS = 5
_AROUND_WORDS = '.,;:!?()"'
_COMBINING = re.compile("[\u0300-\u036f]")
_OTHER_LETTERS = str.maketrans(
    {"ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i", "ß": "ss", "№": "no"}
)
_TRADE_MARKS = str.maketrans({"™": " ", "℠": " ", "®": " ", "©": " "})
_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # kana and Chinese characters
_UNSPACED_RUN = re.compile(f"([{_UNSPACED}]+)")

_UNITS = {
    "in": '" ″ ” in inch inches',
    "ft": "' ′ ’ ft foot feet",
    "gb": "gb gigabyte gigabytes",
    "tb": "tb terabyte terabytes",
    "mb": "mb megabyte megabytes",
    "mah": "mah",
    "mp": "mp megapixel megapixels",
    "mm": "mm millimeter millimeters millimetre millimetres",
    "cm": "cm centimeter centimeters centimetre centimetres",
    "ml": "ml milliliter milliliters millilitre millilitres",
    "kg": "kg kilogram kilograms",
    "oz": "oz ounce ounces",
    "lb": "lb lbs pound pounds",
    "ghz": "ghz",
    "mhz": "mhz",
    "w": "w watt watts",
    "v": "v volt volts",
    "l": "l liter liters litre litres",
    "m": "m meter meters metre metres",
    "k": "k",
    "g": "g",
}
_CANONICAL = {spelling: unit for unit, spellings in _UNITS.items() for spelling in spellings.split()}
_MARKS_OF_UNITS = "\"″”'′’"
_ATTACHED = "|".join(sorted((s for s in _CANONICAL if s[0] not in _MARKS_OF_UNITS), key=len, reverse=True))
_APART = "|".join(
    sorted((s for s in _CANONICAL if len(s) > 1 and s != "in"), key=len, reverse=True)
)  # `in` and single letters are words of their own when they stand apart
_MEASURE = re.compile(rf"(?P<number>\d+\.\d+)(?P<unit>{_ATTACHED})")
_NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)+|\d+,\d{1,2}|\d+"


_PART = re.compile(r"\d+\.\d+[^\W_]*|(?:[^-‐‑_.&'’]|['’]s(?![^\W_]))+")


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a text.

    start, end: where it stands in the folded text. number: that of a measure, `5.5` of `5.5in`. joined: the compound
    that it begins, in one word; compound: the same for all parts of it.
    """

    text: str
    start: int
    end: int
    number: str | None = None
    joined: str | None = None
    compound: int | None = None


@dataclass(frozen=True, slots=True)
class IndexedText:
    """What is indexed of a text: its words in order, its compounds in one word, and the bare numbers of measures."""

    words: tuple[str, ...]
    joined: tuple[str, ...]
    numbers: tuple[str, ...]


@cache
def _pattern(ascii_only: bool) -> re.Pattern[str]:
    letter = r"[^\W_]" if ascii_only else rf"(?:[^\W_]|[{_marks()}])"
    part = rf"{letter}+"
    return re.compile(
        rf"(?<![^\W_])(?P<number>{_NUMBER})(?:-?(?P<attached>{_ATTACHED})(?![^\W_]|[-‐‑_.&'][^\W_])"
        rf"|[ -](?P<apart>{_APART})(?![^\W_])|(?P<mark>[{_MARKS_OF_UNITS}])(?![^\W_])|(?![^\W_]))"
        rf"|(?P<compound>{part}(?:['’]s(?![^\W_])|(?:[-‐‑_.&']{part}))*)"
    )


@cache
def _marks() -> str:
    """Accents and vowel signs, which belong to the letter before them."""
    return "".join(re.escape(chr(c)) for c in range(0x300, 0x10000) if unicodedata.category(chr(c)).startswith("M"))


def fold(text: str) -> str:
    """The text without case and accents. Other scripts keep the signs that tell words apart."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.translate(_TRADE_MARKS)).casefold()
    return unicodedata.normalize("NFC", _COMBINING.sub("", decomposed)).translate(_OTHER_LETTERS)


def words_of(folded: str) -> Iterator[Word]:
    """The words of a text that has been folded, in order."""
    for number, found in enumerate(_pattern(folded.isascii()).finditer(folded)):
        if found["number"] is not None:
            yield _measured(found)
        else:
            yield from _parts(found["compound"], found.start(), number)


def plain(text: str) -> str:
    """The words of a text with single spaces in between: what two spellings of one name have in common."""
    return " ".join(word.text for word in words_of(fold(text)))


def indexed(texts: Iterable[str]) -> IndexedText:
    """What is indexed of some texts that stand one after the other."""
    words: list[str] = []
    joined: dict[str, None] = {}
    numbers: dict[str, None] = {}
    for text in texts:
        folded = fold(text)
        chunks = [chunk.strip(_AROUND_WORDS) for chunk in folded.split()]
        if folded.isascii() and all(map(str.isalpha, chunks)):  # most sentences: five times as fast
            words += [chunk[:MAX_WORD_LENGTH] for chunk in chunks]
            continue
        for word in words_of(folded):
            words.append(word.text)
            if word.joined:
                joined[word.joined] = None
            if word.number:
                numbers[word.number] = None
    return IndexedText(tuple(words), tuple(joined), tuple(numbers))


def as_tokens(words: Iterable[str]) -> str:
    """The words as a text in which PostgreSQL's parser finds the same ones."""
    return as_token(" ".join(words))


def as_token(word: str) -> str:
    """The word as PostgreSQL's parser takes for one, decimals included."""
    return word.replace(".", "dot")


def _measured(found: re.Match[str]) -> Word:
    number = found["number"]
    if re.fullmatch(r"\d+,\d{1,2}", number):
        number = number.replace(",", ".")
    number = number.replace(",", "")[:MAX_WORD_LENGTH]
    unit = found["attached"] or found["apart"] or found["mark"]
    if unit is None:
        return Word(number, found.start(), found.end())
    return Word(number + _CANONICAL[unit], found.start(), found.end(), number=number)


def _parts(compound: str, start: int, number: int) -> Iterator[Word]:
    if compound.isalnum() and compound.isascii():
        yield Word(compound[:MAX_WORD_LENGTH], start, start + len(compound))
        return
    parts = []
    for found in _PART.finditer(compound):
        text = found[0].replace("'", "").replace("’", "")
        parts.append((text[:MAX_WORD_LENGTH], start + found.start(), start + found.end()))
    joined = "".join(text for text, _, _ in parts)
    is_joined = 1 < len(parts) <= _MAX_JOINED_PARTS and len(joined) <= MAX_WORD_LENGTH
    for index, (text, begin, end) in enumerate(parts):
        if measure := _MEASURE.fullmatch(text):
            unit = _CANONICAL[measure["unit"]]
            yield Word(measure["number"] + unit, begin, end, number=measure["number"])
        elif text.isascii() or not _UNSPACED_RUN.search(text):
            whole = joined if is_joined and index == 0 else None
            yield Word(text, begin, end, joined=whole, compound=number if is_joined else None)
        else:
            yield from _pairs(text, begin, end)


def _pairs(text: str, start: int, end: int) -> Iterator[Word]:
    for run in filter(None, _UNSPACED_RUN.split(text)):
        if not _UNSPACED_RUN.match(run) or len(run) == 1:
            yield Word(run, start, end)
        else:
            yield from (Word(run[at : at + 2], start, end) for at in range(len(run) - 1))
