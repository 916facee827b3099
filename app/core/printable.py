"""Text from a stranger, made fit for a terminal or a log line."""

from __future__ import annotations


def printable(text: str) -> str:
    """The text without what a terminal would obey: line ends and control characters show as escapes."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
