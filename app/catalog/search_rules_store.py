"""The SQL of search rules and of misses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import ARRAY, DateTime, Text, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from app.catalog.labels_store import store_category, store_facet
from app.catalog.search_rules import MAX_MISSES, Miss, MissingThing, SearchRules
from app.database.engine import Database

_ROWS = bindparam("rows", type_=JSONB)
_ADD_SYNONYMS = text("""
    INSERT INTO search_synonym (language, words, expansion)
    SELECT language, words, expansion FROM jsonb_to_recordset(:rows) AS r (language text, words text, expansion text)
    ON CONFLICT DO NOTHING
""").bindparams(_ROWS)
_DROP_SYNONYMS = text("""
    DELETE FROM search_synonym WHERE (language, words, expansion) IN (
        SELECT language, words, expansion
        FROM jsonb_to_recordset(:rows) AS r (language text, words text, expansion text))
""").bindparams(_ROWS)
_SET_FACETS = text("""
    INSERT INTO search_facet (slug, position, hidden)
    SELECT slug, position, hidden FROM jsonb_to_recordset(:rows) AS r (slug text, position smallint, hidden boolean)
    ON CONFLICT (slug) DO UPDATE SET position = excluded.position, hidden = excluded.hidden
""").bindparams(_ROWS)
_PRODUCT_IDS = text("""
    SELECT asked, (SELECT id FROM product WHERE import_key = asked OR slug = asked ORDER BY import_key <> asked LIMIT 1)
    FROM unnest(:keys) AS asked
""").bindparams(bindparam("keys", type_=ARRAY(Text)))
_DROP_PINS = text("DELETE FROM search_pin WHERE language = :language AND query = :query")
_ADD_PINS = text("""
    INSERT INTO search_pin (language, query, position, product_id)
    SELECT :language, :query, place, id FROM unnest(CAST(:ids AS int[])) WITH ORDINALITY AS pinned (id, place)
""")

_NOTE_MISS = text("""
    INSERT INTO search_miss (language, query, times, first_at, last_at) VALUES (:language, :query, 1, :now, :now)
    ON CONFLICT (language, query) DO UPDATE SET times = search_miss.times + 1, last_at = excluded.last_at
""").bindparams(bindparam("now", type_=DateTime(timezone=True)))
_MISSES = text("""
    SELECT language, query, times, first_at, last_at FROM search_miss
    ORDER BY times DESC, last_at DESC, query LIMIT :limit
""")
_TRIM_MISSES = text(f"""
    DELETE FROM search_miss WHERE (language, query) IN (
        SELECT language, query FROM search_miss ORDER BY times DESC, last_at DESC OFFSET {MAX_MISSES})
""")
_FORGET_MISSES = text("DELETE FROM search_miss")


class SqlSearchRules:
    """Stores search rules on one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def store(self, rules: SearchRules) -> Sequence[MissingThing]:
        """Store the rules; returns the products and categories that there are not, which are left out."""
        await self._connection.execute(_DROP_SYNONYMS, {"rows": [asdict(each) for each in rules.removed]})
        await self._connection.execute(_ADD_SYNONYMS, {"rows": [asdict(each) for each in rules.synonyms]})
        await self._connection.execute(_SET_FACETS, {"rows": [asdict(each) for each in rules.facets]})
        keys = sorted({key for pins in rules.pins for key in pins.products})
        ids = {row[0]: row[1] for row in (await self._connection.execute(_PRODUCT_IDS, {"keys": keys})).all()}
        missing: list[MissingThing] = []
        for pins in rules.pins:
            where = {"language": pins.language, "query": pins.query}
            await self._connection.execute(_DROP_PINS, where)
            found = list(dict.fromkeys(ids[key] for key in pins.products if ids[key] is not None))
            missing += [
                MissingThing(pins.source, "products", f"there is no product {key!r}")
                for key in pins.products
                if ids[key] is None
            ]
            await self._connection.execute(_ADD_PINS, {**where, "ids": found})
        for each in rules.categories:
            if not await store_category(self._connection, each):
                reason = f"there is no category {' > '.join(each.path)!r}"
                missing.append(MissingThing(each.source, "category", reason))
        for labels in rules.labels:
            await store_facet(self._connection, labels)
        return missing


class SqlSearchMisses:
    """Counts queries that found nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def note(self, language: str, query: str, now: datetime) -> None:
        """Count one more miss."""
        async with self._database.write() as connection:
            await connection.execute(_NOTE_MISS, {"language": language, "query": query, "now": now})

    async def most_frequent(self, limit: int) -> list[Miss]:
        """The misses, the most frequent first."""
        async with self._database.read_fresh() as connection:
            return [Miss(*row) for row in (await connection.execute(_MISSES, {"limit": limit})).all()]

    async def trim(self) -> int:
        """Forget the rarest beyond MAX_MISSES; returns how many."""
        async with self._database.write() as connection:
            return (await connection.execute(_TRIM_MISSES)).rowcount

    async def forget(self) -> int:
        """Forget all of them; returns how many."""
        async with self._database.write() as connection:
            return (await connection.execute(_FORGET_MISSES)).rowcount
