"""How old an answer is, and where it came from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class ReadSource(Enum):
    """Where an answer came from."""

    PRIMARY = "PRIMARY"
    REPLICA = "REPLICA"
    CACHE = "CACHE"
    STALE_CACHE = "STALE_CACHE"


@dataclass(frozen=True, slots=True)
class Freshness:
    """How old an answer is, and where it came from."""

    as_of: datetime
    age_ms: int
    source: ReadSource
