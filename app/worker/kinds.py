"""The kinds of jobs that the worker runs: one table. A kind that is not in it is left for a worker that knows it."""

from __future__ import annotations

from app.jobs.domain import JobKind


def job_kinds() -> list[JobKind]:
    """Every kind: its handler, how often it is tried, how many of it run at once."""
    return []
