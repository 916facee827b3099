"""What each section of a terms file holds, and how an entry of it is stored: one transaction each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from app.catalog.price_book import ListPrice
from app.core.errors import InvalidInput
from app.core.money import Currency
from app.promotions.domain import PromotionWriter
from app.shipping.domain import DeliveryWriter
from app.taxes.domain import TaxWriter
from app.terms_import.amounts import Misfit, ShopFacts
from app.terms_import.delivery_entries import ZoneEntry, zone_of
from app.terms_import.price_entries import PriceEntry, list_prices_of
from app.terms_import.promotion_entries import PromotionEntry, promotion_of
from app.terms_import.run_import import Outcome, Section
from app.terms_import.tax_entries import CountryEntry, country_of


class TermsTransaction(Protocol):
    """What storing terms needs of a transaction."""

    @property
    def delivery(self) -> DeliveryWriter:
        """Delivery methods."""
        ...

    @property
    def taxes(self) -> TaxWriter:
        """Tax rates."""
        ...

    @property
    def promotion_drafts(self) -> PromotionWriter:
        """Promotions."""
        ...


class TermsTransactions(Protocol):
    """Opens transactions for terms."""

    def begin(self) -> AbstractAsyncContextManager[TermsTransaction]:
        """One transaction: committed on normal exit, rolled back on any exception."""
        ...


class PriceSetter(Protocol):
    """Sets list prices, in a transaction of its own."""

    async def __call__(self, sku: str, prices: Mapping[Currency, ListPrice | None], *, dry_run: bool = False) -> bool:
        """Returns whether anything changed. Raises InvalidInput for an unknown sku."""
        ...


class _RolledBack(Exception):
    """Ends a dry run's transaction."""


@dataclass(frozen=True, slots=True)
class StoreTerms:
    """Stores entries. dry_run: find out what that would do, and undo it."""

    transactions: TermsTransactions
    set_prices: PriceSetter
    shop: ShopFacts
    dry_run: bool = False

    def sections(self) -> Mapping[str, Section]:
        """Every section that a file may have."""
        return {
            "delivery": Section(ZoneEntry, self._store_zone),
            "taxes": Section(CountryEntry, self._store_country),
            "prices": Section(PriceEntry, self._store_prices),
            "promotions": Section(PromotionEntry, self._store_promotion),
        }

    async def _store_zone(self, entry: ZoneEntry) -> Outcome:
        zone = zone_of(entry, self.shop)
        return await self._stored(lambda tx: tx.delivery.store_zone(zone))

    async def _store_country(self, entry: CountryEntry) -> Outcome:
        country = country_of(entry)
        return await self._stored(lambda tx: tx.taxes.store_country(country))

    async def _store_prices(self, entry: PriceEntry) -> Outcome:
        prices = list_prices_of(entry, self.shop)
        try:
            changed = await self.set_prices(entry.sku, prices, dry_run=self.dry_run)
        except InvalidInput as error:
            raise Misfit(_path(error.field), error.message) from error
        return Outcome.CHANGED if changed else Outcome.UNCHANGED

    async def _store_promotion(self, entry: PromotionEntry) -> Outcome:
        promotion = promotion_of(entry, self.shop)
        return await self._stored(lambda tx: tx.promotion_drafts.store(promotion))

    async def _stored(self, store: Callable[[TermsTransaction], Awaitable[bool]]) -> Outcome:
        outcome = Outcome.UNCHANGED
        try:
            async with self.transactions.begin() as tx:
                if await store(tx):
                    outcome = Outcome.CHANGED
                if self.dry_run:
                    raise _RolledBack
        except _RolledBack:
            pass
        except InvalidInput as error:  # only the database knows
            raise Misfit(_path(error.field), error.message) from error
        return outcome


def _path(field: Sequence[str]) -> str:
    return "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in field)
