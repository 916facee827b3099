"""Mutations of carts: inputs become edits, failures become user errors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from enum import Enum
from functools import partial
from typing import Annotated

import strawberry

from app.cart.discount_codes import SetCodes
from app.cart.domain import KeyValue as KeyValueRecord
from app.cart.domain import PricedCart
from app.cart.edits import AddLines, CartEdit, ChangeLines, LineChange, NewLine, RemoveLines, SetDetails
from app.cart.fill import OnLineError
from app.core.errors import ClientError, InvalidInput, Rejected, Unauthenticated
from app.core.money import Currency
from resolvers.address import AddressInput, address_of
from resolvers.backing import INPUT, given
from resolvers.cart import Cart
from resolvers.context import Info
from resolvers.cost_directives import at_most
from resolvers.enums import CurrencyCode
from resolvers.errors import MAX_USER_ERRORS, UserError, user_errors
from resolvers.idempotency import IDEMPOTENCY_KEY
from resolvers.ids import cart_key, cart_line_key, delivery_option_key, variant_key

MAX_INPUT_LINES = 100

_CART_ID = "The cart's id."
_EMAIL = "Where to send the confirmation; up to 254 characters."
_VERSION = "The version that the client has read; another one is a `VersionConflictError`."


@strawberry.type(description="What became of a cart.")
class CartPayload:
    """The cart is null where nothing was changed."""

    cart: Cart | None = strawberry.field(description="The cart after the change; null where nothing was changed.")
    user_errors: list[UserError] = strawberry.field(
        directives=at_most(MAX_USER_ERRORS),
        description="Why nothing was changed, or with `PARTIAL` what was left out; else empty. At most 100.",
    )


@strawberry.input(description="A wish of the buyer for a line: a key of 1 to 64 and a value of up to 500 characters.")
class KeyValueInput:
    """One of a line's attributes."""

    key: str = strawberry.field(description="What it is about; once a line.")
    value: str = strawberry.field(description="What the buyer wishes.")


@strawberry.input(description="Units to put into a cart.")
class CartLineInput:
    """Becomes a `NewLine`."""

    variant_id: strawberry.ID = strawberry.field(description="The variant's id.")
    quantity: int = strawberry.field(default=1, description="How many units, 1 to 999.")
    attributes: list[KeyValueInput] | None = strawberry.field(
        default=strawberry.UNSET, description="The buyer's wishes; at most 20. Other wishes make another line."
    )


@strawberry.input(description="A new cart, with whatever the shopper brings along.")
class CartCreateInput:
    """All of it, or no cart."""

    lines: list[CartLineInput] | None = strawberry.field(default=strawberry.UNSET, description="At most 100 lines.")
    email: str | None = strawberry.field(default=strawberry.UNSET, description=_EMAIL)
    note: str | None = strawberry.field(default=strawberry.UNSET, description="Up to 5,000 characters.")
    shipping_address: AddressInput | None = strawberry.field(
        default=strawberry.UNSET, description="Where to deliver to."
    )
    billing_address: AddressInput | None = strawberry.field(default=strawberry.UNSET, description="Where to bill.")
    discount_codes: list[str] | None = strawberry.field(
        default=strawberry.UNSET, description="At most 10 codes; one that does not apply is refused."
    )
    currency: Enum | None = strawberry.field(
        default=strawberry.UNSET,
        graphql_type=CurrencyCode | None,
        description="One of `shop.currencies`; that of `@inContext` without it.",
    )
    idempotency_key: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description=IDEMPOTENCY_KEY)


@strawberry.input(description="Lines to add to a cart.")
class CartLinesAddInput:
    """Becomes `AddLines`, or goes to `FillCart`."""

    cart_id: strawberry.ID = strawberry.field(description=_CART_ID)
    lines: list[CartLineInput] = strawberry.field(description="1 to 100 lines.")
    on_error: OnLineError | None = strawberry.field(
        default=OnLineError.ALL_OR_NOTHING,
        description="Whether all lines stay out when one cannot be added as it is, or the rest and what fits goes in.",
    )
    expected_version: int | None = strawberry.field(default=strawberry.UNSET, description=_VERSION)
    idempotency_key: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description=IDEMPOTENCY_KEY)


@strawberry.input(description="A change of one line.")
class CartLineChange:
    """Becomes a `LineChange`."""

    line_id: strawberry.ID = strawberry.field(description="The line's id.")
    quantity: int | None = strawberry.field(default=strawberry.UNSET, description="0 to 999; 0 removes the line.")
    quantity_delta: int | None = strawberry.field(
        default=strawberry.UNSET, description="A difference instead of a quantity, such as -1."
    )
    variant_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="Another variant instead of the line's, such as a larger size."
    )


@strawberry.input(description="Changes of a cart's lines: all of them, or none.")
class CartLinesUpdateInput:
    """Becomes `ChangeLines`."""

    cart_id: strawberry.ID = strawberry.field(description=_CART_ID)
    lines: list[CartLineChange] = strawberry.field(description="1 to 100 changes.")
    expected_version: int | None = strawberry.field(default=strawberry.UNSET, description=_VERSION)
    idempotency_key: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description=IDEMPOTENCY_KEY)


@strawberry.input(description="Lines to take out of a cart: all of them, or none.")
class CartLinesRemoveInput:
    """Becomes `RemoveLines`."""

    cart_id: strawberry.ID = strawberry.field(description=_CART_ID)
    line_ids: list[strawberry.ID] = strawberry.field(description="1 to 100 ids of lines.")
    expected_version: int | None = strawberry.field(default=strawberry.UNSET, description=_VERSION)
    idempotency_key: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description=IDEMPOTENCY_KEY)


@strawberry.input(description="Who buys, and where it goes. What is left out stays as it is.")
class CartUpdateInput:
    """Becomes `SetDetails`."""

    cart_id: strawberry.ID = strawberry.field(description=_CART_ID)
    email: str | None = strawberry.field(default=strawberry.UNSET, description=_EMAIL)
    note: str | None = strawberry.field(default=strawberry.UNSET, description="Up to 5,000 characters.")
    shipping_address: AddressInput | None = strawberry.field(
        default=strawberry.UNSET, description="Where to deliver to."
    )
    billing_address: AddressInput | None = strawberry.field(default=strawberry.UNSET, description="Where to bill.")
    delivery_option_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="One of the cart's `deliveryOptions`."
    )
    claim: bool | None = strawberry.field(
        default=strawberry.UNSET,
        description="True makes a guest's cart the signed-in customer's own: nobody else sees it from then on.",
    )
    expected_version: int | None = strawberry.field(default=strawberry.UNSET, description=_VERSION)
    idempotency_key: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description=IDEMPOTENCY_KEY)


@strawberry.input(description="The discount codes that a cart is to have instead of those it has.")
class CartDiscountCodesSetInput:
    """Becomes `SetCodes`."""

    cart_id: strawberry.ID = strawberry.field(description=_CART_ID)
    codes: list[str] = strawberry.field(
        description="At most 10 codes, upper or lower case; none takes all of them off."
    )
    expected_version: int | None = strawberry.field(default=strawberry.UNSET, description=_VERSION)
    idempotency_key: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description=IDEMPOTENCY_KEY)


@strawberry.type
class CartMutation:
    """The part of `Mutation` about carts."""

    @strawberry.mutation(description="Open a cart.")
    async def cart_create(self, info: Info, input: Annotated[CartCreateInput, INPUT]) -> CartPayload | None:  # noqa: A002
        """A guest's cart: its id is its key."""
        edits: list[CartEdit] = []
        lines = given(input.lines)
        if lines:
            edits.append(AddLines(_new_lines(lines)))
        edits.append(
            SetDetails(
                email=given(input.email),
                note=given(input.note),
                shipping_address=address_of(input.shipping_address),
                billing_address=address_of(input.billing_address),
            )
        )
        codes = given(input.discount_codes)
        if codes:
            edits.append(SetCodes(tuple(codes), "discountCodes"))
        context, currency = info.context, given(input.currency)
        wanted = context.shopper.currency if currency is None else Currency(str(currency.value))
        create = partial(context.services.create_cart, edits, currency=wanted, country_code=context.shopper.country)
        return await _carried_out(info, lambda: create(caller=context.caller, keyed=context.keyed_call))

    @strawberry.mutation(description="Put units into a cart.")
    async def cart_lines_add(self, info: Info, input: Annotated[CartLinesAddInput, INPUT]) -> CartPayload | None:  # noqa: A002
        """Units of a line that is there already are added to it."""
        lines = _new_lines(input.lines)
        if input.on_error is OnLineError.PARTIAL:
            return await _filled(info, input.cart_id, lines, input.expected_version)
        return await _edited(info, input.cart_id, AddLines(lines), input.expected_version)

    @strawberry.mutation(description="Change quantities or variants of a cart's lines.")
    async def cart_lines_update(self, info: Info, input: Annotated[CartLinesUpdateInput, INPUT]) -> CartPayload | None:  # noqa: A002
        """A line whose quantity falls to 0 goes."""
        _check_count(input.lines)
        changes = tuple(
            LineChange(
                cart_line_key(change.line_id),
                given(change.quantity),
                given(change.quantity_delta),
                None if given(change.variant_id) is None else variant_key(str(change.variant_id)),
            )
            for change in input.lines
        )
        return await _edited(info, input.cart_id, ChangeLines(changes), input.expected_version)

    @strawberry.mutation(description="Take lines out of a cart.")
    async def cart_lines_remove(self, info: Info, input: Annotated[CartLinesRemoveInput, INPUT]) -> CartPayload | None:  # noqa: A002
        """All of them, or none."""
        _check_count(input.line_ids)
        edit = RemoveLines(tuple(cart_line_key(line_id) for line_id in input.line_ids))
        return await _edited(info, input.cart_id, edit, input.expected_version)

    @strawberry.mutation(description="Set who buys and where it goes.")
    async def cart_update(self, info: Info, input: Annotated[CartUpdateInput, INPUT]) -> CartPayload | None:  # noqa: A002
        """What is left out stays as it is."""
        option = given(input.delivery_option_id)
        if given(input.claim) and info.context.caller is None:
            raise Unauthenticated("Sign in to make the cart your own.")
        edit = SetDetails(
            email=given(input.email),
            note=given(input.note),
            shipping_address=address_of(input.shipping_address),
            billing_address=address_of(input.billing_address),
            delivery_option_id=None if option is None else delivery_option_key(option),
            customer_id=info.context.caller if given(input.claim) else None,
        )
        return await _edited(info, input.cart_id, edit, input.expected_version)

    @strawberry.mutation(description="Set a cart's discount codes. One that is new and does not apply is refused.")
    async def cart_discount_codes_set(
        self,
        info: Info,
        input: Annotated[CartDiscountCodesSetInput, INPUT],  # noqa: A002
    ) -> CartPayload | None:
        """A code that the cart has already may stay, even while it does not apply."""
        return await _edited(info, input.cart_id, SetCodes(tuple(input.codes)), input.expected_version)


async def _edited(info: Info, cart_id: str, edit: CartEdit, expected_version: int | None) -> CartPayload:
    key, version, context = cart_key(cart_id), given(expected_version), info.context
    change = context.services.edit_cart
    return await _carried_out(
        info,
        lambda: change(key, edit, expected_version=version, caller=context.caller, keyed=context.keyed_call),
    )


async def _filled(info: Info, cart_id: str, lines: Sequence[NewLine], expected_version: int | None) -> CartPayload:
    key, version, context = cart_key(cart_id), given(expected_version), info.context
    fill, caller = context.services.fill_cart, context.caller
    try:
        keyed = context.keyed_call
        filled = await context.in_turn(fill, key, lines, expected_version=version, caller=caller, keyed=keyed)
    except ClientError as error:
        return CartPayload(cart=None, user_errors=await user_errors(error, context))
    context.took_effect()
    left_out = await user_errors(Rejected(filled.faults), context) if filled.faults else []
    return CartPayload(cart=filled.cart, user_errors=left_out)  # type: ignore[arg-type]  # a record, as everywhere


async def _carried_out(info: Info, change: Callable[[], Awaitable[PricedCart]]) -> CartPayload:
    try:
        cart = await info.context.in_turn(change)
    except ClientError as error:
        return CartPayload(cart=None, user_errors=await user_errors(error, info.context))
    info.context.took_effect()
    return CartPayload(cart=cart, user_errors=[])  # type: ignore[arg-type]  # a record, as everywhere


def _new_lines(lines: Sequence[CartLineInput]) -> tuple[NewLine, ...]:
    _check_count(lines)
    return tuple(
        NewLine(
            variant_key(line.variant_id),
            line.quantity,
            tuple(KeyValueRecord(pair.key, pair.value) for pair in given(line.attributes) or ()),
        )
        for line in lines
    )


def _check_count(values: Sequence[object]) -> None:
    if not 1 <= len(values) <= MAX_INPUT_LINES:
        raise InvalidInput(f"A list of lines has 1 to {MAX_INPUT_LINES} entries.")
