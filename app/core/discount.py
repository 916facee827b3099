"""Why a discount code does not apply: a word that errors and promotions share."""

from __future__ import annotations

from enum import Enum


class DiscountReason(Enum):
    """Why a discount code does not apply."""

    UNKNOWN = "UNKNOWN"
    EXPIRED = "EXPIRED"
    NOT_STARTED = "NOT_STARTED"
    USAGE_LIMIT = "USAGE_LIMIT"
    FIRST_ORDER_ONLY = "FIRST_ORDER_ONLY"
    NO_ELIGIBLE_ITEM = "NO_ELIGIBLE_ITEM"
    MINIMUM_NOT_MET = "MINIMUM_NOT_MET"
    NOT_COMBINABLE = "NOT_COMBINABLE"
