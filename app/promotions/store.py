"""Promotions' SQL, writing side: a draft becomes a row; the goods that it names are looked up. See ADR-0019."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ARRAY, DateTime, Executable, Integer, Text, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from app.core.errors import InvalidInput
from app.promotions.domain import PromotionDraft
from app.promotions.stored_effect import stored_effect

_PRODUCTS = text("""
    SELECT wanted AS name, product.id FROM unnest(:names) AS wanted
    JOIN product ON product.import_key = wanted OR product.slug = wanted
""").bindparams(bindparam("names", type_=ARRAY(Text)))
_CATEGORIES = text("SELECT id, path_names FROM category WHERE path_names[1] = ANY(:roots)").bindparams(
    bindparam("roots", type_=ARRAY(Text))
)
_CODE_OWNER = text("SELECT key FROM promotion WHERE code = :code AND key <> :key").bindparams(
    bindparam("code", type_=Text)
)
# an order that uses the promotion holds its row as a foreign key does: whoever locks it sees every use
_LOCK = text("SELECT id FROM promotion WHERE key = :key FOR UPDATE")
_USES = text("""
    SELECT count(*) FROM promotion_use JOIN promotion ON promotion.id = promotion_id WHERE promotion.key = :key
""")
_STORE = text("""
    INSERT INTO promotion (key, kind, name, code, effect, product_ids, category_ids, brands, minimum, first_order_only,
                           combinable, starts_at, ends_at, usage_limit, usage_limit_per_customer, used, active)
    VALUES (:key, :kind, :name, :code, :effect, :product_ids, :category_ids, :brands, :minimum, :first_order_only,
            :combinable, :starts_at, :ends_at, :usage_limit, :usage_limit_per_customer, :used, :active)
    ON CONFLICT (key) DO UPDATE SET
        kind = excluded.kind, name = excluded.name, code = excluded.code, effect = excluded.effect,
        product_ids = excluded.product_ids, category_ids = excluded.category_ids, brands = excluded.brands,
        minimum = excluded.minimum, first_order_only = excluded.first_order_only, combinable = excluded.combinable,
        starts_at = excluded.starts_at, ends_at = excluded.ends_at, usage_limit = excluded.usage_limit,
        usage_limit_per_customer = excluded.usage_limit_per_customer, used = excluded.used, active = excluded.active,
        revision = promotion.revision + 1
    WHERE to_jsonb(promotion) - '{id,revision,applied_revision}'::text[]
       <> to_jsonb(excluded) - '{id,revision,applied_revision}'::text[]
    RETURNING id
""").bindparams(
    bindparam("effect", type_=JSONB),
    bindparam("minimum", type_=JSONB),
    bindparam("product_ids", type_=ARRAY(Integer)),
    bindparam("category_ids", type_=ARRAY(Integer)),
    bindparam("brands", type_=ARRAY(Text)),
    bindparam("starts_at", type_=DateTime(timezone=True)),
    bindparam("ends_at", type_=DateTime(timezone=True)),
    bindparam("usage_limit", type_=Integer),
    bindparam("usage_limit_per_customer", type_=Integer),
    bindparam("code", type_=Text),
)


class SqlPromotionStore:
    """`PromotionWriter` on one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def store(self, draft: PromotionDraft) -> bool:
        """Make the promotion with this key what the draft says."""
        await self._run(_LOCK, key=draft.key)
        if draft.code is not None and (owners := await self._run(_CODE_OWNER, code=draft.code, key=draft.key)):
            raise InvalidInput(f"{draft.code} is the code of promotion {owners[0].key}", field=("code",))
        uses = int((await self._run(_USES, key=draft.key))[0][0])
        if draft.usage_limit is not None and uses > draft.usage_limit:
            raise InvalidInput(f"{draft.usage_limit} is below the {uses} orders that have it", field=("usageLimit",))
        is_counted = draft.usage_limit is not None or draft.usage_limit_per_customer is not None
        row = {
            "key": draft.key,
            "kind": draft.kind.value,
            "name": draft.name,
            "code": draft.code,
            "effect": stored_effect(draft.effect),
            "product_ids": await self._product_ids(draft.products),
            "category_ids": await self._category_ids(draft.categories),
            "brands": sorted(draft.brands),
            "minimum": dict(draft.minimum),
            "first_order_only": draft.first_order_only,
            "combinable": draft.combinable,
            "starts_at": draft.starts_at,
            "ends_at": draft.ends_at,
            "usage_limit": draft.usage_limit,
            "usage_limit_per_customer": draft.usage_limit_per_customer,
            "used": uses if is_counted else 0,
            "active": draft.active,
        }
        return bool(await self._run(_STORE, **row))

    async def _product_ids(self, names: Sequence[str]) -> list[int]:
        if not names:
            return []
        found = {row.name: row.id for row in await self._run(_PRODUCTS, names=list(names))}
        return _all(found, names, "products")

    async def _category_ids(self, paths: Sequence[tuple[str, ...]]) -> list[int]:
        if not paths:
            return []
        rows = await self._run(_CATEGORIES, roots=[path[0] for path in paths])
        found = {tuple(row.path_names): row.id for row in rows}
        return _all(found, paths, "categories")

    async def _run(self, statement: Executable, **parameters: object) -> Sequence[Any]:
        return (await self._connection.execute(statement, parameters)).all()


def _all(found: dict[Any, int], wanted: Iterable[Any], field: str) -> list[int]:
    for place, each in enumerate(wanted):
        if each not in found:
            name = " > ".join(each) if isinstance(each, tuple) else each
            raise InvalidInput(f"the shop has no {name!r}: import products first", field=(field, str(place)))
    return sorted({found[each] for each in wanted})
