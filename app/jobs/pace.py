"""Calls spread out over time, by all processes together: each takes the next free place in a row of the database.

A provider counts what all workers send it. They share the primary already, so it keeps the places; nobody needs to know
how many workers there are, and a worker without the database has no jobs either.
"""

from __future__ import annotations

import asyncio

from sqlalchemy import text

from app.database.engine import Database

_TAKE = text("""
    INSERT INTO jobs.pace AS pace (name, free_at) VALUES (:name, clock_timestamp() + make_interval(secs => :step))
    ON CONFLICT (name) DO UPDATE
    SET free_at = greatest(pace.free_at, clock_timestamp()) + make_interval(secs => :step)
    RETURNING extract(epoch FROM free_at - clock_timestamp())::float - :step
""")


class Pace:
    """At most so many turns a second, evenly spaced. Concurrency: any number of tasks and processes."""

    def __init__(self, database: Database, name: str, *, per_second: float) -> None:
        self._database = database
        self._name = name
        self._step = 1 / per_second

    async def turn(self) -> None:
        """Return when it is this caller's turn. Raises DatabaseUnavailable; the turn is lost where it is cancelled."""
        async with self._database.read_fresh() as connection:  # one statement, which commits by itself
            wait = await connection.scalar(_TAKE, {"name": self._name, "step": self._step})
        if wait is not None and wait > 0:
            await asyncio.sleep(wait)
