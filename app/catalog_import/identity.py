"""Which product a row stands for, the same on every import.

An explicit key wins, and may occur once in a file. A row without one is known by its name, brand and categories, and
by its place among the rows of the file that share all three: real files hold such rows, and each is a product.

One file's keys are remembered while it is read, under 200 bytes a row, to find repeated ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

_DIGEST_BYTES = 16  # 128 bits: two products in a billion billion would have to meet


class Keys:
    """The product keys of one file."""

    def __init__(self) -> None:
        self._lines: dict[bytes, int] = {}
        self._repeats: dict[bytes, int] = {}

    def claim(self, key: str, *, line: int) -> int | None:
        """Take an explicit key for the product on this line, or give the line that has it already."""
        digest = _digest(key)
        earlier = self._lines.setdefault(digest, line)
        return None if earlier == line else earlier

    def derive(self, name: str, brand: str | None, category_path: Sequence[str], *, line: int) -> str:
        """The key of a product that has none of its own; its n-th equal in the file gets another."""
        base = "\0".join((name, brand or "", *category_path))  # no text holds a NUL
        stem = f"derived:{_digest(base).hex()}"
        if self.claim(stem, line=line) is None:
            return stem
        ordinal = self._repeats.get(_digest(stem), 1)
        while True:
            ordinal += 1
            key = f"{stem}:{ordinal}"
            if self.claim(key, line=line) is None:
                self._repeats[_digest(stem)] = ordinal
                return key


def _digest(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=_DIGEST_BYTES).digest()
