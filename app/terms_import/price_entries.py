"""Price lists in files: what an entry may say, and the list prices that it sets."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

import msgspec

from app.catalog.price_book import ListPrice
from app.core.money import Currency
from app.terms_import.amounts import Misfit, ShopFacts


class PriceEntry(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """Prices of one variant, by currency; null removes one."""

    sku: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    price: Annotated[dict[str, Decimal | None], msgspec.Meta(min_length=1)]
    compare_at_price: dict[str, Decimal] = {}


def list_prices_of(entry: PriceEntry, shop: ShopFacts) -> dict[Currency, ListPrice | None]:
    """The list prices of an entry. Raises Misfit."""
    prices: dict[Currency, ListPrice | None] = {}
    for code, amount in entry.price.items():
        if amount is not None:
            prices[Currency(code)] = ListPrice(shop.minor(amount, code, f".price.{code}"))
        elif code == shop.own_currency:
            raise Misfit(f".price.{code}", "a product has a price in the shop's own currency")
        else:
            prices[Currency(code)] = None
    for code, amount in entry.compare_at_price.items():
        path = f".compareAtPrice.{code}"
        price, compare_at = prices.get(Currency(code)), shop.minor(amount, code, path)
        if price is None or compare_at < price.minor:
            raise Misfit(path, "is below the price" if price else "has no price to be compared with")
        if compare_at > price.minor:
            prices[Currency(code)] = ListPrice(price.minor, compare_at)
    return prices
