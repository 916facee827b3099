"""JSON from strangers: one meaning or none.

Refused are repeated keys, of which parsers keep different ones, NaN and Infinity, bytes that are not UTF-8, text that
PostgreSQL has no place for (NUL) and text that is none (half a surrogate pair). Source: RFC 8259, Objects, Strings.
"""

from __future__ import annotations

import json
from typing import Any

MAX_LEVELS = 100  # of lists and objects in each other; inputs have six at most


class NotJson(Exception):
    """The text is not JSON, or has two meanings. The message ends a sentence that names the text."""


class BadText(Exception):
    """A string has characters that cannot be stored. The message is a sentence."""


def decode(raw: bytes) -> Any:  # noqa: ANN401  JSON
    """The value. Raises NotJson or BadText."""
    try:
        value = _decoder.decode(raw.decode())
        check_text(value)
    except RecursionError:
        raise NotJson("is nested too deeply") from None
    except ValueError:  # UnicodeDecodeError and JSONDecodeError too, and a number of thousands of digits
        raise NotJson("is not valid JSON") from None
    return value


def check_text(value: object, *, levels: int = MAX_LEVELS) -> None:
    """Raises BadText where a string in the value, also a key, cannot be stored, NotJson where it has more levels."""
    if not levels:
        raise NotJson("is nested too deeply")
    if isinstance(value, str):
        if "\0" in value:
            raise BadText("Text must not have NUL characters.")
        if not value.isascii() and not _is_text(value):
            raise BadText("Text must not have half of a surrogate pair.")
    elif isinstance(value, dict):
        for key, each in value.items():
            check_text(key)
            check_text(each, levels=levels - 1)
    elif isinstance(value, list):
        for each in value:
            check_text(each, levels=levels - 1)


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise NotJson("has a key twice in one object")
    return values


def _refuse(_: str) -> None:
    raise NotJson("has a number that JSON does not have")


_decoder = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_refuse)  # to make one takes as long as to use it
