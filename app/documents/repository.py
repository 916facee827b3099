"""Trusted documents' SQL. They are public data that never changes, so any server may be asked for one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ARRAY, Integer, LargeBinary, Row, Select, Text, bindparam, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.database.engine import Database
from app.database.tables import trusted_document
from app.documents.domain import TrustedDocument

_ids = bindparam("ids", type_=ARRAY(Text))
_ALL = select(trusted_document)
_BY_ID = _ALL.where(trusted_document.c.id == bindparam("id", type_=Text))
_BY_SHA256 = (
    _ALL.where(trusted_document.c.sha256 == bindparam("sha256", type_=LargeBinary))
    .order_by(trusted_document.c.id)
    .limit(1)
)
_BY_IDS = _ALL.where(trusted_document.c.id == func.any(_ids))
_AFTER = (
    _ALL.where(trusted_document.c.id > bindparam("id", type_=Text))
    .order_by(trusted_document.c.id)
    .limit(bindparam("limit", type_=Integer))
)
_INSERT = insert(trusted_document).on_conflict_do_nothing(index_elements=["id"]).returning(trusted_document.c.id)
_REMOVE = delete(trusted_document).where(trusted_document.c.id == func.any(_ids)).returning(trusted_document.c.id)


class SqlTrustedDocuments:
    """`TrustedDocuments` on the nearest server."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find_by_id(self, document_id: str) -> TrustedDocument | None:
        """The document with this id."""
        return await self._find(_BY_ID, {"id": document_id})

    async def find_by_sha256(self, sha256: str) -> TrustedDocument | None:
        """A document whose text has this hash."""
        return await self._find(_BY_SHA256, {"sha256": bytes.fromhex(sha256)})

    async def _find(self, statement: Select[Any], values: dict[str, object]) -> TrustedDocument | None:
        async with self._database.read_nearest() as connection:
            row = (await connection.execute(statement, values)).one_or_none()
        return None if row is None else _document(row)


class SqlTrustedDocumentStore:
    """`TrustedDocumentStore` on one connection to the primary."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def insert(self, documents: Sequence[TrustedDocument]) -> set[str]:
        """Store those whose ids are new, and say which these are."""
        values = [
            {
                "id": each.id,
                "sha256": bytes.fromhex(each.sha256),
                "body": each.body,
                "operation_names": list(each.operation_names),
                "imported_at": each.imported_at,
            }
            for each in documents
        ]
        return set((await self._connection.execute(_INSERT, values)).scalars()) if values else set()

    async def documents_by_ids(self, ids: Sequence[str]) -> dict[str, TrustedDocument]:
        """The documents with these ids."""
        rows = await self._connection.execute(_BY_IDS, {"ids": list(ids)})
        return {row.id: _document(row) for row in rows}

    async def list_after(self, document_id: str, *, limit: int) -> list[TrustedDocument]:
        """The documents that follow this id."""
        rows = await self._connection.execute(_AFTER, {"id": document_id, "limit": limit})
        return [_document(row) for row in rows]

    async def remove(self, ids: Sequence[str]) -> set[str]:
        """Forget the documents with these ids, and say which there were."""
        return set((await self._connection.execute(_REMOVE, {"ids": list(ids)})).scalars())


def _document(row: Row[Any]) -> TrustedDocument:
    return TrustedDocument(row.id, row.sha256.hex(), row.body, tuple(row.operation_names), row.imported_at)
