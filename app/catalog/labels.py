"""What categories, attributes, options and their values are called in other languages than the shop's. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from app.catalog.domain import Attribute, Translation
from app.core.ids import CategoryId


@dataclass(frozen=True, slots=True)
class FacetLabels:
    """What an attribute or option is called in one language. name: None where only values are translated."""

    slug: str
    language: str
    name: str | None = None
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ShownAttribute:
    """An attribute as it is shown. language: of all of it; the shop's own where any part is not translated."""

    slug: str
    name: str
    values: tuple[str, ...]
    language: str


def shown(attribute: Attribute, labels: FacetLabels | None, own: str) -> ShownAttribute:
    """The attribute in the language of the labels, as far as they go. own: the shop's language."""
    if labels is None:
        return ShownAttribute(attribute.slug, attribute.name, attribute.values, own)
    values = tuple(labels.values.get(value, value) for value in attribute.values)
    whole = labels.name is not None and all(value in labels.values for value in attribute.values)
    return ShownAttribute(attribute.slug, labels.name or attribute.name, values, labels.language if whole else own)


class LabelReader(Protocol):
    """Reads labels. What is not translated is absent."""

    async def translations_by_category_ids(
        self, ids: Sequence[CategoryId], language: str
    ) -> dict[CategoryId, Translation]:
        """The categories' texts in one language."""
        ...

    async def facet_labels_by_slugs(self, slugs: Sequence[str], language: str) -> dict[str, FacetLabels]:
        """What attributes and options are called in one language."""
        ...

    async def languages(self) -> tuple[str, ...]:
        """The languages that anything is translated into, products included."""
        ...


# ------------------------------------------------------------------------------------------------ what an import brings


@dataclass(frozen=True, slots=True)
class CategoryLabels:
    """All that a category is called in other languages. path: names in the shop's own from the root down."""

    source: str
    path: tuple[str, ...]
    translations: tuple[Translation, ...]


@dataclass(frozen=True, slots=True)
class FacetTranslations:
    """All that an attribute or option is called in other languages."""

    slug: str
    labels: tuple[FacetLabels, ...]


@dataclass(frozen=True, slots=True)
class SearchedLabels:
    """Labels as search looks them up: by category, and by slug and value; each a language's word for it."""

    categories: Mapping[CategoryId, Mapping[str, str]] = field(default_factory=dict)
    values: Mapping[tuple[str, str], Mapping[str, str]] = field(default_factory=dict)
