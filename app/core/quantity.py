"""How many units of a variant a cart may hold. In core because the catalogue imports it and the cart enforces it."""

from __future__ import annotations

from dataclasses import dataclass

MAX_QUANTITY = 999  # of one cart line, whatever its variant allows


@dataclass(frozen=True, slots=True)
class QuantityRule:
    """The quantities that may be bought: minimum, minimum + step, … up to maximum.

    minimum, maximum: multiples of step; maximum counts all lines of the variant in a cart, None where there is none.
    """

    minimum: int = 1
    maximum: int | None = None
    step: int = 1

    @property
    def largest(self) -> int:
        """The most that one line may have."""
        limit = MAX_QUANTITY if self.maximum is None else min(self.maximum, MAX_QUANTITY)
        return limit - limit % self.step

    def allows(self, quantity: int) -> bool:
        """Whether a line may have so many units."""
        return self.minimum <= quantity <= self.largest and quantity % self.step == 0

    def fitting(self, quantity: int) -> int:
        """The most units that a line may have without exceeding this quantity; 0 where it is below the minimum."""
        fitting = min(quantity, self.largest)
        fitting -= fitting % self.step
        return fitting if fitting >= self.minimum else 0

    def __str__(self) -> str:
        steps = f" in steps of {self.step}" if self.step > 1 else ""
        return f"{self.minimum} to {self.largest}{steps}"


ANY_QUANTITY = QuantityRule()
