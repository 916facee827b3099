from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import cached_property
from typing import Any

import pytest

from app.core.money import Currency
from dataloaders.loaders import Loaders, Readers

EUR = Currency("EUR")


class Recorder:
    """Any reader: it answers every key of every method with the method's name. calls: method and arguments."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Callable[..., Awaitable[dict[Any, str]]]:
        async def method(keys: list[Any], *more: Any) -> dict[Any, str]:
            self.calls.append((name, list(keys), *more))
            return dict.fromkeys(keys, name)

        return method


class Ports:
    """Readers that record, and the loaders of one request over them."""

    def __init__(self, language: str | None = None) -> None:
        self.catalog, self.stock, self.orders, self.attempts = Recorder(), Recorder(), Recorder(), Recorder()
        self.refunds, self.labels = Recorder(), Recorder()
        self.loaders = Loaders(
            Readers(self.catalog, self.stock, self.orders, self.attempts, self.refunds, self.labels),
            asyncio.Semaphore(3),
            currency=EUR,
            own_currency=EUR,
            language=language,
        )

    def every(self) -> list[Recorder]:
        """All of them."""
        return [self.catalog, self.stock, self.orders, self.attempts, self.refunds, self.labels]


WIRING = {
    "product": ("catalog", "products_by_ids"),
    "product_id_by_slug": ("catalog", "product_ids_by_slugs"),
    "price_range": ("catalog", "price_ranges_by_product_ids"),
    "variant": ("catalog", "variants_by_ids"),
    "variant_id_by_sku": ("catalog", "variant_ids_by_skus"),
    "variants_of_product": ("catalog", "variants_by_product_ids"),
    "price": ("catalog", "prices_by_variant_ids"),
    "lowest_price": ("catalog", "lowest_prices_by_variant_ids"),
    "category": ("catalog", "categories_by_ids"),
    "category_id_by_slug": ("catalog", "category_ids_by_slugs"),
    "children_of_category": ("catalog", "children_by_category_ids"),
    "stock": ("stock", "levels_by_variant_ids"),
    "order": ("orders", "orders_by_ids"),
    "order_id_of_cart": ("orders", "order_ids_by_cart_ids"),
    "events_of_order": ("orders", "events_by_order_ids"),
    "attempt": ("attempts", "attempts_by_ids"),
    "order_count_of_customer": ("orders", "counts_by_customer_ids"),
    "given_back": ("refunds", "given_back_by_attempt_ids"),
    "attempts_of_order": ("attempts", "attempts_by_order_ids"),
    "live_attempt_of_cart": ("attempts", "live_attempts_by_cart_ids"),
}


@pytest.mark.parametrize("name", WIRING)
async def test_a_loader_reads_through_the_method_that_it_is_named_for(name: str) -> None:
    ports = Ports()
    port, method = WIRING[name]

    value = await getattr(ports.loaders, name).load(7)

    priced = (EUR,) if "price" in method else ()
    assert value == method
    assert getattr(ports, port).calls == [(method, [7], *priced)]
    assert sum(len(each.calls) for each in ports.every()) == 1


async def test_every_loader_is_named_here() -> None:
    loaders = {name for name, value in vars(Loaders).items() if isinstance(value, cached_property)}

    assert loaders == {*WIRING, "facet_labels"}


async def test_a_loader_is_made_once_and_only_when_it_is_asked_for() -> None:
    loaders = Ports().loaders

    assert not [name for name in (*WIRING, "facet_labels") if name in vars(loaders)]
    assert loaders.product is loaders.product
    assert [name for name in (*WIRING, "facet_labels") if name in vars(loaders)] == ["product"]


async def test_labels_are_read_for_another_language_than_the_shops_alone() -> None:
    own, german = Ports(), Ports(language="de")

    assert (await own.loaders.facet_labels.load("size"), own.labels.calls) == (None, [])
    assert await german.loaders.facet_labels.load("size") == "facet_labels_by_slugs"
    assert german.labels.calls == [("facet_labels_by_slugs", ["size"], "de")]


async def test_a_mutation_makes_every_loader_forget() -> None:
    ports = Ports()
    for name in WIRING:
        await getattr(ports.loaders, name).load(7)

    ports.loaders.clear()
    for name in WIRING:
        await getattr(ports.loaders, name).load(7)

    calls = [call for port in ports.every() for call in port.calls]
    assert len(calls) == 2 * len(WIRING)
