"""Keep the index's counts and popularity: what the worker does every hour, and nobody waits for.

A sale never writes to the index. Popularity moves in steps here, and words and facets are counted anew, from a sample
in large catalogues; what is counted only chooses between plans and between suggestions. See ADR-0020.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import text

from app.catalog import upkeep_sql as sql
from app.core.clock import Clock
from app.database.engine import Database

SALES_DAYS = 30
LEAST_IN_STEP = 1_000  # products of the newest step by time, before another one begins
_AHEAD = timedelta(minutes=1)  # of any statement that is under way
_BATCH = 5_000  # products whose popularity one transaction looks at


@dataclass(frozen=True, slots=True)
class RefreshSearch:
    """Bring the index's counts and steps of popularity up to date."""

    database: Database
    clock: Clock

    async def __call__(self) -> int:
        """How many products moved to another step. Safe to run at any time, and beside itself."""
        moved = await self._restep()
        async with self.database.write_at_leisure() as connection:
            count = (await connection.execute(sql.PRODUCT_COUNT)).scalar_one()
            bounds = (await connection.execute(sql.TIER_BOUNDS)).scalar_one()
            state = {"product_count": count, "tier_popularity": bounds, "now": self.clock.now()}
            await connection.execute(sql.SET_STATE, state)
            await connection.execute(sql.SET_TIERS)
            edge = self.clock.now() + _AHEAD
            await connection.execute(sql.ADD_TIME_STEP, {"edge": edge, "least": LEAST_IN_STEP})
        async with self.database.write_at_leisure() as connection:
            for statement in sql.count_statements(sampled=count > sql.SAMPLED_FROM):
                await connection.execute(text(statement.replace(":", r"\:")))
        return moved

    async def _restep(self) -> int:
        since = self.clock.now() - timedelta(days=SALES_DAYS)
        after, moved = 0, 0
        while True:
            async with self.database.write() as connection:
                batch = {"after": after, "size": _BATCH}
                upto = (await connection.execute(sql.NEXT_ID, batch)).scalar()
                if upto is None:
                    return moved
                result = await connection.execute(sql.RESTEP, {"after": after, "upto": upto, "since": since})
            moved += result.rowcount
            after = upto
