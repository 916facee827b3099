"""Scripted failures of the API, before, during or after a request executes.

before  the request never reached the operation: nothing happened, nothing is remembered
during  its idempotency key is in use: an error is remembered though nothing happened; a pause lets a second request
        find the key in use, and the request still executes after it
after   it executed and is remembered: only the client does not learn it, or learns something else

A script is used up by the requests that it hit; `hits` says how many, so a test can tell that its fault took place.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import msgspec

Mode = Literal["refuse", "hang", "slow", "500", "503", "429", "truncate", "lost", "processing"]
When = Literal["before", "during", "after"]

_ALLOWED: Mapping[Mode, tuple[When, ...]] = {  # the first is the default
    "refuse": ("before",),  # the connection is closed
    "hang": ("before", "during", "after"),  # silence for `seconds`, then the connection is closed
    "slow": ("before", "during", "after"),  # silence for `seconds`, then the answer
    "500": ("before", "during", "after"),
    "503": ("before", "during", "after"),
    "429": ("before",),  # with Retry-After
    "truncate": ("after",),  # half of the JSON
    "lost": ("after",),  # the connection is closed
    "processing": ("during",),  # the bank does not answer within the request: the PaymentIntent is `processing`
}
_DEFAULT_SECONDS = 30.0  # longer than any shop waits
_MAX_SECONDS = 3600.0


class InvalidFault(Exception):
    """A script that means nothing."""


@dataclass(frozen=True, slots=True)
class FaultScript:
    """One failure.

    match: a regular expression for the whole of `METHOD /path`.
    times: how many requests it hits; None is all until it is cleared. skip: how many matching ones go free before.
    """

    id: str
    mode: Mode
    when: When
    match: str = ".*"
    times: int | None = 1
    skip: int = 0
    seconds: float = _DEFAULT_SECONDS
    retry_after_seconds: int = 1
    hits: int = 0


class FaultRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A script as it was asked for; a struct, because a misspelt name in it must not pass."""

    mode: Mode
    when: When | None = None
    match: str = ".*"
    times: int | None = 1
    skip: int = 0
    seconds: float = _DEFAULT_SECONDS
    retry_after_seconds: int = 1


@dataclass(slots=True)
class Faults:
    """The scripts in force, in the order in which they were added; the first that matches hits."""

    _scripts: dict[str, FaultScript] = field(default_factory=dict)
    _healed: asyncio.Event = field(default_factory=asyncio.Event)
    _added: int = 0

    def add(self, request: FaultRequest) -> FaultScript:
        """Put a script in force; raises InvalidFault."""
        allowed = _ALLOWED[request.mode]
        when = request.when or allowed[0]
        if when not in allowed:
            raise InvalidFault(f"{request.mode} can only happen {' or '.join(allowed)} execution")
        if not 0 < request.seconds <= _MAX_SECONDS:
            raise InvalidFault(f"seconds: above 0, at most {_MAX_SECONDS:g}")
        if request.skip < 0 or (request.times is not None and request.times < 1):
            raise InvalidFault("times: 1 or more, or null; skip: 0 or more")
        try:
            re.compile(request.match)
        except re.error as error:
            raise InvalidFault(f"match: {error}") from error
        self._added += 1
        script = FaultScript(
            id=f"fault_{self._added}",
            mode=request.mode,
            when=when,
            match=request.match,
            times=request.times,
            skip=request.skip,
            seconds=request.seconds,
            retry_after_seconds=request.retry_after_seconds,
        )
        self._scripts[script.id] = script
        return script

    def take(self, method: str, path: str) -> FaultScript | None:
        """The script that hits this request, counted as a hit."""
        for script in self._scripts.values():
            is_spent = script.times is not None and script.hits >= script.times
            if is_spent or not re.fullmatch(script.match, f"{method} {path}"):
                continue
            if script.skip:
                self._scripts[script.id] = replace(script, skip=script.skip - 1)
                continue
            hit = self._scripts[script.id] = replace(script, hits=script.hits + 1)
            return hit
        return None

    def scripts(self) -> list[FaultScript]:
        """Every script since the last `clear`, used up or not."""
        return list(self._scripts.values())

    def clear(self) -> None:
        """Heal: forget every script and end every pause at once."""
        self._scripts.clear()
        self._healed.set()
        self._healed = asyncio.Event()

    async def pause(self, seconds: float) -> None:
        """Wait, but not longer than until everything heals."""
        try:
            await asyncio.wait_for(self._healed.wait(), timeout=seconds)
        except TimeoutError:
            return
