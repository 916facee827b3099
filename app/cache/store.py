"""The port to a cache server. A cache never fails its user: what it cannot answer, it has not got."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol


class CacheStore(Protocol):
    """Bytes under keys, for a while."""

    async def get_many(self, names: Sequence[str]) -> list[bytes | None]:
        """What is stored under each name, None where nothing is, or where the server does not answer in time."""
        ...

    def put_many(self, entries: Mapping[str, bytes], *, seconds: int) -> None:
        """Store entries for so long, soon: nobody waits. Nothing happens where the server does not answer in time."""
        ...

    async def ping(self) -> bool:
        """Whether the server answers."""
        ...

    async def drop_tags(self, tags: Iterable[str]) -> None:
        """Make every entry that carries one of these tags stale."""
        ...
