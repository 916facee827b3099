"""What every group of commands needs: how to add one, and how to run its work on a shop."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from app.bootstrap import Shop

OK, FAILED, USAGE = 0, 1, 2


class Add(Protocol):
    """Adds a command to the parser."""

    def __call__(self, name: str, text: str, run: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        """The command's own parser. run: what it does with its options; returns the exit code."""
        ...


class WithShop(Protocol):
    """Runs work on a shop that the environment's settings make, and closes it."""

    def __call__(self, work: Callable[[Shop], Coroutine[Any, Any, int]], *, log_level: str = "WARNING") -> int:
        """The exit code that the work returns."""
        ...
