"""The queue on the side that takes from it: pgqueuer, on our tables. See ADR-0026."""

from __future__ import annotations

from pgqueuer.domain.settings import DBSettings, Durability

from app.database import job_tables

SETTINGS = DBSettings(
    prefix="",
    db_schema=job_tables.SCHEMA,
    queue_table=job_tables.job.name,
    queue_table_log=job_tables.job_log.name,
    queue_status_type=str(job_tables.job_status.name),
    durability=Durability.durable,
)
