"""Invariant I10: no card number in the database, in Redis, in logs or in metrics.

Looks at everything that is there, by the same rule that keeps card numbers out, and says where one stands, never its
digits. It knows nothing of the shop: a new table, key or log line is looked at without anybody thinking of it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import asyncpg
from redis.asyncio import Redis

from app.core.card_data import has_card_number, masked

_COLUMNS = """
    SELECT table_schema, table_name, column_name, data_type = 'bytea' FROM information_schema.columns
    JOIN information_schema.tables USING (table_schema, table_name)
    WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')
      AND data_type NOT IN ('boolean', 'date', 'smallint', 'integer', 'real', 'double precision')
      AND data_type NOT LIKE 'time%'
    ORDER BY table_schema, table_name, ordinal_position
"""
_ROWS_AT_ONCE = 1_000


async def card_numbers_anywhere(
    *, database_url: str, redis_url: str, logs: Iterable[Path] = (), metrics: str = ""
) -> list[str]:
    """Every place with a card number in it, such as `public.cart.note (0,7)` or `server.log:12`; none is the invariant.

    database_url, redis_url: as a shop's settings have them. metrics: the text of `/metrics`.
    """
    return [
        *await in_database(database_url),
        *await in_redis(redis_url),
        *(place for path in logs for place in in_text(path.name, path.read_text(errors="replace"))),
        *in_text("metrics", metrics),
    ]


async def in_database(url: str) -> list[str]:
    """The table, column and row (its ctid) of every value with a card number, whatever type the column has."""
    connection = await asyncpg.connect(url.replace("postgresql+asyncpg:", "postgresql:"))
    try:
        return [place async for place in _in_tables(connection)]
    finally:
        await connection.close()


async def in_redis(url: str) -> list[str]:
    """Every key, of all databases of the server, that has a card number in its name or in its value."""
    async with Redis.from_url(url) as server:
        numbers = [name.removeprefix("db") for name in await server.info("keyspace")]
    places = []
    for number in numbers:
        async with Redis.from_url(f"{url.rpartition('/')[0]}/{number}") as database:
            async for key in database.scan_iter(count=_ROWS_AT_ONCE):
                if any(has_card_number(text) for text in _texts([key, await _value(database, key)])):
                    places.append(f"redis {number}: {masked(_text(key))}")
    return places


def in_text(name: str, text: str) -> list[str]:
    """The lines with a card number, and the text as a whole where one goes on from a line to the next."""
    lines = [f"{name}:{number}" for number, line in enumerate(text.splitlines(), 1) if has_card_number(line)]
    return lines or ([name] if has_card_number(text) else [])


async def _in_tables(connection: asyncpg.Connection[Any]) -> AsyncIterator[str]:
    columns: dict[str, list[tuple[str, bool]]] = {}
    for schema, table, column, is_binary in await connection.fetch(_COLUMNS):
        columns.setdefault(f'"{schema}"."{table}"', []).append((column, is_binary))
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        for table, of_table in columns.items():
            chosen = ", ".join(f'"{column}"' + ("" if is_binary else "::text") for column, is_binary in of_table)
            rows = connection.cursor(f"SELECT ctid::text, {chosen} FROM {table}", prefetch=_ROWS_AT_ONCE)
            async for place, *values in rows:
                for (column, _), value in zip(of_table, values, strict=True):
                    if any(map(has_card_number, _texts(value))):
                        yield f"{table.replace(chr(34), '')}.{column} {place}"


async def _value(database: Redis, key: bytes) -> object:
    kind = (await database.type(key)).decode()
    if kind == "string":
        return await database.get(key)
    if kind == "hash":
        return await database.hgetall(key)
    if kind == "list":
        return await database.lrange(key, 0, -1)
    if kind == "set":
        return await database.smembers(key)
    if kind == "zset":
        return await database.zrange(key, 0, -1, withscores=True)
    assert kind in ("stream", "none"), f"say here how a {kind} is read"  # a key may expire meanwhile
    return await database.xrange(key) if kind == "stream" else None


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, bytes):
        yield _text(value)
    elif isinstance(value, Mapping):
        for name, each in value.items():
            yield from _texts(name)
            yield from _texts(each)
    elif isinstance(value, Iterable) and not isinstance(value, str):
        for each in value:
            yield from _texts(each)
    elif value is not None:
        yield str(value)


def _text(raw: bytes) -> str:
    """As text: what is none (lengths and types of a packed value) divides what stands beside it."""
    return raw.decode(errors="replace")
