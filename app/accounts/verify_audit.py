"""Verify the audit log: walk the chain from its first entry and say what does not fit. See ADR-0033."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from app.accounts.audit import Chain, Entry, Head
from app.accounts.ports import AccountTransactions

MAX_FAULTS = 20  # told: after a break, whoever looks will look at all of it


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What was found. entries: how many there are; head: of what is there, to be noted elsewhere."""

    entries: int
    head: Head
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class VerifyAudit:
    """Check every entry."""

    transactions: AccountTransactions
    chain: Chain

    async def __call__(self, noted: Head | None = None) -> AuditReport:
        """The report. noted: a head that was noted elsewhere before; the log must still contain it."""
        walk = _Walk(self.chain, noted)
        async with self.transactions.begin() as tx:  # of one moment
            async for entry in tx.audit.entries():
                walk.step(entry)
            walk.end(await tx.audit.head())
        return AuditReport(walk.count, Head(walk.seq, walk.digest), tuple(walk.faults[:MAX_FAULTS]))


class _Walk:
    def __init__(self, chain: Chain, noted: Head | None) -> None:
        self.count, self.seq, self.digest = 0, 0, b""
        self.faults: list[str] = []
        self._chain = chain
        self._noted = noted

    def step(self, entry: Entry) -> None:
        expected = self.seq + 1
        if entry.seq != expected:
            missing = str(expected) if entry.seq == expected + 1 else f"{expected} to {entry.seq - 1}"
            self.faults.append(f"entry {missing}: missing")
        elif not hmac.compare_digest(entry.digest, self._chain.digest(self.digest, entry.seq, entry.event)):
            self.faults.append(f"entry {entry.seq}: changed, put in, or the one before was")
        self._hold_against_note(entry)
        self.count, self.seq, self.digest = self.count + 1, entry.seq, entry.digest

    def _hold_against_note(self, entry: Entry) -> None:
        noted = self._noted
        if noted is not None and entry.seq == noted.seq and not hmac.compare_digest(entry.digest, noted.digest):
            self.faults.append(f"entry {entry.seq}: not the one that was noted")

    def end(self, head: Head) -> None:
        if head.seq > self.seq:
            self.faults.append(f"entry {self.seq + 1} to {head.seq}: missing at the end")
        elif head.seq < self.seq or not hmac.compare_digest(head.digest, self.digest):
            self.faults.append("the end of the log is not the one that was noted when it was written")
        if self._noted is not None and self._noted.seq > self.seq:
            self.faults.append(f"entry {self.seq + 1} to {self._noted.seq}: missing, they were there when it was noted")
