"""Names that an import leaves to the catalogue: slugs, stock-keeping units, variant names. Pure.

A made-up name depends on the draft alone, or on its key where it must differ from another product's, never on the
order of a file: importing again gives the same names.
"""

from __future__ import annotations

import hashlib
from collections.abc import Container

from slugify import slugify

from app.catalog.domain import ProductDraft, VariantDraft

SLUG_LENGTH = 128
SKU_LENGTH = 64
_SUFFIX_LENGTH = 6  # hexadecimal digits of the key's hash: enough among products of one name


def product_slug(draft: ProductDraft, taken: Container[str]) -> str:
    """A slug for a new product: its name's, made distinct by its key where that is taken."""
    plain = slugify(draft.name, max_length=SLUG_LENGTH)
    if plain and plain not in taken:
        return plain
    suffix = hashlib.sha256(draft.key.encode()).hexdigest()[:_SUFFIX_LENGTH]
    return f"{plain[: SLUG_LENGTH - _SUFFIX_LENGTH - 1]}-{suffix}".lstrip("-")


def variant_skus(draft: ProductDraft, slug: str) -> list[str]:
    """The stock-keeping unit of every variant: its own, or the product's slug and the options in capitals.

    Options that look alike in capitals, such as `1/2` and `1-2`, are told apart by a number.
    """
    skus: list[str] = []
    for variant in draft.variants:
        made_up = _made_up_sku(variant, slug)
        if made_up in skus:
            made_up = f"{made_up[: SKU_LENGTH - 4]}-{len(skus) + 1}"
        skus.append(variant.sku or made_up)
    return skus


def variant_name(variant: VariantDraft) -> str:
    """`M / Blue`, or `Default` where there is nothing to choose."""
    return " / ".join(option.value for option in variant.selected_options) or "Default"


def category_slug(path: tuple[str, ...], taken: Container[str]) -> str:
    """A slug for a new category: its own name, then with its ancestors' as far as needed, then with a hash."""
    for start in range(len(path) - 1, -1, -1):
        slug = slugify(" ".join(path[start:]), max_length=SLUG_LENGTH)
        if slug and slug not in taken:
            return slug
    suffix = hashlib.sha256("\0".join(path).encode()).hexdigest()[:_SUFFIX_LENGTH]
    return f"{slugify(path[-1], max_length=SLUG_LENGTH - _SUFFIX_LENGTH - 1)}-{suffix}".lstrip("-")


def _made_up_sku(variant: VariantDraft, slug: str) -> str:
    sku = "-".join([slug, *(slugify(option.value) for option in variant.selected_options)]).upper()
    if len(sku) <= SKU_LENGTH:
        return sku
    suffix = hashlib.sha256(sku.encode()).hexdigest()[:_SUFFIX_LENGTH].upper()
    return f"{sku[: SKU_LENGTH - _SUFFIX_LENGTH - 1]}-{suffix}"
