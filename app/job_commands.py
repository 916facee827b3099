"""What `cartograph jobs` does, given a shop: list, retry, remove."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from app.bootstrap import Shop
from app.jobs.domain import JobReport, JobState

OK = 0
_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


async def list_jobs(shop: Shop, *, only_dead: bool, limit: int) -> int:
    """A line for each job, the dead ones first; then how many there are."""
    now = shop.clock.now()
    states = [JobState.DEAD] if only_dead else [JobState.DEAD, JobState.RUNNING, JobState.WAITING]
    for report in await shop.job_desk.listed(states, limit=limit):
        print(_line(report, now))
    counts = await shop.job_desk.counts()
    dead, running, due = (sum(getattr(count, name) for count in counts) for name in ("dead", "running", "waiting"))
    print(f"{dead:,} dead, {running:,} running, {due:,} due and waiting")
    return OK


async def retry_jobs(shop: Shop, ids: Sequence[int]) -> int:
    """Have the worker run these at once, with all their tries; all that are named or none."""
    await shop.job_desk.retry(ids)
    print(f"{len(set(ids)):,} are run now, or as soon as there is a worker")
    return OK


async def remove_jobs(shop: Shop, ids: Sequence[int]) -> int:
    """Remove these, undone; all that are named or none."""
    await shop.job_desk.remove(ids)
    print(f"{len(set(ids)):,} removed")
    return OK


def _line(report: JobReport, now: datetime) -> str:
    what = report.kind if report.recurring or report.key is None else f"{report.kind} {report.key}"
    age = "recurring" if report.recurring else f"{_span(now - report.created_at)} old"
    until_due, since = _span(report.due_at - now), _span(now - report.due_at)
    when = {
        JobState.DEAD: f"died {since} ago",
        JobState.RUNNING: f"running for {since}",
        JobState.WAITING: f"due in {until_due}" if report.due_at > now else f"due for {since}",
    }[report.state]
    tries = f"{report.tries} {'try' if report.tries == 1 else 'tries'}"
    parts = [f"{report.id:>8}", f"{report.state.value:7}", what, age, tries, when]
    return "  ".join(parts if report.error is None else [*parts, report.error])


def _span(time: timedelta) -> str:
    """A length of time in its largest unit."""
    seconds = max(int(time.total_seconds()), 0)
    unit, length = next(((unit, length) for unit, length in _UNITS if seconds >= length), _UNITS[-1])
    return f"{seconds // length} {unit}"
