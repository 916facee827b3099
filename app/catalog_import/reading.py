"""What reading a file gives, one item a product: a draft, a rejection with its faults, or a product left out."""

from __future__ import annotations

from dataclasses import dataclass

from app.catalog.domain import DraftFault, ProductDraft
from app.core.money import Currency


@dataclass(frozen=True, slots=True)
class Rejection:
    """A product that cannot be imported, and why: one fault or more."""

    faults: tuple[DraftFault, ...]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A product whose author does not want it in a shop, such as a draft. source: where it was read."""

    source: str


Item = ProductDraft | Rejection | LeftOut


@dataclass(frozen=True, slots=True)
class Currencies:
    """The currencies that the shop sells in, and the one of prices that name none."""

    default: Currency
    allowed: frozenset[str]
