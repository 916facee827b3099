"""The loaders of one request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.catalog.domain import CatalogReader, Category, CategoryPlace, PriceRange, Product, Variant, VariantPrice
from app.catalog.labels import FacetLabels, LabelReader
from app.core.ids import AttemptId, CartId, CategoryId, CustomerId, OrderId, ProductId, VariantId
from app.core.money import Currency, Money
from app.inventory.domain import StockLevel, StockReader
from app.orders.domain import Order, OrderEvent, OrderReader
from app.payments.domain import AttemptReader, PaymentAttempt
from app.payments.refunds import RefundReader
from dataloaders.batching import Loader, Turns


@dataclass(frozen=True, slots=True)
class Readers:
    """The ports that loaders read through; the same for every request."""

    catalog: CatalogReader
    stock: StockReader
    orders: OrderReader
    attempts: AttemptReader
    refunds: RefundReader
    labels: LabelReader


class Loaders:
    """One request's loaders. turns: the request's share of connections.

    currency: the one that prices are shown in; what is not sold in it is shown in own_currency, the shop's. language:
    another one than the shop's for texts; what is not translated keeps its own, and says so.
    """

    def __init__(
        self,
        readers: Readers,
        turns: Turns,
        *,
        currency: Currency,
        own_currency: Currency,
        language: str | None = None,
    ) -> None:
        labels = readers.labels
        catalog, orders, attempts = readers.catalog, readers.orders, readers.attempts

        async def products(ids: Sequence[ProductId]) -> Mapping[ProductId, Product]:
            found = await catalog.products_by_ids(ids)
            if language is None:
                return found
            texts = await catalog.translations_by_product_ids(ids, language)
            return {key: each.translated(texts[key]) if key in texts else each for key, each in found.items()}

        async def categories(ids: Sequence[CategoryId]) -> Mapping[CategoryId, Category]:
            found = await catalog.categories_by_ids(ids)
            if language is None:
                return found
            texts = await labels.translations_by_category_ids(ids, language)
            return {key: each.translated(texts[key]) if key in texts else each for key, each in found.items()}

        async def facet_labels(slugs: Sequence[str]) -> Mapping[str, FacetLabels]:
            return {} if language is None else await labels.facet_labels_by_slugs(slugs, language)

        async def prices(ids: Sequence[VariantId]) -> Mapping[VariantId, VariantPrice]:
            found = await catalog.prices_by_variant_ids(ids, currency)
            rest = [each for each in ids if each not in found] if currency != own_currency else []
            return found | await catalog.prices_by_variant_ids(rest, own_currency) if rest else found

        async def price_ranges(ids: Sequence[ProductId]) -> Mapping[ProductId, PriceRange]:
            found = await catalog.price_ranges_by_product_ids(ids, currency)
            rest = [each for each in ids if each not in found] if currency != own_currency else []
            return found | await catalog.price_ranges_by_product_ids(rest, own_currency) if rest else found

        async def lowest_prices(ids: Sequence[VariantId]) -> Mapping[VariantId, Money]:
            found = await catalog.lowest_prices_by_variant_ids(ids, currency)
            rest = [each for each in ids if each not in found] if currency != own_currency else []
            return found | await catalog.lowest_prices_by_variant_ids(rest, own_currency) if rest else found

        self.product = Loader[ProductId, Product](products, turns)
        self.product_id_by_slug = Loader[str, ProductId](catalog.product_ids_by_slugs, turns)
        self.price_range = Loader[ProductId, PriceRange](price_ranges, turns)
        self.variant = Loader[VariantId, Variant](catalog.variants_by_ids, turns)
        self.variant_id_by_sku = Loader[str, VariantId](catalog.variant_ids_by_skus, turns)
        self.variants_of_product = Loader[ProductId, tuple[Variant, ...]](catalog.variants_by_product_ids, turns)
        self.price = Loader[VariantId, VariantPrice](prices, turns)
        self.lowest_price = Loader[VariantId, Money](lowest_prices, turns)
        self.category = Loader[CategoryId, Category](categories, turns)
        self.facet_labels = Loader[str, FacetLabels](facet_labels, turns)
        self.category_id_by_slug = Loader[str, CategoryId](catalog.category_ids_by_slugs, turns)
        self.children_of_category = Loader[CategoryId, tuple[CategoryPlace, ...]](
            catalog.children_by_category_ids, turns
        )
        self.stock = Loader[VariantId, StockLevel](readers.stock.levels_by_variant_ids, turns)
        self.order = Loader[OrderId, Order](orders.orders_by_ids, turns)
        self.order_count_of_customer = Loader[CustomerId, int](orders.counts_by_customer_ids, turns)
        self.order_id_of_cart = Loader[CartId, OrderId](orders.order_ids_by_cart_ids, turns)
        self.events_of_order = Loader[OrderId, tuple[OrderEvent, ...]](orders.events_by_order_ids, turns)
        self.attempt = Loader[AttemptId, PaymentAttempt](attempts.attempts_by_ids, turns)
        self.attempts_of_order = Loader[OrderId, tuple[PaymentAttempt, ...]](attempts.attempts_by_order_ids, turns)
        self.given_back = Loader[AttemptId, Money](readers.refunds.given_back_by_attempt_ids, turns)
        self.live_attempt_of_cart = Loader[CartId, PaymentAttempt](attempts.live_attempts_by_cart_ids, turns)

    def clear(self) -> None:
        """Forget everything, after a mutation."""
        for loader in vars(self).values():
            loader.clear()
