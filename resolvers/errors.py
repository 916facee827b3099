"""Failures in the schema: what a shopper can mend becomes a `UserError` of the payload.

The translation from the shop's errors happens here and in `app/http`, nowhere else. Problem types are made here and
returned; the errors themselves are raised, since graphql-core raises whatever exception a resolver returns. See
ADR-0006.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated

import strawberry

from app.core import errors
from app.core.discount import DiscountReason
from app.core.errors import ClientError, ErrorCode, Rejected
from app.core.ids import Kind, VariantId
from resolvers.context import Context
from resolvers.cost_directives import ALONE, EMBEDDED, at_most
from resolvers.ids import public_id
from resolvers.money import Money
from resolvers.product import ProductVariant, QuantityRule

MAX_USER_ERRORS = 100  # who has mended so many sends the request again


@strawberry.interface(description="Something that the shopper or the client can mend.")
class UserError:
    """The fields that every problem has."""

    code: ErrorCode = strawberry.field(description="What went wrong, for a program.")
    message: str = strawberry.field(description="What went wrong, for people.")
    field: list[str] | None = strawberry.field(
        directives=at_most(10), description="The path of the value at fault in `input`; null where no single value is."
    )
    retryable: bool = strawberry.field(description="Whether the same request may succeed after reading again.")


@strawberry.type(description="A problem that needs no facts beyond its code and message.", directives=[EMBEDDED])
class GenericUserError(UserError):
    """Any other problem."""


@strawberry.type(description="Fewer units are available than were asked for.", directives=[EMBEDDED])
class InsufficientStockError(UserError):
    """From `OutOfStock`."""

    variant: ProductVariant | None = strawberry.field(description="The variant that is short.")
    line_id: strawberry.ID | None = strawberry.field(description="The cart line, where there is one.")
    requested: int = strawberry.field(description="How many units were asked for, all lines together.")
    available: int = strawberry.field(description="How many units could be had.")
    applied: int = strawberry.field(description="How many units were taken all the same.")


@strawberry.type(description="The variant is not sold in this quantity.", directives=[EMBEDDED])
class QuantityOutOfRangeError(UserError):
    """From `QuantityOutOfRange`."""

    variant: ProductVariant | None = strawberry.field(description="The variant.")
    quantity_rule: QuantityRule = strawberry.field(description="The quantities that may be bought.")
    requested: int = strawberry.field(description="How many units the cart would have had.")
    applied: int = strawberry.field(description="How many units were taken all the same.")


@strawberry.type(description="The cart changed since the client read it.", directives=[EMBEDDED, ALONE])
class VersionConflictError(UserError):
    """From `VersionConflict`."""

    expected_version: int = strawberry.field(description="The version that the client expected.")
    current_version: int = strawberry.field(description="The version that the cart has.")


@strawberry.type(description="A discount code does not apply to the cart.", directives=[EMBEDDED])
class DiscountNotApplicableError(UserError):
    """From `DiscountNotApplicable`."""

    discount_code: str = strawberry.field(description="The code, as the shop keeps it.")
    reason: DiscountReason = strawberry.field(description="Why.")
    missing: Money | None = strawberry.field(description="For MINIMUM_NOT_MET: what its goods cost too little.")


@strawberry.type(
    description="A variant whose price is not the one at which it was put into the cart.", directives=[EMBEDDED]
)
class PriceChange:
    """One of `PriceChangedError.changes`."""

    variant: ProductVariant | None = strawberry.field(description="The variant.")
    before: Money = strawberry.field(description="The price of one unit when it was put into the cart.")
    after: Money = strawberry.field(description="The price of one unit now.")


@strawberry.type(description="The total is not the one that the buyer accepted.", directives=[EMBEDDED, ALONE])
class PriceChangedError(UserError):
    """From `PriceChanged`."""

    expected: Money = strawberry.field(description="The total that the client sent.")
    actual: Money = strawberry.field(description="The total now: show it, and send it with the next try.")
    changes: list[PriceChange] = strawberry.field(
        directives=at_most(MAX_USER_ERRORS), description="The variants whose price has changed; at most 100."
    )


UserErrors = Annotated[
    list[UserError], strawberry.argument(description="What keeps the request from being carried out; else empty.")
]


async def user_errors(error: ClientError, context: Context) -> list[UserError]:
    """The problems that an error stands for, with the facts a screen needs."""
    faults: Sequence[ClientError] = error.faults if isinstance(error, Rejected) else (error,)
    return list(await asyncio.gather(*(_user_error(fault, context) for fault in faults[:MAX_USER_ERRORS])))  # batched


async def _user_error(error: ClientError, context: Context) -> UserError:
    common = {
        "code": error.code,
        "message": error.message,
        "field": list(error.field) or None,
        "retryable": error.retryable,
    }
    if isinstance(error, errors.OutOfStock):
        return InsufficientStockError(
            **common,  # type: ignore[arg-type]  # the four common fields
            variant=await context.loaders.variant.load(VariantId(error.variant_id)),  # type: ignore[arg-type]  # record
            line_id=None if error.line_id is None else public_id(Kind.CART_LINE, error.line_id),
            requested=error.requested,
            available=error.available,
            applied=error.applied,
        )
    if isinstance(error, errors.QuantityOutOfRange):
        return QuantityOutOfRangeError(
            **common,  # type: ignore[arg-type]  # the four common fields
            variant=await context.loaders.variant.load(VariantId(error.variant_id)),  # type: ignore[arg-type]  # record
            quantity_rule=error.rule,  # type: ignore[arg-type]  # a record, as everywhere
            requested=error.requested,
            applied=error.applied,
        )
    if isinstance(error, errors.VersionConflict):
        return VersionConflictError(
            **common,  # type: ignore[arg-type]  # the four common fields
            expected_version=error.expected,
            current_version=error.current,
        )
    if isinstance(error, errors.DiscountNotApplicable):
        return DiscountNotApplicableError(
            **common,  # type: ignore[arg-type]  # the four common fields
            discount_code=error.discount_code,
            reason=error.reason,
            missing=error.missing,  # type: ignore[arg-type]  # a record, as everywhere
        )
    if isinstance(error, errors.PriceChanged):
        return await _price_changed(error, common, context)
    return GenericUserError(**common)  # type: ignore[arg-type]  # the four common fields


async def _price_changed(error: errors.PriceChanged, common: dict[str, object], context: Context) -> UserError:
    variants = await asyncio.gather(
        *(context.loaders.variant.load(VariantId(change.variant_id)) for change in error.changes)
    )
    changes = [
        PriceChange(variant=variant, before=change.before, after=change.after)  # type: ignore[arg-type]  # records
        for variant, change in zip(variants, error.changes, strict=True)
    ]
    return PriceChangedError(
        **common,  # type: ignore[arg-type]  # the four common fields
        expected=error.expected,  # type: ignore[arg-type]  # a record, as everywhere
        actual=error.actual,  # type: ignore[arg-type]
        changes=changes,
    )
