"""A process of the simulation: the tasks that end together when it is killed, without having a say in it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import ContextVar, copy_context
from typing import Any

CURRENT: ContextVar[Process | None] = ContextVar("CURRENT", default=None)


class ProcessDied(BaseException):
    """The process of this task is gone: whatever it still does has no effect any more."""


class Process:
    """Tasks that began in it, and theirs. killed: called when it is killed, before its tasks end."""

    def __init__(self, name: str, on_kill: Callable[[Process], None]) -> None:
        self.name = name
        self.is_alive = True
        self._on_kill = on_kill
        self._tasks: dict[asyncio.Task[Any], None] = {}

    def start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run a coroutine as a task of this process."""
        context = copy_context()
        context.run(CURRENT.set, self)
        return asyncio.get_running_loop().create_task(work, context=context)

    def adopt(self, task: asyncio.Task[Any]) -> None:
        """Take a task that began in this process for its own."""
        self._tasks[task] = None
        task.add_done_callback(lambda done: self._tasks.pop(done, None))

    def kill(self) -> None:
        """kill -9: no task does anything more that others can see."""
        if not self.is_alive:
            return
        self.is_alive = False
        self._on_kill(self)
        for task in list(self._tasks):
            task.cancel()

    def insist_on_life(self) -> None:
        """Raise ProcessDied where the process has been killed."""
        if not self.is_alive:
            raise ProcessDied(self.name)


def task_of_its_process(
    loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any], **options: Any
) -> asyncio.Task[Any]:
    """A task factory by which each task belongs to the process it began in."""
    context = options.get("context")
    process = context.get(CURRENT) if context is not None else CURRENT.get()
    task = asyncio.Task(coroutine, loop=loop, **options)
    if process is not None:
        process.adopt(task)
    return task
