"""Containers that a transaction writes to: what it wrote over what is committed, as READ COMMITTED shows it.

A write takes the lock of its record and raises `WouldBlock` where another transaction has it: the statement is then
undone, waits, and runs again on what is committed by then, which is what PostgreSQL does with a row that was locked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, MutableMapping, MutableSequence, Sequence
from typing import Any

from app.jobs.domain import merged

Take = Callable[[object], None]
Written = Callable[[str, object, Any, Any], None]
_GONE: Any = object()


class OverlayDict(MutableMapping[Any, Any]):
    """A table: key → record. take: takes a record's lock; on_write: told of every write."""

    def __init__(self, name: str, committed: dict[Any, Any], take: Take, on_write: Written) -> None:
        self.name = name
        self.written: dict[Any, Any] = {}
        self._committed = committed
        self._take = take
        self._on_write = on_write
        self.hidden: Callable[[object], bool] = lambda _: False

    def __getitem__(self, key: Any) -> Any:
        record = self.written.get(key, _GONE) if key in self.written else self._committed[key]
        if record is _GONE or self.hidden((self.name, key)):
            raise KeyError(key)
        return record

    def __setitem__(self, key: Any, record: Any) -> None:
        self._take((self.name, key))
        self._on_write(self.name, key, self.get(key), record)
        self.written[key] = record

    def __delitem__(self, key: Any) -> None:
        before = self[key]
        self._take((self.name, key))
        self._on_write(self.name, key, before, None)
        self.written[key] = _GONE

    def __iter__(self) -> Iterator[Any]:
        for key in [*self._committed, *(key for key in self.written if key not in self._committed)]:
            if self.written.get(key) is not _GONE and not self.hidden((self.name, key)):
                yield key

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __ior__(self, records: Any) -> OverlayDict:
        self.update(records)
        return self

    def savepoint(self) -> dict[Any, Any] | None:
        """What has been written so far; None for nothing, which is the most usual."""
        return dict(self.written) if self.written else None

    def roll_back_to(self, savepoint: dict[Any, Any] | None) -> None:
        """Forget what was written since."""
        self.written = dict(savepoint or {})

    def changes(self) -> dict[Any, tuple[Any, Any]]:
        """Key → the committed record and the written one, None where there is none."""
        return {
            key: (self._committed.get(key), None if record is _GONE else record) for key, record in self.written.items()
        }

    def apply(self) -> None:
        """Commit."""
        for key, record in self.written.items():
            if record is _GONE:
                self._committed.pop(key, None)
            else:
                self._committed[key] = record


class OverlayList(MutableSequence[Any]):
    """A table without keys: rows are added and removed."""

    def __init__(self, name: str, committed: list[Any]) -> None:
        self.name = name
        self._committed = committed
        self._added: list[Any] = []
        self._removed: list[Any] = []

    def _rows(self) -> list[Any]:
        rows = [*self._committed, *self._added]
        for row in self._removed:
            if row in rows:
                rows.remove(row)
        return rows

    def assign(self, rows: Sequence[Any]) -> None:
        """Have these rows instead, as a use of `books.table = rows` says."""
        before = self._rows()
        self._removed += [row for row in before if row not in rows]
        self._added += [row for row in rows if row not in before]

    def __getitem__(self, place: Any) -> Any:
        return self._rows()[place]

    def __setitem__(self, place: Any, row: Any) -> None:
        self._removed.append(self._rows()[place])
        self._added.append(row)

    def __delitem__(self, place: Any) -> None:
        self._removed.append(self._rows()[place])

    def __len__(self) -> int:
        return len(self._rows())

    def __iter__(self) -> Iterator[Any]:
        return iter(self._rows())

    def insert(self, index: int, value: Any) -> None:
        """Add a row; the order of rows is that of their commits."""
        self._added.append(value)

    def __iadd__(self, rows: Iterable[Any]) -> OverlayList:
        self.extend(rows)
        return self

    def savepoint(self) -> tuple[list[Any], list[Any]] | None:
        """What has been added and removed so far; None for nothing."""
        return (list(self._added), list(self._removed)) if self._added or self._removed else None

    def roll_back_to(self, savepoint: tuple[list[Any], list[Any]] | None) -> None:
        """Forget what was written since."""
        added, removed = savepoint or ((), ())
        self._added, self._removed = list(added), list(removed)

    def apply(self) -> None:
        """Commit."""
        rows = self._rows()
        self._committed[:] = merged((), rows) if self.name == "jobs" else rows  # one job waits of each key
