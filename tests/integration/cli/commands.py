"""How a command ended, and what runs one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    def lines(self) -> list[str]:
        """What it printed, without what stands at the edges of lines."""
        return [line.strip() for line in self.out.splitlines() if line.strip()]


Run = Callable[..., Awaitable[Ended]]
