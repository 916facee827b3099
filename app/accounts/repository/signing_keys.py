"""Signing keys' SQL."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.accounts.signing_keys import SigningKey
from app.database.account_tables import signing_key

_rows = signing_key.c
_LIST = select(signing_key).order_by(_rows.created_at.desc(), _rows.kid)
_LOCK = text("LOCK TABLE accounts.signing_key IN SHARE ROW EXCLUSIVE MODE")  # readers go on


class SqlSigningKeys:
    """`SigningKeyStore` on one connection to the primary."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def list(self) -> list[SigningKey]:
        """All of them, the newest first."""
        return [
            SigningKey(row.kid, row.public_key, row.sealed_key, row.created_at, row.signs_from, row.verifies_until)
            for row in await self._connection.execute(_LIST)
        ]

    async def lock(self) -> None:
        """Nobody else adds a key until the transaction ends."""
        await self._connection.execute(_LOCK)

    async def insert(self, key: SigningKey) -> None:
        """Store a new key."""
        await self._connection.execute(
            insert(signing_key),
            {
                "kid": key.kid,
                "public_key": key.public,
                "sealed_key": key.sealed,
                "created_at": key.created_at,
                "signs_from": key.signs_from,
                "verifies_until": key.verifies_until,
            },
        )

    async def retire(self, kid: str, *, until: datetime) -> None:
        """Say until when a key verifies."""
        await self._connection.execute(update(signing_key).where(_rows.kid == kid).values(verifies_until=until))

    async def forget(self, before: datetime) -> int:
        """Forget keys that verify nothing since before a moment."""
        gone = await self._connection.execute(
            delete(signing_key).where(_rows.verifies_until < before).returning(_rows.kid)
        )
        return len(gone.all())
