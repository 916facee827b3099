"""The port to answers that are kept because they would be the same for anybody who asks the same. See ADR-0044."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class PublicAnswer:
    """An answer as it was sent, and what it cost."""

    body: bytes
    cost: int


@dataclass(frozen=True, slots=True)
class Lookup:
    """What was found under a question. mark: how the catalogue was when it was looked for."""

    question: str
    mark: bytes
    answer: PublicAnswer | None


class PublicAnswers(Protocol):
    """Answers by what was asked. What cannot be reached has none and keeps none, and never fails."""

    async def find(self, question: str) -> Lookup:
        """The answer, unless it is too old or something in the catalogue has changed since it was made."""
        ...

    def keep(self, lookup: Lookup, answer: PublicAnswer, read_at: float) -> None:
        """Keep the answer that was made after this look-up, soon: nobody waits.

        read_at: when the oldest of what it tells was read from the database, in seconds since the epoch.
        """
        ...
