"""What search keeps of a product: read from the catalogue, put into words, written in the same transaction.

read documents -> facets into their dictionary -> words and vectors -> hit rows -> price order -> vocabulary

The same code indexes a batch of an import and every batch of a rebuild. See ADR-0020 and ADR-0021.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

from slugify import slugify
from sqlalchemy import Executable
from sqlalchemy.ext.asyncio import AsyncConnection

from app.catalog import search_documents_sql as sql
from app.catalog.corrections import deletions
from app.catalog.labels import SearchedLabels
from app.catalog.labels_store import searched_labels
from app.catalog.price_sql import INDEX_PRICES
from app.catalog.search import EVERYTHING, FacetKind, lexeme_prefix, text_config
from app.catalog.words import IndexedText, as_token, as_tokens, indexed
from app.core.money import Currency

HITS = "product_search"
_Facet = tuple[str, str, str]  # kind, slug, value
_Entry = tuple[str, int, str]  # label, depth, words


@dataclass(frozen=True, slots=True)
class Marking:
    """Where each tier of popularity and each step of an order begins; None for where it begins now."""

    tier_popularity: Sequence[int] | None = None
    name_steps: Sequence[str] | None = None
    time_steps: Sequence[datetime] | None = None


AS_NOW = Marking()


@dataclass(slots=True)
class SearchDocuments:
    """Writes hit rows. language: the one that the catalogue's own texts are in.

    What it has met is remembered: facets for good, labels and words so that a rebuild does not ask again and again.
    """

    connection: AsyncConnection
    currency: Currency
    language: str
    _facet_ids: dict[_Facet, int] = field(default_factory=dict)
    _words: set[tuple[str, str]] = field(default_factory=set)
    _labels: SearchedLabels | None = None

    async def index(self, product_ids: Sequence[int]) -> None:
        """Write the hit rows of these products, and take out those that are not sold."""
        await self.write(await self.prepare(product_ids))
        await self._run(sql.UNSOLD, product_ids=product_ids, currency=self.currency)
        await self.index_prices(product_ids)

    async def prepare(self, product_ids: Sequence[int]) -> list[dict[str, object]]:
        """What to write of these products, those that are sold, in their order; new facets and words are noted."""
        documents = await self._run(sql.READ_DOCUMENTS, product_ids=product_ids, currency=self.currency)
        self._labels = await searched_labels(self.connection) if self._labels is None else self._labels
        await self._number_facets(documents)
        rows, words = [], dict[tuple[str, str], None]()
        by_id = {document.id: document for document in documents}
        for document in (by_id[each] for each in product_ids if each in by_id):
            row, met = self._row(document)
            rows.append(row)
            words.update(dict.fromkeys(met))
        await self._add_words(words)
        return rows

    async def write(self, rows: Sequence[dict[str, object]], *, into: str = HITS, marked: Marking = AS_NOW) -> None:
        """Write prepared rows. into: the table of hit rows, or one that has none of these products yet."""
        statement = sql.write_hits(into, text_config(self.language), new=into != HITS)
        marks = {"name_steps": marked.name_steps, "time_steps": marked.time_steps}
        await self._run(statement, rows=rows, tier_popularity=marked.tier_popularity, **marks)

    async def index_prices(self, product_ids: Sequence[int]) -> None:
        """Bring the prices that search has of these products up to date, in every currency; no vector is written."""
        await self._run(INDEX_PRICES, product_ids=product_ids, currency=self.currency)
        await self._run(sql.LEAVE_PRICE_ORDER, product_ids=product_ids)
        await self._run(sql.JOIN_PRICE_ORDER, product_ids=product_ids)

    def _row(self, document: Any) -> tuple[dict[str, object], list[tuple[str, str]]]:  # noqa: ANN401  a row
        labels = self._labels or SearchedLabels()
        title = indexed([document.name])
        named = indexed(filter(None, [document.brand, *document.path_names[-1:], *document.skus]))
        told = indexed(_told(document))
        words = [(self.language, word) for word in _vocabulary([title, indexed(_labels(document))])]
        names, texts = [], []
        for language, (named_so, told_so) in _translated(document, labels).items():
            translated, other = indexed(named_so), indexed(told_so)
            words += [(language, word) for word in _vocabulary([translated])]
            names.append({"language": language, "words": as_tokens((*translated.words, *translated.joined))})
            texts.append({"language": language, "words": as_tokens((*other.words, *other.joined, *translated.numbers))})
        numbers = (*title.numbers, *named.numbers, *told.numbers)
        row = {
            "id": document.id,
            "popularity": document.popularity,
            "on_sale": document.on_sale,
            "price_min": document.price_min,
            "price_max": document.price_max,
            "created_at": document.created_at,
            "sort_name": " ".join(title.words),
            "facet_ids": sorted({EVERYTHING, *(self._facet_ids[key] for key, _ in _facets(document))}),
            "name_words": as_tokens((*title.words, *named.words, *title.joined, *named.joined)),
            "text_words": as_tokens((*told.words, *told.joined, *numbers)),
            "translated_names": names,
            "translated_texts": texts,
        }
        return row, words

    async def _number_facets(self, documents: Iterable[Any]) -> None:
        missing = {
            key: entry for document in documents for key, entry in _facets(document) if key not in self._facet_ids
        }
        if not missing:
            return
        await self._find_facets(missing)
        new = [key for key in missing if key not in self._facet_ids]
        if new:
            await self._run(sql.ADD_FACETS, rows=[_row_of(key, missing[key]) for key in new])
            await self._find_facets(new)

    async def _find_facets(self, keys: Iterable[_Facet]) -> None:
        for row in await self._run(sql.FIND_FACETS, rows=[_key(key) for key in keys]):
            self._facet_ids[row.kind, row.slug, row.value] = row.id

    async def _add_words(self, words: Iterable[tuple[str, str]]) -> None:
        by_language: dict[str, list[str]] = {}
        for language, word in words:
            if (language, word) not in self._words:
                by_language.setdefault(language, []).append(word)
        for language, met in by_language.items():
            known = {row.word for row in await self._run(sql.KNOWN_WORDS, language=language, words=met)}
            new = [
                {"word": word, "token": as_token(word), "deletions": deletions(word)}
                for word in met
                if word not in known
            ]
            prefix = lexeme_prefix(language, own=self.language)
            if new:
                await self._run(sql.add_words(text_config(language), prefix), language=language, rows=new)
            self._words.update((language, word) for word in met)

    async def _run(self, statement: Executable, **parameters: object) -> Sequence[Any]:
        result = await self.connection.execute(statement, parameters)
        return result.all() if result.returns_rows else ()


def _key(facet: _Facet) -> dict[str, object]:
    return dict(zip(("kind", "slug", "value"), facet, strict=True))


def _labels(document: Any) -> list[str]:  # noqa: ANN401  a row
    return [label for label in (document.brand, *document.path_names[-1:]) if label]


def _told(document: Any) -> Iterable[str]:  # noqa: ANN401  a row
    yield from document.path_names[:-1]
    yield from document.tags
    for attribute in document.attributes:
        yield from attribute["values"]
    for option in document.options:
        yield from option["values"]
    yield document.description


def _translated(document: Any, labels: SearchedLabels) -> dict[str, tuple[list[str], list[str]]]:  # noqa: ANN401  a row
    """What each other language says of a product: in its name (with its leaf category), and elsewhere."""
    said: dict[str, tuple[list[str], list[str]]] = {}
    for language, name, description in document.translations or ():
        said.setdefault(language, ([], []))[0].append(name)
        said[language][1].append(description)
    for place, category_id in enumerate(reversed(document.path_ids)):
        for language, name in labels.categories.get(category_id, {}).items():
            said.setdefault(language, ([], []))[min(place, 1)].append(name)
    for slug, value in _chosen_values(document) if labels.values else ():
        for language, label in labels.values.get((slug, value), {}).items():
            said.setdefault(language, ([], []))[1].append(label)
    return said


def _chosen_values(document: Any) -> Iterable[tuple[str, str]]:  # noqa: ANN401  a row
    for attribute in document.attributes:
        yield from ((attribute["slug"], value) for value in attribute["values"])
    for option in document.options:
        yield from ((option_slug(option["name"]), value) for value in option["values"])


def _vocabulary(texts: Iterable[IndexedText]) -> list[str]:
    """The words worth completing and correcting to; numbers of one or two digits are not."""
    words = dict.fromkeys(word for text in texts for word in (*text.words, *text.joined))
    return [word for word in words if len(word) > 1 and not (word.isdigit() and len(word) < 3)]


def _facets(document: Any) -> Iterable[tuple[_Facet, _Entry]]:  # noqa: ANN401  a row
    """The product's facet values: (kind, slug, value), and what the dictionary says of each."""
    path = zip(document.path_ids, document.path_names, strict=True)
    for depth, (category_id, name) in enumerate(path, 1):
        yield (FacetKind.CATEGORY.value, "", str(category_id)), (name, depth, name)
    if document.brand:
        yield (FacetKind.BRAND.value, "", document.brand), (document.brand, 0, document.brand)
    for attribute in document.attributes:
        for value in attribute["values"]:
            yield (FacetKind.ATTRIBUTE.value, attribute["slug"], value), (attribute["name"], 0, "")
    for option in document.options:
        slug = option_slug(option["name"])
        for value in option["values"]:
            yield (FacetKind.OPTION.value, slug, value), (option["name"], 0, "")


@lru_cache(1_000)
def option_slug(name: str) -> str:
    """What an option is called in filters."""
    return slugify(name) or name


def _row_of(key: _Facet, entry: _Entry) -> dict[str, object]:
    label, depth, words = entry
    met = indexed([words])
    return {**_key(key), "label": label, "depth": depth, "words": as_tokens((*met.words, *met.joined))}
