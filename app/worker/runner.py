"""Runs every entry of the schedule again and again until it is told to stop.

A run that fails is logged and tried again after its pause; one entry's failure does not hold up another's. On stop,
runs that are under way end first.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from app import telemetry
from app.core.errors import OperationalError

PAUSE_AFTER_FAULT_SECONDS = 5.0

_log = telemetry.logger(__name__)


@dataclass(frozen=True, slots=True)
class Scheduled:
    """Something to do again and again. run: returns how much there was to do; more is asked for at once."""

    name: str
    every_seconds: float
    run: Callable[[], Awaitable[int]]


async def run_schedule(schedule: Sequence[Scheduled], stop: asyncio.Event) -> None:
    """Run every entry until `stop` is set."""
    async with asyncio.TaskGroup() as tasks:
        for entry in schedule:
            tasks.create_task(_repeat(entry, stop), name=entry.name)


async def _repeat(entry: Scheduled, stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            done = await entry.run()
            pause = 0.0 if done else entry.every_seconds
        except OperationalError as error:
            _log.warning("scheduled_run_postponed", name=entry.name, cause=str(error))
            pause = PAUSE_AFTER_FAULT_SECONDS
        except Exception as error:  # noqa: BLE001  the last edge: one broken run must not end the worker
            _log.error("scheduled_run_failed", name=entry.name, exc_info=error)
            pause = PAUSE_AFTER_FAULT_SECONDS
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), pause)
