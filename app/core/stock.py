"""How a variant's stock is counted. In core because the catalogue imports it and the inventory enforces it."""

from __future__ import annotations

from enum import Enum


class StockPolicy(Enum):
    """What happens when nothing is left."""

    DENY = "deny"  # sold out at zero
    BACKORDER = "backorder"  # sold past zero, delivered later
    UNTRACKED = "untracked"  # never counted: downloads, services, made to order
