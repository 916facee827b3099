"""The plan of a statement for all values at once, as a driver's prepared statements get it after five executions."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import TextClause, text

from app.bootstrap import Shop


async def generic_plan(shop: Shop, statement: TextClause, parameters: Mapping[str, tuple[str, str]]) -> str:
    """What was executed of it, line by line. parameters: by name, each with its type and its value, both in SQL."""
    body = str(statement)
    for place, name in enumerate(parameters, 1):
        body = body.replace(f":{name}", f"${place}")
    types = ", ".join(kind for kind, _ in parameters.values())
    values = ", ".join(value for _, value in parameters.values())
    prepared = f"PREPARE planned ({types}) AS {body}".replace(":", r"\:")
    async with shop.database.write() as connection:
        await connection.execute(text("SET LOCAL plan_cache_mode = force_generic_plan"))
        await connection.execute(text(prepared))
        explained = await connection.execute(text(f"EXPLAIN (ANALYZE, BUFFERS OFF) EXECUTE planned ({values})"))
        lines = [line for line in explained.scalars() if "never executed" not in line]
        await connection.execute(text("DEALLOCATE planned"))
    return "\n".join(lines)
