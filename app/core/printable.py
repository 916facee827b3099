"""Text from a stranger, made fit for a terminal or a log line: nothing in it is obeyed, and no card number is told."""

from __future__ import annotations

from app.core.card_data import masked


def printable(text: str) -> str:
    """The text without card numbers, and without what a terminal would obey: that shows as escapes."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in masked(text))
