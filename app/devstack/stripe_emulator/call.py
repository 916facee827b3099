"""One API request as an operation sees it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from app.devstack.stripe_emulator.changes import Changes
from app.devstack.stripe_emulator.parameters import Parameters
from app.devstack.stripe_emulator.records import Json


@dataclass(frozen=True, slots=True)
class Call:
    """What an operation may read and change.

    path: the request's path, which list answers repeat. path_id: what stands for `:id` in it.
    public_url: where a buyer's browser reaches the emulator.
    bank_is_slow: the bank's answer to a charge does not come within this request.
    """

    changes: Changes
    params: Parameters
    path: str
    path_id: str
    public_url: str
    bank_is_slow: bool = False


Run = Callable[[Call], Json]
