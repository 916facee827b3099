"""The demo shop: some seventy products of a shop for maps, travel and the outdoors.

The products are in demo.jsonl, in the format that `cartograph import` reads, with prices as an amount such as 18.00.
They hold one of everything: sold-out and nearly sold-out variants, back orders, a download, options, discounts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib.resources import files

from app.catalog.domain import Image, OtherPrice, ProductDraft
from app.catalog_import.jsonl import read_jsonl
from app.catalog_import.lines import Lines
from app.catalog_import.reading import Currencies
from app.core.errors import Bug
from app.core.money import Currency, Money
from app.seed.amounts import minor_per_cent

_FILE = "demo.jsonl"
_WRITTEN_IN = Currency("USD")  # any currency with cents would do: amounts move to the shop's own


def demo_drafts(
    currency: Currency, *, others: Sequence[Currency] = (), image_base_url: str | None = None
) -> Iterator[ProductDraft]:
    """All products of the demo shop, priced in this currency and the others.

    A price of 18.00 stays 18.00 in any, or becomes 1,800 in one without smaller units. image_base_url: where the server
    answers, such as `https://shop.example`; the pictures are at `/media/demo/<slug>.svg` below it. Empty: they are
    paths, which every server has, whatever its address. None: no pictures.
    """
    with files("app.seed").joinpath(_FILE).open("rb") as stream:
        lines = Lines(stream, name=_FILE, size_bytes=0)
        for item in read_jsonl(lines, currencies=Currencies(_WRITTEN_IN, frozenset({_WRITTEN_IN}))):
            if not isinstance(item, ProductDraft):
                raise Bug(f"the demo catalogue is broken: {item}")
            yield _pictured(_priced(item, currency, others), image_base_url)


def _priced(draft: ProductDraft, currency: Currency, others: Sequence[Currency]) -> ProductDraft:
    variants = tuple(
        replace(
            variant,
            price=_moved(variant.price, currency),
            compare_at=variant.compare_at and _moved(variant.compare_at, currency),
            other_prices=tuple(
                OtherPrice(_moved(variant.price, other), variant.compare_at and _moved(variant.compare_at, other))
                for other in others
            ),
        )
        for variant in draft.variants
    )
    return replace(draft, variants=variants)


def _moved(money: Money, currency: Currency) -> Money:
    return Money(money.minor * minor_per_cent(currency), currency)


def _pictured(draft: ProductDraft, base_url: str | None) -> ProductDraft:
    if base_url is None:
        return draft
    return replace(draft, images=(Image(f"{base_url.rstrip('/')}/media/demo/{draft.slug}.svg", alt_text=draft.name),))
