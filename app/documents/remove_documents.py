"""Remove trusted documents that no client sends any more: all that are named, or none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.core.errors import NotFound
from app.documents.domain import DocumentTransactions


@dataclass(frozen=True, slots=True)
class RemoveDocuments:
    """Forget documents by their ids."""

    transactions: DocumentTransactions

    async def __call__(self, ids: Sequence[str]) -> int:
        """How many were removed. Raises NotFound naming the unknown ids, and then nothing was."""
        async with self.transactions.begin() as tx:
            removed = await tx.documents.remove(ids)
            missing = sorted(set(ids) - removed)
            if missing:
                raise NotFound(f"no stored document has the id {', '.join(missing)}: nothing was removed")
        return len(removed)
