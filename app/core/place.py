"""Where something is sold to: what delivery and taxes depend on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """A country (ISO 3166-1 alpha-2) and, where it is known, a region as the buyer wrote it.

    is_address: whether it is a buyer's address, not a guess from where they look at the shop.
    """

    country_code: str
    region: str | None = None
    is_address: bool = False

    @property
    def region_key(self) -> str | None:
        """The region as tables hold it: without regard to case and spaces around it."""
        return self.region.strip().casefold() if self.region and self.region.strip() else None
