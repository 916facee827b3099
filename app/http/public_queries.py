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
from resolvers.shop_schema import Operation, ShopSchema

CATALOGUE = frozenset(  # root fields; any other may lead to a cart or an order, of which the cache is never asked
    {"products", "product", "variant", "category", "categories", "searchSuggestions", "shop"}
    | {"__schema", "__type", "__typename"}
)
_encoder = msgspec.msgpack.Encoder(order="deterministic")  # JSON would have infinity as null


class PublicQueries:
    """Finds and keeps answers. Safe for any number of tasks at once."""

    def __init__(self, answers: PublicAnswers, schema: ShopSchema, profile: ShopProfile) -> None:
        self._answers = answers
        # processes with other settings, or of another release, may share the cache
        self._edition = hashlib.sha256(schema.as_str().encode() + _encoder.encode(profile))

    async def find(self, operation: Operation, variables: Mapping[str, Any]) -> Lookup | None:
        """What there is under this question; None where its answer cannot be public, or it has a huge integer."""
        if not CATALOGUE.issuperset(operation.plan.root_fields):
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

    def keep(self, lookup: Lookup, answer: PublicAnswer, provenance: Provenance) -> None:
        """Keep an answer without errors for whoever asks next, if it was made from public data alone."""
        telemetry.ANSWERS.labels("made" if provenance.is_public else "made_for_one").inc()
        if provenance.is_public:
            self._answers.keep(lookup, answer, provenance.oldest)
