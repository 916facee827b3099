"""What a run of the reconciler has to say."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from app.payments.findings import Finding


@dataclass(slots=True)
class ReconcileReport:
    """What one run has seen and done.

    payments: of the provider, compared; open_attempts: that have not ended; overdue: of these; repaired: by what was
    done; found, known: findings that are new, and that had been there; moved_on: payments that somebody else settled
    meanwhile; failed: that could not be looked at.
    """

    payments: int = 0
    open_attempts: int = 0
    overdue: int = 0
    repaired: Counter[str] = field(default_factory=Counter)
    found: list[Finding] = field(default_factory=list)
    known: int = 0
    moved_on: int = 0
    failed: int = 0

    @property
    def is_clean(self) -> bool:
        """Whether there was nothing to do, and nothing new to tell."""
        return not (self.repaired or self.found or self.failed)
