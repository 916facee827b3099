"""Migrations build what `app/database/tables.py` says, and nothing else, however often and by however many."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

from app.database.engine import Database
from app.database.migrate import migrate, newest_version
from app.database.tables import SCHEMA_VERSION, metadata
from tests.conftest import REPOSITORY, Servers

# what a schema is, in PostgreSQL's own words; names of databases and object ids are left out
CATALOGUE = {
    "columns": """
        SELECT n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity::text,
               pg_get_expr(d.adbin, d.adrelid)
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
        WHERE c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped AND n.nspname IN ('public', 'accounts', 'jobs')
          AND c.relname <> 'alembic_version'""",
    "constraints": """
        SELECT n.nspname, r.conname, r.contype::text, pg_get_constraintdef(r.oid)
        FROM pg_constraint r JOIN pg_namespace n ON n.oid = r.connamespace
        WHERE n.nspname IN ('public', 'accounts', 'jobs') AND r.conname NOT LIKE 'alembic%'""",
    "indexes": """
        SELECT schemaname, indexname, indexdef FROM pg_indexes
        WHERE schemaname IN ('public', 'accounts', 'jobs') AND tablename <> 'alembic_version'""",
    "identities": """
        SELECT sequencename, start_value, increment_by, data_type::text FROM pg_sequences
        WHERE schemaname IN ('public', 'accounts', 'jobs')""",
}


@pytest.fixture
async def fresh(servers: Servers) -> AsyncIterator[Callable[[str], Database]]:
    """Makes empty databases, gone at the end."""
    made: list[tuple[str, Database]] = []

    def make(name: str) -> Database:
        servers.postgres.create_database(name)
        database = Database.connect(servers.postgres.url(name), pool_size=5, statement_timeout_seconds=30)
        made.append((name, database))
        return database

    yield make
    for name, database in made:
        await database.close()
        servers.postgres.drop_database(name)


async def shape(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    async with database.read_fresh() as connection:
        return {
            name: sorted((tuple(row) for row in await connection.execute(text(query))), key=repr)
            for name, query in CATALOGUE.items()
        }


async def test_migrations_build_exactly_the_declared_tables(fresh: Callable[[str], Database]) -> None:
    migrated, declared = fresh("migrated"), fresh("declared")
    await migrate(migrated)
    async with declared.write() as connection:
        await connection.execute(text("CREATE SCHEMA accounts"))
        await connection.execute(text("CREATE SCHEMA jobs"))
        await connection.run_sync(metadata.create_all)

    built, said = await shape(migrated), await shape(declared)

    assert len(built["columns"]) > 100
    assert len([row for row in built["constraints"] if row[2] == "c"]) >= 15
    for kind in CATALOGUE:
        assert built[kind] == said[kind], kind


async def test_alembic_finds_nothing_to_change(fresh: Callable[[str], Database]) -> None:
    database = fresh("compared")
    await migrate(database)

    def differences(connection: Connection) -> list[Any]:
        options = {"compare_type": True, "compare_server_default": True, "include_schemas": True}
        return compare_metadata(MigrationContext.configure(connection, opts=options), metadata)

    async with database.write() as connection:
        found = await connection.run_sync(differences)

    assert found == []


async def test_the_version_that_readiness_waits_for_is_the_newest(fresh: Callable[[str], Database]) -> None:
    database = fresh("versioned")

    before, after = await migrate(database)

    assert newest_version() == SCHEMA_VERSION
    assert (before, after) == (None, SCHEMA_VERSION)


async def test_migrating_again_changes_nothing(fresh: Callable[[str], Database]) -> None:
    database = fresh("twice")
    await migrate(database)
    first = await shape(database)

    again = await migrate(database)

    assert again == (SCHEMA_VERSION, SCHEMA_VERSION)
    assert await shape(database) == first


async def test_a_migration_that_fails_leaves_nothing(fresh: Callable[[str], Database]) -> None:
    database = fresh("half")
    async with database.write() as connection:
        await connection.execute(text("CREATE TABLE orders (id integer)"))  # in the way

    with pytest.raises(Exception, match="orders"):
        await migrate(database)

    async with database.read_fresh() as connection:
        tables = await connection.execute(
            text(
                "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1"
            )
        )
        assert list(tables.scalars()) == ["orders"]
        schemas = await connection.execute(
            text("SELECT count(*) FROM pg_namespace WHERE nspname IN ('accounts', 'jobs')")
        )
        assert schemas.scalar_one() == 0


async def test_tasks_that_migrate_at_once_wait_for_each_other(fresh: Callable[[str], Database]) -> None:
    database = fresh("tasks")

    results = await asyncio.gather(*(migrate(database) for _ in range(4)))

    assert sorted(results, key=str) == [(SCHEMA_VERSION, SCHEMA_VERSION)] * 3 + [(None, SCHEMA_VERSION)]


async def test_processes_that_migrate_at_once_wait_for_each_other(
    fresh: Callable[[str], Database], servers: Servers
) -> None:
    database = fresh("processes")
    environment = {**os.environ, **servers.environment("processes"), "CARTOGRAPH_DATA_DIR": "/nowhere"}

    async def run() -> tuple[int | None, str]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "app.cli", "migrate"),
            cwd=REPOSITORY,
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        return process.returncode, output.decode()

    results = await asyncio.gather(run(), run())

    assert sorted(results) == [
        (0, f"already at {SCHEMA_VERSION}\n"),
        (0, f"migrated from nothing to {SCHEMA_VERSION}\n"),
    ]
    assert (await shape(database))["columns"] != []
