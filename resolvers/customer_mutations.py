"""Mutations of what a customer has: their name, address book and account, and what they bought as a guest."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

import strawberry

from app.accounts import address_book as records
from app.accounts.address_book import MAX_SAVED, AddressChange
from app.accounts.domain import MAX_NAME_LENGTH, Identity
from app.core.errors import ClientError
from app.core.ids import Kind
from app.customers.domain import MAX_CLAIMED
from resolvers.account_mutations import PASSWORD, WHY_NOT, CustomerPayload, insist_on_identity
from resolvers.address import AddressInput, address_of
from resolvers.backing import INPUT, given
from resolvers.context import Context, Info
from resolvers.cost_directives import at_most
from resolvers.customer import Customer, SavedAddress
from resolvers.delete_payload import DeletePayload
from resolvers.errors import MAX_USER_ERRORS, UserError, user_errors
from resolvers.idempotency import IDEMPOTENCY_KEY
from resolvers.ids import address_key, public_id

DEFAULT_SHIPPING = "True to have parcels go there by default; no other address is the default then."
DEFAULT_BILLING = "True to have bills go there by default; no other address is the default then."


@strawberry.input(description="What a customer is to be called.")
class CustomerUpdateInput:
    """Null takes the name away."""

    name: str | None = strawberry.field(
        default=strawberry.UNSET, description=f"The name, at most {MAX_NAME_LENGTH} characters; null for none."
    )
    idempotency_key: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description=IDEMPOTENCY_KEY)


@strawberry.input(description="An account that is to be deleted, by its owner.")
class CustomerDeleteInput:
    """A password is asked for, since a device may be somebody else's for a moment."""

    password: str = strawberry.field(description=PASSWORD)


@strawberry.input(description="A new entry of the address book; the first one is the default of both kinds.")
class AddressCreateInput:
    """Becomes an `AddressChange`."""

    address: AddressInput = strawberry.field(description="The address.")
    is_default_shipping: bool | None = strawberry.field(default=strawberry.UNSET, description=DEFAULT_SHIPPING)
    is_default_billing: bool | None = strawberry.field(default=strawberry.UNSET, description=DEFAULT_BILLING)
    idempotency_key: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description=IDEMPOTENCY_KEY)


@strawberry.input(description="A change of an entry of the address book; what is left out stays.")
class AddressUpdateInput:
    """Becomes an `AddressChange`."""

    id: strawberry.ID = strawberry.field(description="The entry's id.")
    address: AddressInput | None = strawberry.field(
        default=strawberry.UNSET, description="The whole address as it is to be."
    )
    is_default_shipping: bool | None = strawberry.field(default=strawberry.UNSET, description=DEFAULT_SHIPPING)
    is_default_billing: bool | None = strawberry.field(default=strawberry.UNSET, description=DEFAULT_BILLING)
    idempotency_key: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description=IDEMPOTENCY_KEY)


@strawberry.input(description="An entry of the address book to delete; of a default, the newest takes its place.")
class AddressDeleteInput:
    """By its id."""

    id: strawberry.ID = strawberry.field(description="The entry's id.")
    idempotency_key: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description=IDEMPOTENCY_KEY)


@strawberry.input(description="What was bought as a guest, to be made the customer's.")
class GuestOrdersClaimInput:
    """The customer's verified address says which."""

    idempotency_key: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description=IDEMPOTENCY_KEY)


@strawberry.type(description="What became of an address book.")
class AddressBookPayload:
    """Both are null exactly where there are user errors."""

    customer: Customer | None = strawberry.field(description="Whose it is; null where nothing was changed.")
    saved_address: SavedAddress | None = strawberry.field(
        description="The new or changed entry; null where one was deleted or nothing was changed."
    )
    user_errors: list[UserError] = strawberry.field(directives=at_most(MAX_USER_ERRORS), description=WHY_NOT)


@strawberry.type(description="What has become a customer's.")
class GuestOrdersClaimPayload:
    """Counts; the orders themselves are in `customer.orders`."""

    orders: int = strawberry.field(description=f"How many orders became theirs; at most {MAX_CLAIMED} at once.")
    carts: int = strawberry.field(description=f"How many carts became theirs; at most {2 * MAX_CLAIMED} at once.")
    customer: Customer | None = strawberry.field(description="The customer; null where nothing was done.")
    user_errors: list[UserError] = strawberry.field(directives=at_most(MAX_USER_ERRORS), description=WHY_NOT)


@strawberry.type
class CustomerMutation:
    """The part of `Mutation` about what a customer has."""

    @strawberry.mutation(description="Change what the customer is called.")
    async def customer_update(
        self,
        info: Info,
        input: Annotated[CustomerUpdateInput, INPUT],  # noqa: A002  the schema's name
    ) -> CustomerPayload | None:
        """For who is signed in."""
        context = info.context
        try:
            identity, update = insist_on_identity(context), context.services.accounts.update_customer
            customer = await context.in_turn(update, identity, given(input.name), keyed=context.keyed_call)
        except ClientError as error:
            return CustomerPayload(customer=None, user_errors=await user_errors(error, context))
        context.took_effect()
        return CustomerPayload(customer=customer, user_errors=[])  # type: ignore[arg-type]  # a record, as everywhere

    @strawberry.mutation(
        description="Delete the account, by its owner with their password: name, addresses, sessions and carts are gone"
        " at once, every token is dead within seconds. Of orders stays what bookkeeping needs."
    )
    async def customer_delete(
        self,
        info: Info,
        input: Annotated[CustomerDeleteInput, INPUT],  # noqa: A002
    ) -> DeletePayload | None:
        """There is no way back."""
        context = info.context
        try:
            identity = insist_on_identity(context)
            await context.services.delete_customer(identity, input.password, context.origin)
        except ClientError as error:
            return DeletePayload(deleted_id=None, user_errors=await user_errors(error, context))
        return DeletePayload(deleted_id=public_id(Kind.CUSTOMER, identity.customer_id), user_errors=[])

    @strawberry.mutation(description=f"Add an address to the customer's book, which has room for {MAX_SAVED}.")
    async def address_create(
        self,
        info: Info,
        input: Annotated[AddressCreateInput, INPUT],  # noqa: A002
    ) -> AddressBookPayload | None:
        """Checked by its country, as a cart's."""
        context, create = info.context, info.context.services.accounts.create_address
        change = _change(input.address, input.is_default_shipping, input.is_default_billing)
        return await _edited(context, lambda who: context.in_turn(create, who, change, keyed=context.keyed_call))

    @strawberry.mutation(description="Change an address of the customer's book, or make it a default.")
    async def address_update(
        self,
        info: Info,
        input: Annotated[AddressUpdateInput, INPUT],  # noqa: A002
    ) -> AddressBookPayload | None:
        """Somebody else's address is one that there is not."""
        context, update, key = info.context, info.context.services.accounts.update_address, address_key(input.id)
        change = _change(input.address, input.is_default_shipping, input.is_default_billing)
        return await _edited(context, lambda who: context.in_turn(update, who, key, change, keyed=context.keyed_call))

    @strawberry.mutation(description="Delete an address of the customer's book.")
    async def address_delete(
        self,
        info: Info,
        input: Annotated[AddressDeleteInput, INPUT],  # noqa: A002
    ) -> AddressBookPayload | None:
        """Orders keep theirs."""
        context, delete, key = info.context, info.context.services.accounts.delete_address, address_key(input.id)
        return await _edited(context, lambda who: context.in_turn(delete, who, key, keyed=context.keyed_call))

    @strawberry.mutation(
        description="Make orders and carts the customer's that were made with their verified e-mail address while"
        " nobody was signed in. Their ids open them to nobody else from then on; an order's token still does."
    )
    async def guest_orders_claim(
        self,
        info: Info,
        input: Annotated[GuestOrdersClaimInput, INPUT],  # noqa: A002
    ) -> GuestOrdersClaimPayload | None:
        """Call it after a sign-in."""
        context = info.context
        try:
            identity = insist_on_identity(context)
            claim = context.services.claim_guest_orders
            claimed = await context.in_turn(claim, identity, keyed=context.keyed_call)
        except ClientError as error:
            problems = await user_errors(error, context)
            return GuestOrdersClaimPayload(orders=0, carts=0, customer=None, user_errors=problems)
        context.took_effect()
        return GuestOrdersClaimPayload(
            orders=len(claimed.orders),
            carts=len(claimed.carts),
            customer=await context.signed_in_customer(),  # type: ignore[arg-type]  # a record, as everywhere
            user_errors=[],
        )


def _change(
    address: AddressInput | None, is_default_shipping: bool | None, is_default_billing: bool | None
) -> AddressChange:
    return AddressChange(address_of(address), given(is_default_shipping), given(is_default_billing))


async def _edited(
    context: Context, edit: Callable[[Identity], Awaitable[records.SavedAddress | None]]
) -> AddressBookPayload:
    try:
        saved = await edit(insist_on_identity(context))
    except ClientError as error:
        return AddressBookPayload(customer=None, saved_address=None, user_errors=await user_errors(error, context))
    context.took_effect()
    customer = await context.signed_in_customer()
    return AddressBookPayload(customer=customer, saved_address=saved, user_errors=[])  # type: ignore[arg-type]  # records
