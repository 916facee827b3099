"""Bring the database's schema to the newest version with Alembic.

Migrations hold a lock while they run, so that several processes may start at once: one migrates, the others find
nothing left to do. Only the schema is migrated here; filling data is a job for a command. See ADR-0001.
"""

from __future__ import annotations

from importlib.resources import files

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.database.engine import Database

_TABLE_LOCK_SECONDS = 2
_LOCK = 0x0CA_470_6A  # any number, the same for every process of every version


async def migrate(database: Database) -> tuple[str | None, str]:
    """Upgrade to the newest schema; returns the version before and after.

    Concurrency: under an advisory lock of its transaction; a failure leaves the schema as it was.
    """
    async with database.write_at_leisure() as connection:
        await connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        await connection.execute(text("SET LOCAL lock_timeout = 0"))
        await connection.execute(select(text(f"pg_advisory_xact_lock({_LOCK})")))
        # a change that waits for a table makes every shopper behind it wait too: better to fail and try again
        await connection.execute(text(f"SET LOCAL lock_timeout = '{_TABLE_LOCK_SECONDS}s'"))
        before = await _version(connection)
        await connection.run_sync(_upgrade)
        after = await _version(connection)
    return before, str(after)


def newest_version() -> str:
    """The version that `migrate` brings the schema to."""
    return str(ScriptDirectory.from_config(_config()).get_current_head())


async def _version(connection: AsyncConnection) -> str | None:
    return await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())


def _upgrade(connection: Connection) -> None:
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(files("migrations")))
    config.set_main_option("path_separator", "os")
    return config
