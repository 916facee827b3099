"""Passwords by Argon2id: what is hashed, where, and how many wait for it.

Argon2id at the OWASP minimum: 19 MiB, two passes, one lane. Hashing runs in threads of its own, two at a time; WAITING
more may wait, and the next one is turned away at once, so that sign-ins take neither the machine nor each other's time.
Source: OWASP Password Storage Cheat Sheet; RFC 9106.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from app import telemetry
from app.core.errors import AccountsBusy

AT_ONCE = 2  # of 19 MiB and about 20 ms each
WAITING = 40  # about half a second's work: who waits longer gives up, and its hash is for nobody

P = ParamSpec("P")
T = TypeVar("T")


class Argon2Passwords:
    """`Passwords` by Argon2id. Safe for any number of tasks at once."""

    def __init__(self, *, time_cost: int = 2, memory_kib: int = 19 * 1024) -> None:
        self._hasher = PasswordHasher(time_cost=time_cost, memory_cost=memory_kib, parallelism=1, type=Type.ID)
        self._nobody = self._hasher.hash("the password of nobody")
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="argon2")
        self._asked = 0

    async def hash(self, password: str) -> str:
        """A hash to store."""
        return await self._in_a_thread(self._hasher.hash, password)

    async def matches(self, password_hash: str | None, password: str) -> bool:
        """Whether the password is the hashed one; as slow for None, the hash of nobody."""
        same = await self._in_a_thread(self._verify, password_hash or self._nobody, password)
        return same and password_hash is not None

    def is_outdated(self, password_hash: str) -> bool:
        """Whether a hash was made with other parameters than new ones are."""
        return self._hasher.check_needs_rehash(password_hash)

    def _verify(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _in_a_thread(self, work: Callable[P, T], *args: P.args, **_: P.kwargs) -> T:
        if self._asked >= AT_ONCE + WAITING:
            telemetry.PASSWORDS_HASHED.labels("shed").inc()
            raise AccountsBusy("more passwords wait to be checked than there is room for")
        self._asked += 1
        try:
            result = await asyncio.get_running_loop().run_in_executor(self._threads, work, *args)
        finally:
            self._asked -= 1
        telemetry.PASSWORDS_HASHED.labels("hashed").inc()
        return result
