"""Offers' SQL: what carts and checkouts are priced with, on their own transaction."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ARRAY, Integer, Text, and_, bindparam, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.catalog.domain import Offer
from app.core.ids import VariantId
from app.core.money import Currency, Money
from app.core.quantity import QuantityRule
from app.database.tables import category, product, variant, variant_price

_OFFERS = (
    select(
        variant.c.id,
        variant.c.name.label("variant_name"),
        variant.c.sku,
        variant.c.requires_shipping,
        variant.c.weight_grams,
        variant.c.tax_class,
        variant.c.active,
        product.c.id.label("product_id"),
        variant.c.quantity_minimum,
        variant.c.quantity_maximum,
        variant.c.quantity_step,
        product.c.name.label("product_name"),
        product.c.brand,
        func.coalesce(category.c.path_ids, literal([], ARRAY(Integer))).label("category_ids"),
        variant_price.c.amount_minor,
    )
    .join(product, product.c.id == variant.c.product_id)
    .outerjoin(category, category.c.id == product.c.category_id)
    .outerjoin(
        variant_price,
        and_(variant_price.c.variant_id == variant.c.id, variant_price.c.currency == bindparam("currency", type_=Text)),
    )
    .where(variant.c.id == func.any(bindparam("ids", type_=ARRAY(Integer))))
)


class SqlOffers:
    """`OfferReader` on one connection to the primary."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def offers_by_variant_ids(self, ids: Sequence[VariantId], currency: Currency) -> dict[VariantId, Offer]:
        """The offers of these variants; an unknown variant is absent."""
        rows = (await self._connection.execute(_OFFERS, {"ids": list(ids), "currency": currency})).all()
        return {
            row.id: Offer(
                variant_id=row.id,
                product_name=row.product_name,
                variant_name=row.variant_name,
                sku=row.sku,
                price=Money(row.amount_minor, currency) if row.active and row.amount_minor is not None else None,
                requires_shipping=row.requires_shipping,
                product_id=row.product_id,
                category_ids=tuple(row.category_ids),
                brand=row.brand,
                weight_grams=row.weight_grams,
                tax_class=row.tax_class,
                quantity_rule=QuantityRule(row.quantity_minimum, row.quantity_maximum, row.quantity_step),
            )
            for row in rows
        }
