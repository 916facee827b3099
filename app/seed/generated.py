"""A synthetic catalogue of any size, for measuring: shaped like a real one, and always the same.

Product n is computed from a hash of (seed, n) alone, so the first 1,000 of 100,000 products are those of a catalogue
of 1,000, nothing is remembered between two products, and no generator of random numbers is involved.

Shapes: words, brands and categories follow Zipf's law, popularity a power law (a few products sell most), prices a
log-normal law around their category's own level. Names share words, so that a search has many near matches to rank.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from hashlib import shake_128

from app.catalog.domain import ProductDraft, VariantDraft
from app.core.money import Currency, Money
from app.core.stock import StockPolicy
from app.seed.amounts import minor_per_cent
from app.seed.shapes import Shapes, Shelf

_DRAWS = 64  # numbers of 16 bits a product may use: 24 for its description, 20 for its variants, the rest for itself
_UNPACK = struct.Struct(f"<{_DRAWS}H").unpack
_DESCRIPTION = slice(16, 40)
_VARIANTS = 40  # where the draws of the first variant begin
_DRAWS_A_VARIANT = 5
_VARIANT_COUNTS = (1, 1, 1, 2, 2, 3, 3, 4)  # one of these, evenly


def generated_drafts(count: int, *, currency: Currency, seed: int = 1) -> Iterator[ProductDraft]:
    """The first `count` products of the synthetic catalogue, with the keys `generated-1`, `generated-2`, …

    Another seed gives other products under the same keys.
    """
    shapes = Shapes.build()
    factor = minor_per_cent(currency)
    for number in range(1, count + 1):
        draws = _UNPACK(shake_128(b"%d %d" % (seed, number)).digest(2 * _DRAWS))
        yield _product(number, draws, shapes, currency, factor)


def _product(number: int, draws: tuple[int, ...], shapes: Shapes, currency: Currency, factor: int) -> ProductDraft:
    shelf = shapes.shelves[draws[0]]
    brand = shapes.brands[draws[1]]
    first_adjective, second_adjective = shapes.adjectives[draws[2]], shapes.adjectives[draws[3]]
    material, style = shapes.materials[draws[4]], shapes.styles[draws[5]]
    series = shapes.series[draws[6]]
    name = f"{brand} {series} {first_adjective} {shelf.noun}"
    words = shapes.words
    told = " ".join([words[draw] for draw in draws[_DESCRIPTION]])
    return ProductDraft(
        key=f"generated-{number}",
        source=f"generated:{number}",
        name=name,
        variants=_variants(number, draws, shapes, shelf, currency, factor),
        description=f"{second_adjective} {shelf.noun.lower()} in {material.values[0]} for {style.values[0]}. {told}.",
        brand=brand,
        category_path=shelf.category_path,
        tags=(style.values[0], first_adjective.lower()) if draws[7] & 1 else (),
        attributes=(material, style, shapes.audiences[draws[8] & 3]),
        popularity=shapes.popularities[draws[9]],
        slug=f"{name.lower().replace(' ', '-')}-{number}",
    )


def _variants(
    number: int, draws: tuple[int, ...], shapes: Shapes, shelf: Shelf, currency: Currency, factor: int
) -> tuple[VariantDraft, ...]:
    count = _VARIANT_COUNTS[draws[10] & 7]
    cents = shelf.cents * shapes.price_per_mille[draws[11]] // 1_000 // 100 * 100 + 99
    discount = draws[12] % 7  # one product in seven is on sale, by a tenth to a third
    choices = shelf.choices
    first = draws[13]
    variants = []
    for index in range(count):
        at = _VARIANTS + index * _DRAWS_A_VARIANT
        minor = (cents + (draws[at] & 3) * 200 * (index > 0)) * factor
        variants.append(
            VariantDraft(
                price=Money(minor, currency),
                compare_at=Money(minor * 100 // (67 + draws[14] % 24), currency) if discount == 0 else None,
                sku=f"GEN-{number:07}-{index + 1}",
                selected_options=choices[(first + index) % len(choices)] if count > 1 else (),
                on_hand=_on_hand(draws[at + 1]),
                stock_policy=StockPolicy.BACKORDER if draws[at + 2] < 2_000 else StockPolicy.DENY,
                weight_grams=shelf.grams + draws[at + 3] % shelf.grams,
            )
        )
    return tuple(variants)


def _on_hand(draw: int) -> int:
    if draw < 4_000:  # six in a hundred are sold out
        return 0
    if draw < 8_000:  # as many are nearly so
        return 1 + draw % 3
    return 4 + draw % 250
