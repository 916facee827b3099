"""Promotions in files: what an entry may say, and the promotion that it is."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

import msgspec

from app.promotions.domain import (
    MAX_CODE_LENGTH,
    BuyXGetY,
    Effect,
    Fixed,
    FreeShipping,
    Percent,
    PromotionDraft,
    PromotionKind,
    normalised_code,
)
from app.terms_import.amounts import Misfit, ShopFacts, millionths
from app.terms_import.delivery_entries import Amounts, Key, Name

_Positive = Annotated[int, msgspec.Meta(ge=1, le=2_147_483_647)]
_Few = Annotated[int, msgspec.Meta(ge=1, le=100)]
_Moment = Annotated[datetime, msgspec.Meta(tz=True)]
_Goods = Annotated[list[Annotated[str, msgspec.Meta(min_length=1, max_length=255)]], msgspec.Meta(max_length=1_000)]
_Code = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_CODE_LENGTH)]
_ON_CARTS_ONLY = (
    *("code", "minimum", "first_order_only", "free_shipping", "buy_x_get_y"),
    *("usage_limit", "usage_limit_per_customer"),
)


class BuyXGetYEntry(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """Of every buy + get units, the get cheapest are reduced."""

    buy: _Few
    get: _Few
    percent: Decimal = Decimal(100)


class PromotionEntry(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """A promotion, with one of four effects."""

    key: Key
    name: Name
    on: Literal["cart", "catalog"] = "cart"
    code: _Code | None = None
    percent: Decimal | None = None
    amount: Amounts | None = None
    free_shipping: bool | None = None
    buy_x_get_y: BuyXGetYEntry | None = None
    products: _Goods = []
    categories: Annotated[list[_Goods], msgspec.Meta(max_length=1_000)] = []
    brands: _Goods = []
    minimum: Amounts | None = None
    first_order_only: bool | None = None
    combinable: bool = True
    starts_at: _Moment | None = None
    ends_at: _Moment | None = None
    usage_limit: _Positive | None = None
    usage_limit_per_customer: _Positive | None = None
    active: bool = True


def promotion_of(entry: PromotionEntry, shop: ShopFacts) -> PromotionDraft:
    """The promotion of an entry. Raises Misfit."""
    kind = PromotionKind(entry.on)
    if kind is PromotionKind.CATALOG:
        for name in _ON_CARTS_ONLY:
            if getattr(entry, name) is not None:
                raise Misfit(f".{PromotionEntry.__struct_encode_fields__[_place(name)]}", "is for promotions on carts")
    if entry.starts_at is not None and entry.ends_at is not None and entry.ends_at <= entry.starts_at:
        raise Misfit(".endsAt", "is not after startsAt")
    if any(not path for path in entry.categories):
        raise Misfit(".categories", "holds an empty path")
    return PromotionDraft(
        key=entry.key,
        kind=kind,
        name=entry.name,
        effect=_effect(entry, shop),
        code=_code(entry.code),
        products=tuple(entry.products),
        categories=tuple(map(tuple, entry.categories)),
        brands=tuple(entry.brands),
        minimum=shop.minor_units(entry.minimum or {}, ".minimum"),
        first_order_only=bool(entry.first_order_only),
        combinable=entry.combinable,
        starts_at=entry.starts_at,
        ends_at=entry.ends_at,
        usage_limit=entry.usage_limit,
        usage_limit_per_customer=entry.usage_limit_per_customer,
        active=entry.active,
    )


def _effect(entry: PromotionEntry, shop: ShopFacts) -> Effect:
    said = {
        "percent": entry.percent is not None,
        "amount": entry.amount is not None,
        "freeShipping": bool(entry.free_shipping),
        "buyXGetY": entry.buy_x_get_y is not None,
    }
    if sum(said.values()) != 1:
        raise Misfit("", f"needs exactly one of {', '.join(said)}")
    if entry.percent is not None:
        return Percent(_share(entry.percent, ".percent"))
    if entry.amount is not None:
        return Fixed(shop.minor_units(entry.amount, ".amount"))
    if entry.buy_x_get_y is not None:
        bundle = entry.buy_x_get_y
        return BuyXGetY(bundle.buy, bundle.get, _share(bundle.percent, ".buyXGetY.percent"))
    return FreeShipping()


def _share(percent: Decimal, path: str) -> int:
    ppm = millionths(percent, path)
    if not ppm:
        raise Misfit(path, "takes nothing off")
    return ppm


def _code(code: str | None) -> str | None:
    if code is None:
        return None
    normalised = normalised_code(code)
    if not normalised:
        raise Misfit(".code", "is blank")
    return normalised


def _place(name: str) -> int:
    return PromotionEntry.__struct_fields__.index(name)
