"""What of a product's texts a query is about, marked for a page. Pure.

Matches stand in `<em>`, everything else is escaped, so that the text can be put into a page as it is.
"""

from __future__ import annotations

from collections.abc import Collection
from html import escape

from app.catalog.words import fold, words_of

SNIPPET_LENGTH = 160  # characters of a description around its first match
_BEFORE = 40  # of them before the match


def words_in(text: str) -> list[str]:
    """The words of a text that a query may be about."""
    return [word.text for word in words_of(fold(text))]


def marked(text: str, matched: Collection[str]) -> str | None:
    """The text with these words in `<em>`, shortened around the first; None where it has none of them."""
    spans = [span for word, span in _spans(text) if word in matched]
    if not spans:
        return None
    start, end = _window(text, spans[0][0])
    parts: list[str] = ["…"] if start else []
    at = start
    for begin, finish in spans:
        if begin >= at and finish <= end:
            parts += [escape(text[at:begin]), "<em>", escape(text[begin:finish]), "</em>"]
            at = finish
    return "".join([*parts, escape(text[at:end]), "…" if end < len(text) else ""]).replace("</em> <em>", " ")


def _spans(text: str) -> list[tuple[str, tuple[int, int]]]:
    """Every word with the place where it stands in the text itself, not in the folded one."""
    found: list[tuple[str, tuple[int, int]]] = []
    at = 0
    for chunk in text.split():
        at = text.index(chunk, at)
        found += [(word, (at + begin, at + end)) for word, begin, end in _placed(chunk)]
        at += len(chunk)
    return found


def _placed(chunk: str) -> list[tuple[str, int, int]]:
    folded = fold(chunk)
    words = list(words_of(folded))
    if len(folded) == len(chunk):
        return [(word.text, word.start, word.end) for word in words]
    return [(word.text, 0, len(chunk)) for word in words[:1]]  # letters grew or shrank: mark all of it


def _window(text: str, place: int) -> tuple[int, int]:
    if len(text) <= SNIPPET_LENGTH:
        return 0, len(text)
    start = max(place - _BEFORE, 0)
    if start:
        start = text.find(" ", start, place) + 1 or place
    end = start + SNIPPET_LENGTH
    if end < len(text):
        end = max(text.rfind(" ", place + 1, end), place + 1)
    return start, min(end, len(text))
