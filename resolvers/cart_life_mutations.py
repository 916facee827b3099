"""Mutations of whole carts: merged into another, deleted."""

from __future__ import annotations

from typing import Annotated

import strawberry

from app.core.errors import ClientError, Rejected
from app.core.ids import Kind
from resolvers.backing import INPUT, given
from resolvers.cart import Cart
from resolvers.context import Info
from resolvers.cost_directives import at_most
from resolvers.delete_payload import DeletePayload
from resolvers.errors import MAX_USER_ERRORS, UserError, user_errors
from resolvers.idempotency import IDEMPOTENCY_KEY
from resolvers.ids import cart_key, public_id


@strawberry.input(description="A cart whose lines are to go into another.")
class CartMergeInput:
    """Both must be the caller's to see."""

    source_cart_id: strawberry.ID = strawberry.field(
        description="The cart that ends: it stays readable as `MERGED`, with `mergedInto`."
    )
    target_cart_id: strawberry.ID = strawberry.field(description="The cart that goes on.")
    expected_version: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="The target's version that the client has read; another one is a `VersionConflictError`.",
    )
    idempotency_key: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description=IDEMPOTENCY_KEY)


@strawberry.input(description="A cart to delete.")
class CartDeleteInput:
    """Nothing of it is kept."""

    cart_id: strawberry.ID = strawberry.field(description="The cart's id.")
    expected_version: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="The version that the client has read; another one is a `VersionConflictError`.",
    )
    idempotency_key: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description=IDEMPOTENCY_KEY)


@strawberry.type(description="What became of a cart's lines: each was moved, summed or dropped.")
class CartMergePayload:
    """From a `MergedCart`."""

    cart: Cart | None = strawberry.field(description="The target after the merge; null where nothing was changed.")
    moved: int = strawberry.field(description="Lines that are new in the target.")
    summed: int = strawberry.field(description="Lines whose units were added to a line that was there.")
    clamped: int = strawberry.field(description="Lines among these that lost units, for want of stock or by a rule.")
    dropped: int = strawberry.field(description="Lines of which nothing could be taken over.")
    user_errors: list[UserError] = strawberry.field(
        directives=at_most(MAX_USER_ERRORS),
        description="Why nothing was changed; or, where there is a cart, what every clamped and dropped line lost.",
    )


@strawberry.type
class CartLifeMutation:
    """The part of `Mutation` about whole carts."""

    @strawberry.mutation(description="Put a cart's lines into another cart, as far as there is room, and end it.")
    async def cart_merge(self, info: Info, input: Annotated[CartMergeInput, INPUT]) -> CartMergePayload | None:  # noqa: A002
        """Merging the same two carts again gives the same answer."""
        context, version = info.context, given(input.expected_version)
        source, target = cart_key(input.source_cart_id), cart_key(input.target_cart_id)
        merge, caller = context.services.merge_carts, context.caller
        try:
            keyed = context.keyed_call
            merged = await context.in_turn(merge, source, target, expected_version=version, caller=caller, keyed=keyed)
        except ClientError as error:
            problems = await user_errors(error, context)
            return CartMergePayload(cart=None, moved=0, summed=0, clamped=0, dropped=0, user_errors=problems)
        context.took_effect()
        report = merged.report
        return CartMergePayload(
            cart=merged.cart,  # type: ignore[arg-type]  # a record, as everywhere
            moved=report.moved,
            summed=report.summed,
            clamped=report.clamped,
            dropped=report.dropped,
            user_errors=await user_errors(Rejected(report.faults), context) if report.faults else [],
        )

    @strawberry.mutation(description="Delete a cart with all that it says of the buyer.")
    async def cart_delete(self, info: Info, input: Annotated[CartDeleteInput, INPUT]) -> DeletePayload | None:  # noqa: A002
        """Not while a payment is under way, nor once it has been paid."""
        context, key, version = info.context, cart_key(input.cart_id), given(input.expected_version)
        delete, caller = context.services.delete_cart, context.caller
        try:
            keyed = context.keyed_call
            await context.in_turn(delete, key, expected_version=version, caller=caller, keyed=keyed)
        except ClientError as error:
            return DeletePayload(deleted_id=None, user_errors=await user_errors(error, context))
        context.took_effect()
        return DeletePayload(deleted_id=public_id(Kind.CART, key), user_errors=[])
