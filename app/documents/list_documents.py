"""List trusted documents, a page at a time: for `cartograph documents list` and for checking them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from app.documents.domain import DocumentTransactions, TrustedDocument

PAGE_DOCUMENTS = 200


@dataclass(frozen=True, slots=True)
class ListDocuments:
    """Read all trusted documents."""

    transactions: DocumentTransactions

    async def __call__(self) -> AsyncIterator[TrustedDocument]:
        """Every document, in the order of their ids. No connection is held between two pages."""
        last = ""
        while True:
            async with self.transactions.read() as tx:
                page = await tx.documents.list_after(last, limit=PAGE_DOCUMENTS)
            for document in page:
                yield document
            if len(page) < PAGE_DOCUMENTS:
                return
            last = page[-1].id
