"""Show how far an import is: a bar on a terminal, a plain line now and then everywhere else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from app.catalog_import.report import ImportProgress, ReportProgress

_LINE_EVERY_PERCENT = 25  # in a log, four lines a file say enough


@contextmanager
def shown_progress(stream: TextIO) -> Iterator[ReportProgress]:
    """A reporter that writes to this stream, usually standard error."""
    if not stream.isatty():
        yield _PlainLines(stream)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(file=stream), transient=True) as progress:
        yield _Bars(progress)


class _PlainLines:
    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._said: dict[str, int] = {}

    def __call__(self, progress: ImportProgress) -> None:
        percent = 100 * progress.bytes_read // max(progress.size_bytes, 1)
        step = min(percent, 100) // _LINE_EVERY_PERCENT * _LINE_EVERY_PERCENT
        if step > self._said.get(progress.file, 0):
            self._said[progress.file] = step
            self._stream.write(f"{progress.file}: {step} % read, {progress.products:,} products\n")
            self._stream.flush()


class _Bars:
    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, progress: ImportProgress) -> None:
        task = self._tasks.get(progress.file)
        if task is None:
            task = self._progress.add_task(progress.file.replace("[", r"\["), total=progress.size_bytes)
            self._tasks[progress.file] = task
        self._progress.update(task, completed=progress.bytes_read)
