"""The answers of keyed calls, so that the same call sent again gets the same bytes. See ADR-0015."""

from __future__ import annotations

from dataclasses import dataclass

from app import telemetry
from app.core.clock import Clock
from app.core.errors import OperationalError
from app.idempotency.domain import KEPT, Kept, KeyedCall, KeyTransactions

FORGET_BATCH = 1_000  # calls a statement

_log = telemetry.logger(__name__)


@dataclass(frozen=True, slots=True)
class KeepAnswers:
    """Find and keep answers."""

    transactions: KeyTransactions
    clock: Clock

    async def find(self, call: KeyedCall) -> bytes | None:
        """The answer that was sent to the same call, None where there is none."""
        async with self.transactions.read() as tx:
            return await tx.keys.find_answer(call, now=self.clock.now())

    async def keep(self, call: KeyedCall, answer: bytes, *, has_effect: bool) -> bytes | None:
        """The answer to send: this one, or the one that was kept before it; None to make the call again.

        An answer that cannot be kept is sent all the same: the call has taken effect, and sent again it would not a
        second time.
        """
        try:
            async with self.transactions.read() as tx:
                kept = await tx.keys.keep_answer(call, answer, now=self.clock.now(), has_effect=has_effect)
        except OperationalError as error:
            _log.warning("answer_not_kept", cause=str(error))
            return answer
        if isinstance(kept, bytes):
            return kept
        return answer if kept is Kept.OURS else None


@dataclass(frozen=True, slots=True)
class ForgetCalls:
    """Forget keyed calls once their time is over."""

    transactions: KeyTransactions
    clock: Clock

    async def __call__(self) -> int:
        """Forget one batch; returns how many calls there were."""
        async with self.transactions.begin() as tx:
            return await tx.keys.forget(self.clock.now() - KEPT, limit=FORGET_BATCH)
