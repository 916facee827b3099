"""The loaders of one request, each made when it is first asked for: a request needs few of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from app.catalog.domain import CatalogReader, Category, CategoryPlace, PriceRange, Product, Variant, VariantPrice
from app.catalog.labels import FacetLabels, LabelReader
from app.core.ids import AttemptId, CartId, CategoryId, CustomerId, OrderId, ProductId, VariantId
from app.core.money import Currency, Money
from app.inventory.domain import StockLevel, StockReader
from app.orders.domain import Order, OrderEvent, OrderReader
from app.payments.domain import AttemptReader, PaymentAttempt
from app.payments.refunds import RefundReader
from dataloaders.batching import Loader, Turns

K = TypeVar("K")
V = TypeVar("V")


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
        self._readers = readers
        self._turns = turns
        self._currency = currency
        self._own_currency = own_currency
        self._language = language

    def clear(self) -> None:
        """Forget everything, after a mutation."""
        for made in vars(self).values():
            if isinstance(made, Loader):
                made.clear()

    @cached_property
    def product(self) -> Loader[ProductId, Product]:
        """A product, in the language."""
        return Loader(self._products, self._turns)

    @cached_property
    def product_id_by_slug(self) -> Loader[str, ProductId]:
        """Which product has a slug."""
        return Loader(self._readers.catalog.product_ids_by_slugs, self._turns)

    @cached_property
    def price_range(self) -> Loader[ProductId, PriceRange]:
        """What a product's variants cost, at least and at most."""
        return Loader(self._price_ranges, self._turns)

    @cached_property
    def variant(self) -> Loader[VariantId, Variant]:
        """A variant."""
        return Loader(self._readers.catalog.variants_by_ids, self._turns)

    @cached_property
    def variant_id_by_sku(self) -> Loader[str, VariantId]:
        """Which variant has a stock-keeping unit."""
        return Loader(self._readers.catalog.variant_ids_by_skus, self._turns)

    @cached_property
    def variants_of_product(self) -> Loader[ProductId, tuple[Variant, ...]]:
        """A product's variants that are sold."""
        return Loader(self._readers.catalog.variants_by_product_ids, self._turns)

    @cached_property
    def price(self) -> Loader[VariantId, VariantPrice]:
        """A variant's price."""
        return Loader(self._prices, self._turns)

    @cached_property
    def lowest_price(self) -> Loader[VariantId, Money]:
        """A variant's lowest price of the 30 days before the present one came."""
        return Loader(self._lowest_prices, self._turns)

    @cached_property
    def category(self) -> Loader[CategoryId, Category]:
        """A category, in the language."""
        return Loader(self._categories, self._turns)

    @cached_property
    def facet_labels(self) -> Loader[str, FacetLabels]:
        """What an attribute or option is called in the language."""
        return Loader(self._facet_labels, self._turns)

    @cached_property
    def category_id_by_slug(self) -> Loader[str, CategoryId]:
        """Which category has a slug."""
        return Loader(self._readers.catalog.category_ids_by_slugs, self._turns)

    @cached_property
    def children_of_category(self) -> Loader[CategoryId, tuple[CategoryPlace, ...]]:
        """The categories directly below one."""
        return Loader(self._readers.catalog.children_by_category_ids, self._turns)

    @cached_property
    def stock(self) -> Loader[VariantId, StockLevel]:
        """How much of a variant there is."""
        return Loader(self._readers.stock.levels_by_variant_ids, self._turns)

    @cached_property
    def order(self) -> Loader[OrderId, Order]:
        """An order."""
        return Loader(self._readers.orders.orders_by_ids, self._turns)

    @cached_property
    def order_count_of_customer(self) -> Loader[CustomerId, int]:
        """How many orders a customer has."""
        return Loader(self._readers.orders.counts_by_customer_ids, self._turns)

    @cached_property
    def order_id_of_cart(self) -> Loader[CartId, OrderId]:
        """Which order a cart became."""
        return Loader(self._readers.orders.order_ids_by_cart_ids, self._turns)

    @cached_property
    def events_of_order(self) -> Loader[OrderId, tuple[OrderEvent, ...]]:
        """What has happened to an order."""
        return Loader(self._readers.orders.events_by_order_ids, self._turns)

    @cached_property
    def attempt(self) -> Loader[AttemptId, PaymentAttempt]:
        """A payment attempt."""
        return Loader(self._readers.attempts.attempts_by_ids, self._turns)

    @cached_property
    def attempts_of_order(self) -> Loader[OrderId, tuple[PaymentAttempt, ...]]:
        """An order's payment attempts."""
        return Loader(self._readers.attempts.attempts_by_order_ids, self._turns)

    @cached_property
    def given_back(self) -> Loader[AttemptId, Money]:
        """How much of a payment attempt was given back."""
        return Loader(self._readers.refunds.given_back_by_attempt_ids, self._turns)

    @cached_property
    def live_attempt_of_cart(self) -> Loader[CartId, PaymentAttempt]:
        """The payment attempt that is under way for a cart."""
        return Loader(self._readers.attempts.live_attempts_by_cart_ids, self._turns)

    async def _products(self, ids: Sequence[ProductId]) -> Mapping[ProductId, Product]:
        found = await self._readers.catalog.products_by_ids(ids)
        if self._language is None:
            return found
        texts = await self._readers.catalog.translations_by_product_ids(ids, self._language)
        return {key: each.translated(texts[key]) if key in texts else each for key, each in found.items()}

    async def _categories(self, ids: Sequence[CategoryId]) -> Mapping[CategoryId, Category]:
        found = await self._readers.catalog.categories_by_ids(ids)
        if self._language is None:
            return found
        texts = await self._readers.labels.translations_by_category_ids(ids, self._language)
        return {key: each.translated(texts[key]) if key in texts else each for key, each in found.items()}

    async def _facet_labels(self, slugs: Sequence[str]) -> Mapping[str, FacetLabels]:
        return {} if self._language is None else await self._readers.labels.facet_labels_by_slugs(slugs, self._language)

    async def _prices(self, ids: Sequence[VariantId]) -> Mapping[VariantId, VariantPrice]:
        return await self._in_either_currency(self._readers.catalog.prices_by_variant_ids, ids)

    async def _price_ranges(self, ids: Sequence[ProductId]) -> Mapping[ProductId, PriceRange]:
        return await self._in_either_currency(self._readers.catalog.price_ranges_by_product_ids, ids)

    async def _lowest_prices(self, ids: Sequence[VariantId]) -> Mapping[VariantId, Money]:
        return await self._in_either_currency(self._readers.catalog.lowest_prices_by_variant_ids, ids)

    async def _in_either_currency(
        self, read: Callable[[Sequence[K], Currency], Awaitable[dict[K, V]]], ids: Sequence[K]
    ) -> dict[K, V]:
        found = await read(ids, self._currency)
        rest = [each for each in ids if each not in found] if self._currency != self._own_currency else []
        return found | await read(rest, self._own_currency) if rest else found
