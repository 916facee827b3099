"""Several coroutines awaited at once, as graphql-core's `gather_with_cancel` does it, for less CPU."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any


async def all_of(coroutines: Iterable[Coroutine[Any, Any, object]]) -> list[object]:
    """What they give, in their order. coroutines: one at least.

    Raises the first error, once the others were canceled and have ended; CancelledError if it is canceled, whatever
    they make of that.
    """
    loop = asyncio.get_running_loop()
    tasks = [loop.create_task(each) for each in coroutines]
    try:
        await _Together(tasks, loop)
    except Exception:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
    return [task.result() for task in tasks]


class _Together(asyncio.Future[None]):
    """Done as soon as all tasks are, or one has failed; to cancel it is to cancel them."""

    def __init__(self, tasks: list[asyncio.Task[object]], loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop=loop)
        self._tasks = tasks
        self._unfinished = len(tasks)
        self._is_canceled = False
        end = self._end
        for task in tasks:
            task.add_done_callback(end)

    def cancel(self, msg: Any | None = None) -> bool:  # noqa: ANN401  as it is declared
        """Whether there was anything left to cancel."""
        if self.done():
            return False
        canceled = [task.cancel(msg) for task in self._tasks]
        self._is_canceled = self._is_canceled or any(canceled)
        return any(canceled)

    def _end(self, task: asyncio.Task[object]) -> None:
        self._unfinished -= 1
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        if self.done():
            return
        if error is not None:
            self.set_exception(error)
        elif self._unfinished:
            return
        elif self._is_canceled:
            self.set_exception(asyncio.CancelledError())
        else:
            self.set_result(None)
