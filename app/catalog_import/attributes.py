"""Facts about a product, such as `Material: cotton, linen`, from whatever a file calls them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from slugify import slugify

from app.catalog.domain import Attribute
from app.catalog_import.checks import (
    MAX_ATTRIBUTE_NAME,
    MAX_ATTRIBUTE_VALUE,
    MAX_ATTRIBUTE_VALUES,
    MAX_ATTRIBUTES,
    Checks,
)


def attributes_of(facts: Iterable[tuple[str, Sequence[str]]], field: str, checks: Checks) -> tuple[Attribute, ...]:
    """The attributes with these names and values; one without values is none.

    field: what the file calls all of them. Two names that give the same slug are a fault.
    """
    attributes: dict[str, Attribute] = {}
    for name, values in facts:
        attribute = _attribute(name, values, field, checks)
        if attribute is not None and attribute.slug in attributes:
            checks.fault(f"{field}.{attribute.name}", f"means the same as {attributes[attribute.slug].name}")
        elif attribute is not None:
            attributes[attribute.slug] = attribute
    if len(attributes) > MAX_ATTRIBUTES:
        checks.fault(field, f"{len(attributes)} of them, {MAX_ATTRIBUTES} are the most")
    return tuple(attributes.values())


def _attribute(name: str, values: Sequence[str], field: str, checks: Checks) -> Attribute | None:
    label = checks.required_line(field, name, MAX_ATTRIBUTE_NAME)
    if label is None:
        return None
    texts = checks.lines(f"{field}.{label}", values, MAX_ATTRIBUTE_VALUE)
    slug = _slug(label)
    if not slug:
        checks.fault(f"{field}.{label}", "has no letter or digit in its name")
    if len(texts) > MAX_ATTRIBUTE_VALUES:
        checks.fault(f"{field}.{label}", f"{len(texts)} values, {MAX_ATTRIBUTE_VALUES} are the most")
    return Attribute(slug, label, texts) if slug and texts else None


@lru_cache(maxsize=4_096)  # catalogues use few names, and slugify takes longer than the rest of a row
def _slug(name: str) -> str:
    return slugify(name)
