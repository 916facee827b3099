"""The catalogue's SQL, writing side: drafts in, a batch at a time, in a constant number of statements.

A batch goes in as one JSON array that PostgreSQL unfolds. A draft is stored with the digest of its content, and one
whose digest is stored already is left alone: importing a file twice changes nothing and does not undo stock that was
sold in between. One import writes at a time. See ADR-0009.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Executable
from sqlalchemy.ext.asyncio import AsyncConnection

from app.catalog import store_sql as sql
from app.catalog.domain import DraftFault, ImportOutcome, ProductDraft, ProductOption
from app.catalog.draft_names import category_slug, product_slug, variant_name, variant_skus
from app.catalog.price_sql import UPSERT_PRICES
from app.catalog.prices import SqlPrices
from app.catalog.search_documents import SearchDocuments
from app.core.ids import ProductId, VariantId
from app.core.money import Currency
from app.core.quantity import ANY_QUANTITY

_ANY_QUANTITY = msgspec.to_builtins(ANY_QUANTITY)


@dataclass(frozen=True, slots=True)
class _Accepted:
    """A draft that will be stored, with the names it has been given."""

    draft: ProductDraft
    digest: bytes
    slug: str
    skus: tuple[str, ...]
    is_new: bool


class SqlCatalogStore:
    """`CatalogWriter` on one transaction. currency: the one that search rows are priced in; language: of the texts."""

    def __init__(self, connection: AsyncConnection, *, currency: Currency, language: str) -> None:
        self._connection = connection
        self._search = SearchDocuments(connection, currency, language)
        self._prices = SqlPrices(connection, self._search)

    async def upsert(self, drafts: Sequence[ProductDraft], *, now: datetime, index: bool = True) -> ImportOutcome:
        """Create or update these products, with variants, prices, stock and, with index, search rows."""
        await self._prices.lock()
        digests = {draft.key: _digest(draft) for draft in drafts}
        known = {row.import_key: row for row in await self._run(sql.KNOWN_PRODUCTS, keys=list(digests))}
        changed = [d for d in drafts if d.key not in known or known[d.key].import_digest != digests[d.key]]
        slugs = {key: row.slug for key, row in known.items()}
        accepted, faults = await self._accept(changed, digests, slugs)
        product_ids, variant_ids = await self._store(accepted, now, index=index) if accepted else ([], [])
        created = sum(item.is_new for item in accepted)
        return ImportOutcome(
            created=created,
            updated=len(accepted) - created,
            unchanged=len(drafts) - len(changed),
            faults=tuple(faults),
            product_ids=tuple(product_ids),
            variant_ids=tuple(variant_ids),
        )

    async def product_count(self) -> int:
        """How many products there are."""
        return int((await self._run(sql.PRODUCT_COUNT))[0][0])

    async def _accept(
        self, drafts: Sequence[ProductDraft], digests: dict[str, bytes], slugs: dict[str, str]
    ) -> tuple[list[_Accepted], list[DraftFault]]:
        """Name every draft, leaving out those that clash with another product."""
        wanted = {draft.slug or product_slug(draft, ()) for draft in drafts}
        slug_owner = {row.slug: row.import_key for row in await self._run(sql.SLUG_OWNERS, slugs=list(wanted))}
        named: list[tuple[ProductDraft, str]] = []
        faults: list[DraftFault] = []
        for draft in drafts:
            slug = draft.slug or slugs.get(draft.key) or product_slug(draft, slug_owner)
            if slug_owner.setdefault(slug, draft.key) == draft.key:
                named.append((draft, slug))
            else:
                faults.append(DraftFault(draft.source, "slug", f"{slug!r} belongs to another product"))
        skus = [sku for draft, slug in named for sku in variant_skus(draft, slug)]
        sku_owner = {row.sku: row.import_key for row in await self._run(sql.SKU_OWNERS, skus=skus)}
        accepted = []
        for draft, slug in named:
            own = variant_skus(draft, slug)
            clash = next((sku for sku in own if sku_owner.get(sku, draft.key) != draft.key), None)
            if clash is not None:
                faults.append(DraftFault(draft.source, "sku", f"{clash!r} belongs to another product"))
            elif len(set(own)) < len(own):
                faults.append(DraftFault(draft.source, "sku", "two variants have the same one"))
            else:
                sku_owner.update(dict.fromkeys(own, draft.key))
                accepted.append(_Accepted(draft, digests[draft.key], slug, tuple(own), draft.key not in slugs))
        return accepted, faults

    async def _store(
        self, accepted: Sequence[_Accepted], now: datetime, *, index: bool
    ) -> tuple[list[ProductId], list[VariantId]]:
        category_ids = await self._ensure_categories({item.draft.category_path for item in accepted})
        rows = [_product_row(item, category_ids) for item in accepted]
        stored = await self._run(sql.UPSERT_PRODUCTS, rows=rows, now=now)
        product_ids = {row.import_key: ProductId(row.id) for row in stored}
        variant_rows = [row for item in accepted for row in _variant_rows(item, product_ids[item.draft.key])]
        variants = await self._run(sql.UPSERT_VARIANTS, rows=variant_rows)
        variant_ids = [VariantId(row.id) for row in variants]
        ids = list(product_ids.values())
        retired = await self._run(sql.RETIRE_VARIANTS, product_ids=ids, variant_ids=variant_ids)
        translations = [row for item in accepted for row in _translation_rows(item, product_ids[item.draft.key])]
        await self._run(sql.LEAVE_TRANSLATIONS, rows=translations, product_ids=ids)
        if translations:
            await self._run(sql.UPSERT_TRANSLATIONS, rows=translations)
        price_rows = [row for item in accepted for row in _price_rows(item)]
        await self._run(UPSERT_PRICES, rows=price_rows)
        await self._prices.reduce(ids, now=now)
        # late, as checkouts wait for these rows; but before the search rows, which a checkout locks after them
        await self._run(sql.UPSERT_STOCK, rows=variant_rows)
        await (self._search.index(ids) if index else self._search.index_prices(ids))
        if not index:
            await self._run(sql.INDEX_IS_MISSING)
        return ids, variant_ids + [VariantId(row.id) for row in retired]

    async def _ensure_categories(self, paths: Iterable[tuple[str, ...]]) -> dict[tuple[str, ...], int]:
        """The id of every path, creating what is missing from the root down."""
        known = {tuple(row.path_names): (row.id, row.path_ids) for row in await self._run(sql.CATEGORIES)}
        taken = {row.slug for row in await self._run(sql.CATEGORY_SLUGS)} if any(paths) else set()
        prefixes = {path[:length] for path in paths for length in range(1, len(path) + 1)}
        for path in sorted(prefixes - known.keys(), key=lambda path: (len(path), path)):
            slug = category_slug(path, taken)
            parent_id, parent_ids = known.get(path[:-1], (None, []))
            row = {"parent_id": parent_id, "slug": slug, "name": path[-1], "path_names": list(path)}
            inserted = (await self._run(sql.INSERT_CATEGORY, parent_ids=list(parent_ids), **row))[0]
            known[path] = (inserted.id, inserted.path_ids)
            taken.add(slug)
        return {path: category_id for path, (category_id, _) in known.items()}

    async def _run(self, statement: Executable, **parameters: object) -> Sequence[Any]:
        result = await self._connection.execute(statement, parameters)
        return result.all() if result.returns_rows else ()


def _digest(draft: ProductDraft) -> bytes:
    content = msgspec.to_builtins(replace(draft, source=""))
    for variant in content["variants"]:
        if variant["quantity_rule"] == _ANY_QUANTITY:  # a field that came later: what was stored before stays the same
            del variant["quantity_rule"]
    if not draft.translations:
        del content["translations"]  # what was stored before there were any is still the same
    return hashlib.sha256(msgspec.msgpack.encode(content)).digest()


def _product_row(item: _Accepted, category_ids: dict[tuple[str, ...], int]) -> dict[str, object]:
    draft = item.draft
    return {
        "key": draft.key,
        "digest": item.digest.hex(),
        "slug": item.slug,
        "name": draft.name,
        "description": draft.description,
        "brand": draft.brand,
        "category_id": category_ids.get(draft.category_path),
        "tags": draft.tags,
        "images": draft.images,
        "attributes": draft.attributes,
        "options": _options(draft),
        "seo_title": draft.seo_title,
        "seo_description": draft.seo_description,
        "popularity": draft.popularity,
    }


def _variant_rows(item: _Accepted, product_id: ProductId) -> list[dict[str, object]]:
    return [
        {
            "product_id": product_id,
            "sku": sku,
            "name": variant_name(variant),
            "position": position,
            "selected_options": variant.selected_options,
            "image": variant.image,
            "weight_grams": variant.weight_grams,
            "requires_shipping": variant.requires_shipping,
            "tax_class": variant.tax_class,
            "quantity_minimum": variant.quantity_rule.minimum,
            "quantity_maximum": variant.quantity_rule.maximum,
            "quantity_step": variant.quantity_rule.step,
            "policy": variant.stock_policy.value,
            "on_hand": variant.on_hand,
        }
        for position, (sku, variant) in enumerate(zip(item.skus, item.draft.variants, strict=True))
    ]


def _price_rows(item: _Accepted) -> list[dict[str, object]]:
    return [
        {
            "sku": sku,
            "currency": price.currency,
            "amount_minor": price.minor,
            "compare_at_minor": None if compare_at is None else compare_at.minor,
        }
        for sku, variant in zip(item.skus, item.draft.variants, strict=True)
        for price, compare_at in [
            (variant.price, variant.compare_at),
            *((other.price, other.compare_at) for other in variant.other_prices),
        ]
    ]


def _translation_rows(item: _Accepted, product_id: ProductId) -> list[dict[str, object]]:
    return [
        {"product_id": product_id, "language": each.language, "name": each.name, "description": each.description}
        for each in item.draft.translations
    ]


def _options(draft: ProductDraft) -> list[ProductOption]:
    """Every option with its values, in the order in which the variants name them."""
    values: dict[str, dict[str, None]] = {}
    for variant in draft.variants:
        for option in variant.selected_options:
            values.setdefault(option.name, {})[option.value] = None
    return [ProductOption(name, tuple(chosen)) for name, chosen in values.items()]
