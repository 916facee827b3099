"""Card numbers in the text of a GraphQL document: in its strings, however they are escaped, numbers and comments.

Escapes are undone and `#` becomes a blank, each in its place, so that a number may go on in the next line's comment and
its line and column are those of the text. Source: GraphQL, String Value, Comments.
"""

from __future__ import annotations

import re

from app.core.card_data import card_numbers

_ESCAPE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\u\{[0-9a-fA-F]{1,8}\}|\\[bfnrt]"
)
_LINE_END = re.compile(r"\r\n|\n|\r")
_UNSEEN = "\u200b"  # fills what an escape is longer than its character
_LAST_CHARACTER = 0x10FFFF


def card_number_in_document(text: str) -> tuple[int, int] | None:
    """Line and column of the first card number, both from 1 on; None where there is none."""
    found = next(card_numbers(_ESCAPE.sub(_undone, text).replace("#", " ")), None)
    if found is None:
        return None
    ends = [end.end() for end in _LINE_END.finditer(text, 0, found[0])]
    return len(ends) + 1, found[0] - (ends[-1] if ends else 0) + 1


def _undone(escape: re.Match[str]) -> str:
    written = escape[0]
    if written[1] != "u":
        return "  "
    halves = [int(half.strip("{}"), 16) for half in written.split("\\u")[1:]]
    if len(halves) == 2:  # a surrogate pair
        halves = [0x10000 + (halves[0] - 0xD800 << 10) + halves[1] - 0xDC00]
    character = chr(halves[0]) if halves[0] <= _LAST_CHARACTER else _UNSEEN
    return character.ljust(len(written), _UNSEEN)
