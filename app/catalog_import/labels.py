"""Read what categories, attributes and options are called in other languages, from lines of search rules."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from app.catalog.domain import DraftFault, Translation
from app.catalog.labels import CategoryLabels, FacetLabels, FacetTranslations
from app.catalog_import import checks as bounds
from app.catalog_import.checks import Checks
from app.core.languages import LANGUAGES

MAX_VALUES = 5_000  # of one attribute, in one language


class LabelRow(msgspec.Struct, forbid_unknown_fields=True):
    """A name in one language. description: of a category; values: of an attribute or option."""

    name: str | None = None
    description: str | None = None
    values: dict[str, str] | None = None


Labels = Mapping[str, LabelRow]


def category_labels(path: list[str], rows: Labels, source: str) -> tuple[CategoryLabels, list[DraftFault]]:
    """What a category is called, and what is wrong with that."""
    checks = Checks(source)
    named = checks.category_path("category", path)
    if not named and not checks.faults:
        checks.fault("category", "is empty")
    translations = []
    for language, row in sorted(rows.items()):
        field = _field(language, checks)
        if row.values is not None:
            checks.fault(f"{field}.values", "are of attributes and options")
        name = checks.required_line(f"{field}.name", row.name, bounds.MAX_CATEGORY_NAME)
        description = checks.description(f"{field}.description", row.description)
        translations.append(Translation(language, name or "", description))
    return CategoryLabels(source, named, tuple(translations)), checks.faults


def facet_labels(slug: str, rows: Labels, source: str) -> tuple[FacetTranslations, list[DraftFault]]:
    """What an attribute or option is called, and what is wrong with that."""
    checks = Checks(source)
    labels = []
    for language, row in sorted(rows.items()):
        field = _field(language, checks)
        if row.description is not None:
            checks.fault(f"{field}.description", "is of categories")
        if row.values is not None and len(row.values) > MAX_VALUES:
            checks.fault(f"{field}.values", f"{len(row.values)} of them, {MAX_VALUES} are the most")
        name = checks.line(f"{field}.name", row.name, bounds.MAX_ATTRIBUTE_NAME)
        values = {}
        for value, label in (row.values or {}).items():
            at = f"{field}.values.{value}"
            original = checks.required_line(at, value, bounds.MAX_ATTRIBUTE_VALUE)
            values[original or ""] = checks.required_line(at, label, bounds.MAX_ATTRIBUTE_VALUE) or ""
        labels.append(FacetLabels(slug, language, name, values))
    return FacetTranslations(slug, tuple(labels)), checks.faults


def _field(language: str, checks: Checks) -> str:
    field = f"translations.{language}"
    if language not in LANGUAGES:
        checks.fault(field, f"is not one of the languages that can be searched: {', '.join(sorted(LANGUAGES))}")
    return field
