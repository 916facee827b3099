"""The SQL of what categories, attributes and options are called in other languages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ARRAY, Integer, Text, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from app.catalog.domain import Translation
from app.catalog.labels import CategoryLabels, FacetLabels, FacetTranslations, SearchedLabels
from app.catalog.words import as_tokens, indexed
from app.core.ids import CategoryId
from app.database.engine import Database

_ROWS = bindparam("rows", type_=JSONB)
_CATEGORY = text("SELECT id, name FROM category WHERE path_names = :path").bindparams(
    bindparam("path", type_=ARRAY(Text))
)
_LEAVE_CATEGORY = text("DELETE FROM category_translation WHERE category_id = :id")
_ADD_CATEGORY = text("""
    INSERT INTO category_translation (category_id, language, name, description)
    SELECT :id, language, name, description FROM jsonb_to_recordset(:rows) AS r (
        language text, name text, description text)
""").bindparams(_ROWS)
_SUGGEST_CATEGORY = text("""
    UPDATE facet_value SET words = to_tsvector('simple', :words)
    WHERE kind = 'category' AND slug = '' AND value = CAST(:id AS text)
""").bindparams(bindparam("id", type_=Text))
_LEAVE_FACET = text("DELETE FROM facet_translation WHERE slug = :slug")
_ADD_FACET = text("""
    INSERT INTO facet_translation (slug, language, value, label)
    SELECT :slug, language, value, label FROM jsonb_to_recordset(:rows) AS r (language text, value text, label text)
""").bindparams(_ROWS)
_IDS, _SLUGS = bindparam("ids", type_=ARRAY(Integer)), bindparam("slugs", type_=ARRAY(Text))
_OF_CATEGORIES = text("""
    SELECT category_id, language, name, description FROM category_translation
    WHERE category_id = ANY(:ids) AND language = :language
""").bindparams(_IDS)
_OF_FACETS = text("""
    SELECT slug, value, label FROM facet_translation WHERE slug = ANY(:slugs) AND language = :language
""").bindparams(_SLUGS)
_LANGUAGES = text("""
    WITH RECURSIVE each (language) AS (
        SELECT min(language) FROM product_translation
        UNION ALL
        SELECT (SELECT min(language) FROM product_translation WHERE language > each.language) FROM each
        WHERE language IS NOT NULL
    )
    SELECT language FROM each WHERE language IS NOT NULL
    UNION SELECT language FROM category_translation UNION SELECT language FROM facet_translation ORDER BY language
""")
_SEARCHED = text("""
    SELECT category_id, '' AS slug, '' AS value, language, name AS label FROM category_translation
    UNION ALL SELECT NULL, slug, value, language, label FROM facet_translation WHERE value <> ''
""")


class SqlLabels:
    """`LabelReader` on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def translations_by_category_ids(
        self, ids: Sequence[CategoryId], language: str
    ) -> dict[CategoryId, Translation]:
        """The categories' texts in one language."""
        rows = await self._rows(_OF_CATEGORIES, ids=list(ids), language=language)
        return {
            CategoryId(row["category_id"]): Translation(row["language"], row["name"], row["description"])
            for row in rows
        }

    async def facet_labels_by_slugs(self, slugs: Sequence[str], language: str) -> dict[str, FacetLabels]:
        """What attributes and options are called in one language."""
        grouped: defaultdict[str, dict[str, str]] = defaultdict(dict)
        for row in await self._rows(_OF_FACETS, slugs=list(slugs), language=language):
            grouped[row["slug"]][row["value"]] = row["label"]
        return {slug: FacetLabels(slug, language, labels.pop("", None), labels) for slug, labels in grouped.items()}

    async def languages(self) -> tuple[str, ...]:
        """The languages that anything is translated into."""
        return tuple(row["language"] for row in await self._rows(_LANGUAGES))

    async def _rows(self, statement: Any, **values: object) -> Sequence[Any]:  # noqa: ANN401  Executable
        return await self._database.fetch_nearest(statement, values)


async def store_category(connection: AsyncConnection, labels: CategoryLabels) -> bool:
    """Call a category so and in no other way; False where there is no such category."""
    found = (await connection.execute(_CATEGORY, {"path": list(labels.path)})).first()
    if found is None:
        return False
    rows = [{"language": t.language, "name": t.name, "description": t.description} for t in labels.translations]
    await connection.execute(_LEAVE_CATEGORY, {"id": found.id})
    await connection.execute(_ADD_CATEGORY, {"id": found.id, "rows": rows})
    words = suggested([found.name, *(translation.name for translation in labels.translations)])
    await connection.execute(_SUGGEST_CATEGORY, {"id": str(found.id), "words": words})
    return True


async def store_facet(connection: AsyncConnection, labels: FacetTranslations) -> None:
    """Call an attribute or option so and in no other way."""
    rows = [
        {"language": each.language, "value": value, "label": label}
        for each in labels.labels
        for value, label in [*((("", each.name),) if each.name else ()), *each.values.items()]
    ]
    await connection.execute(_LEAVE_FACET, {"slug": labels.slug})
    await connection.execute(_ADD_FACET, {"slug": labels.slug, "rows": rows})


async def searched_labels(connection: AsyncConnection) -> SearchedLabels:
    """All labels, as products are indexed with them."""
    categories: defaultdict[CategoryId, dict[str, str]] = defaultdict(dict)
    values: defaultdict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for row in (await connection.execute(_SEARCHED)).all():
        if row.category_id is None:
            values[row.slug, row.value][row.language] = row.label
        else:
            categories[CategoryId(row.category_id)][row.language] = row.label
    return SearchedLabels(categories, values)


def suggested(names: Sequence[str]) -> str:
    """The words by which a category or brand is suggested, in every language."""
    met = indexed(names)
    return as_tokens((*met.words, *met.joined))
