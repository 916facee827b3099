"""Queries whose answer is the same for whoever asks: one answer is made, and given to all others for a minute.

Looked for are answers to guests who ask for the catalogue alone. Whether one may be kept shows when it is made, by what
it was made from. A question is everything that its answer depends on. See ADR-0044.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from app import telemetry
from app.core.provenance import Provenance
from app.core.public_answers import Lookup, PublicAnswer, PublicAnswers
from resolvers.services import ShopProfile
from resolvers.shop_schema import Operation

CATALOGUE = frozenset(  # root fields; any other may lead to a cart or an order, of which the cache is never asked
    {"products", "product", "variant", "category", "categories", "searchSuggestions", "shop"}
    | {"__schema", "__type", "__typename"}
)
MAX_AGE_SECONDS = 30  # of what a kept answer is made from: so it lives that long too, whatever is older in the cache
STREAK = 8  # answers for one in a row, as those that show stock are, after which the next one is not looked for
_OPERATIONS = 5_000  # whose streaks are remembered
_encoder = msgspec.msgpack.Encoder(order="deterministic")  # JSON would have infinity as null


class PublicQueries:
    """Finds and keeps answers. schema: its text. Safe for any number of tasks at once."""

    def __init__(self, answers: PublicAnswers, schema: str, profile: ShopProfile) -> None:
        self._answers = answers
        # processes with other settings, or of another release, may share the cache
        self._edition = hashlib.sha256(schema.encode() + _encoder.encode(profile))
        self._streaks: dict[bytes, int] = {}  # of answers for one, by operation, the last one last

    async def find(self, operation: Operation, variables: Mapping[str, Any]) -> Lookup | None:
        """What there is under this question; None where its answer is hardly public, or it has a huge integer."""
        if not _asks_the_catalogue(operation) or self._streaks.get(operation.digest, 0) >= STREAK:
            return None
        try:
            written = _encoder.encode(variables)
        except OverflowError:  # 64 bits
            return None
        question = self._edition.copy()
        question.update(operation.digest + written)
        lookup = await self._answers.find(question.hexdigest())
        if lookup.answer is not None:
            telemetry.ANSWERS.labels("kept").inc()
        return lookup

    def notes(self, lookup: Lookup | None) -> Provenance:
        """Notes for an answer that was looked for in vain, or was not."""
        return Provenance() if lookup is None else Provenance(max_age=MAX_AGE_SECONDS)

    def learn(self, operation: Operation, lookup: Lookup | None, answer: PublicAnswer, notes: Provenance) -> None:
        """Keep an answer without errors for whoever asks next, if it was made from public data alone."""
        if not _asks_the_catalogue(operation):
            return
        telemetry.ANSWERS.labels("made" if notes.is_public else "made_for_one").inc()
        streak = self._streaks.pop(operation.digest, 0)
        if not notes.is_public:
            self._streaks[operation.digest] = streak + 1
            if len(self._streaks) > _OPERATIONS:
                del self._streaks[next(iter(self._streaks))]
        elif lookup is not None:
            self._answers.keep(lookup, answer, notes.oldest)


def _asks_the_catalogue(operation: Operation) -> bool:
    return CATALOGUE.issuperset(operation.plan.root_fields)
