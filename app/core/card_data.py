"""Payment card numbers in text: found wherever they stand and however they are written.

digits in a row (of any script; spaces, dashes, dots, line ends between them) -> windows of whole groups
-> a network's beginning and length, and Luhn's check digit -> not an EAN, phone number, UUID, hash, IBAN or fraction

What is found is told by its place, never by its digits. Time is linear in the text. See ADR-0028.
Source: ISO/IEC 7812-1, Annex B (Luhn's formula); GS1 General Specifications, 7.9 (EAN-13); ISO 13616 (IBAN).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, pairwise

from app.core.card_networks import LENGTHS_BY_BEGINNING, SHORTEST

MASK = "[card number]"

# every character that has the value of a digit
_DIGITS = (
    r"\d\u00b2\u00b3\u00b9\u1369-\u1371\u19da\u2070\u2074-\u2079\u2080-\u2089\u2460-\u2468\u2474-\u247c\u2488-\u2490"
    r"\u24ea\u24f5-\u24fd\u24ff\u2776-\u277e\u2780-\u2788\u278a-\u2792"
    r"\U00010a40-\U00010a43\U00010e60-\U00010e68\U00011052-\U0001105a\U0001f100-\U0001f10a"
)
# what may stand between two digits, beside white space: dashes, with the underscore, the only one of a GraphQL name;
_DASHES = (
    r"\-_\u058a\u05be\u1400\u1806\u2010-\u2015\u2212\u2e17\u2e1a\u2e3a\u2e3b\u2e40\u2e5d\u301c\u3030\u30a0"
    r"\ufe31\ufe32\ufe58\ufe63\uff0d\uff3f\U00010ead"
)
# dots;
_DOTS = r".\u00b7\u2022\u2024\u2027\u2219\u22c5\u3002\u30fb\uff0e\uff61"
# what nobody sees: soft hyphens, joiners, marks of direction, variation selectors, keycaps
_UNSEEN = (
    r"\u00ad\u034f\u061c\u115f\u1160\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u20e3\u2800\u3164"
    r"\ufe00-\ufe0f\ufeff\uffa0"
)
_RUN = re.compile(rf"[{_DIGITS}](?:[\s{_DASHES}{_DOTS}{_UNSEEN}]*+[{_DIGITS}]){{{SHORTEST - 1},}}+")
_ASCII_RUN = re.compile(rf"[0-9](?:[\s\-_.]*+[0-9]){{{SHORTEST - 1},}}+")  # the same where all is ASCII, and faster
_GROUP = re.compile(rf"[{_DIGITS}]+")

_VALUES = bytes.maketrans(b"0123456789", bytes(range(10)))
_DOUBLED = bytes.maketrans(bytes(range(10)), bytes((0, 2, 4, 6, 8, 1, 3, 5, 7, 9)))  # and the sum of its digits
_EAN = 13  # digits
_UNION_PAY = [6, 13]  # digits, as its cards of 19 are printed
_MAX_PHONE = 15  # digits, E.164
_LONG_PHONE = re.compile(r"491[567]|431|436[5-9]")  # Germany's mobiles, Austria's, Vienna's: of 13 digits, without +
_SIGNED = re.compile(r"(?<![0-9A-Za-z])\+")

_UUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_HASH = r"[0-9a-fA-F]{24,}+"
_FRACTION = r"(?<!\.)[0-9]{1,3}\.[0-9]{10,}+(?!\.[0-9])"
_MADE_BY_MACHINES = re.compile(rf"(?<![0-9A-Za-z])(?:{_UUID}|{_HASH}|{_FRACTION})(?![0-9A-Za-z])")
_IBAN = re.compile(
    r"(?<![0-9A-Za-z])[A-Z]{2}[0-9]{2}(?:[ \u00a0]?[0-9A-Z]{4}){2,7}(?:[ \u00a0]?[0-9A-Z]{1,3})?(?![0-9A-Za-z])"
)


def card_numbers(text: str) -> Iterator[tuple[int, int]]:
    """Where card numbers stand in a text: from the first digit to behind the last, in their order, none in another."""
    if len(text) < SHORTEST or _runs(text).search(text) is None or next(_suspects(text), None) is None:
        return iter(())
    return _suspects(_IBAN.sub(_without_iban, _MADE_BY_MACHINES.sub(_blank, text)))


def has_card_number(text: str) -> bool:
    """Whether a card number stands in a text."""
    return next(card_numbers(text), None) is not None


def masked(text: str) -> str:
    """The text with MASK in the place of every card number."""
    kept, behind = [], 0
    for start, end in card_numbers(text):
        kept += [text[behind:start], MASK]
        behind = end
    return "".join([*kept, text[behind:]]) if kept else text


def card_number_in(value: object) -> tuple[str, ...] | None:
    """The way to the first card number in a value of JSON: keys and places in lists; None where there is none.

    Keys are looked at as values are; a key that is or holds one is not on the way, which ends where the key stands.
    """
    if isinstance(value, str):
        return () if has_card_number(value) else None
    if isinstance(value, dict):
        members: Iterable[tuple[object, object]] = value.items()
    elif isinstance(value, list):
        members = enumerate(value)
    else:
        return () if isinstance(value, int | float) and _is_card_number(value) else None
    for name, each in members:
        if isinstance(name, str) and has_card_number(name):
            return ()
        way = card_number_in(each)
        if way is not None:
            return (str(name), *way)
    return None


def _is_card_number(number: float) -> bool:
    if not 10 ** (SHORTEST - 1) <= abs(number) < 10**19 or number != int(number):
        return False
    return has_card_number(str(abs(int(number))))


def _suspects(text: str) -> Iterator[tuple[int, int]]:
    for run in _runs(text).finditer(text):
        yield from _cards_in(run)


def _runs(text: str) -> re.Pattern[str]:
    return _ASCII_RUN if text.isascii() else _RUN


def _cards_in(run: re.Match[str]) -> Iterator[tuple[int, int]]:
    """The windows of a run that are card numbers, by their places in the text."""
    groups = _GROUP.findall(run[0])
    digits = "".join(groups)
    if not digits.isascii():
        digits = "".join(str(unicodedata.digit(each)) for each in digits)
    begins = list(accumulate(map(len, groups), initial=0))
    ends, sums = frozenset(begins), _luhn_sums(digits)
    spans: list[tuple[int, int]] = []  # of the groups in the text; most runs never need them
    behind = 0
    for at, begin in enumerate(begins):
        for length in LENGTHS_BY_BEGINNING.get(digits[begin : begin + 4], ()) if begin >= behind else ():
            end = begin + length
            if end in ends and not (sums[end % 2][end] - sums[end % 2][begin]) % 10:
                spans = spans or [found.span() for found in _GROUP.finditer(run.string, *run.span())]
                start, last = spans[at][0], begins.index(end, at)
                window = [digits[one:other] for one, other in pairwise(begins[at : last + 1])]
                if not _is_something_else(window, run.string, start):
                    yield start, spans[last - 1][1]
                    behind = end
                    break


def _luhn_sums(digits: str) -> tuple[list[int], list[int]]:
    """Sums of the first digits with every second one doubled: those at even places, those at odd places.

    A window is right when its sum ends in 0, with those doubled whose parity is that of the window's end.
    """
    values = digits.encode().translate(_VALUES)
    doubled = values.translate(_DOUBLED)
    even, odd = bytearray(values), bytearray(values)
    even[::2], odd[1::2] = doubled[::2], doubled[1::2]
    return list(accumulate(even, initial=0)), list(accumulate(odd, initial=0))


def _is_something_else(groups: Sequence[str], text: str, start: int) -> bool:
    """Whether it is a number of another kind that has a network's beginning and a right check digit by chance."""
    digits = "".join(groups)
    if len(groups) > 1 and [*map(len, groups)] != _UNION_PAY and any(map(_is_ean_or_time, groups)):
        return True
    if len(digits) == _EAN and (_is_ean_or_time(digits) or _LONG_PHONE.match(digits)):
        return True
    return len(digits) <= _MAX_PHONE and bool(_SIGNED.match(text, start - 1))


def _is_ean_or_time(group: str) -> bool:
    """Whether it is an EAN, or a time in milliseconds: either may have another number beside it."""
    if len(group) != _EAN:
        return False
    return group[0] == "1" or not (sum(map(int, group[::2])) + 3 * sum(map(int, group[1::2]))) % 10


def _blank(found: re.Match[str]) -> str:
    return "x" * len(found[0])


def _without_iban(found: re.Match[str]) -> str:
    letters = "".join(found[0].split())
    is_iban = int("".join(str(int(each, 36)) for each in letters[4:] + letters[:4])) % 97 == 1
    return _blank(found) if is_iban else found[0]
