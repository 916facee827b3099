"""State machines as data: which state may follow which.

The domain's enums are declared beside one. The database holds the same edges and refuses every other transition
(`state_change` in app/database/state_tables); docs/states.md draws them. Tests compare the three. See ADR-0025.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

S = TypeVar("S", bound=Enum)
BEGIN = ""  # what the log says was before the first state


@dataclass(frozen=True, slots=True)
class StateMachine(Generic[S]):
    """The life of one kind of thing.

    name: in the log of transitions. first: the states it may begin in. edges: what may follow; a state without any is
    final.
    """

    name: str
    first: frozenset[S]
    edges: Mapping[S, frozenset[S]]

    def allows(self, before: S, after: S) -> bool:
        """Whether the one state may follow the other; a state does not follow itself."""
        return after in self.edges.get(before, frozenset())

    def is_final(self, state: S) -> bool:
        """Whether nothing can follow."""
        return not self.edges.get(state)

    def drawn(self) -> frozenset[tuple[str, str]]:
        """Every edge as it is stored: lower case, BEGIN before the first states."""
        begun = {(BEGIN, state.value.lower()) for state in self.first}
        moved = {(one.value.lower(), two.value.lower()) for one, after in self.edges.items() for two in after}
        return frozenset(begun | moved)
