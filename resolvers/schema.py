"""The schema's roots, and the schema itself.

`build_schema()` is made once a process; `schema.graphql` at the top of the repository is its text, and a test fails
when it is stale.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar
from uuid import UUID

import strawberry
from strawberry.schema.config import StrawberryConfig

from app.accounts.domain import Customer as CustomerRecord
from app.cart.domain import PricedCart
from app.catalog import domain as catalog
from app.core.errors import InvalidInput
from app.core.ids import AttemptId, CartId, CategoryId, Kind, OrderId, ProductId, VariantId, decode
from app.orders.domain import Order as OrderRecord
from app.payments.domain import PaymentAttempt
from dataloaders.batching import Loader
from resolvers.account_mutations import AccountMutation
from resolvers.backing import given
from resolvers.by_key import AttemptKey, CartKey, OrderBy, attempt_of, cart_of, order_of, own_order
from resolvers.cancellations import CancellationMutation
from resolvers.cart import Cart, CartLine
from resolvers.cart_life_mutations import CartLifeMutation
from resolvers.cart_mutations import CartMutation
from resolvers.category import Category, CategoryConnection, ParentId, categories_below
from resolvers.checkout import CheckoutAttempt, CheckoutMutation
from resolvers.connection import After, Before, First, Last, Listing, asked_page
from resolvers.context import Context, Info
from resolvers.cost_directives import at_most
from resolvers.customer import Customer
from resolvers.customer_mutations import CustomerMutation
from resolvers.errors import (
    DiscountNotApplicableError,
    GenericUserError,
    InsufficientStockError,
    PriceChangedError,
    QuantityOutOfRangeError,
    VersionConflictError,
)
from resolvers.facets import ListFacet, RangeFacet
from resolvers.idempotency import KeyedExecutor
from resolvers.ids import Node, attempt_key, cart_key, category_key, product_key, variant_key
from resolvers.in_context import in_context
from resolvers.order import Order
from resolvers.product import Product, ProductVariant
from resolvers.scalars import SCALARS
from resolvers.search import Filter, ProductConnection, ProductListing, Sort, search_products
from resolvers.search import Query as Words
from resolvers.services import ShopProfile
from resolvers.shop import Shop
from resolvers.shop_schema import ShopSchema
from resolvers.subscriptions import Subscription
from resolvers.suggestions import SearchSuggestions, suggestions

K = TypeVar("K")
V = TypeVar("V")

MAX_NODES = 100
SENSITIVE = frozenset(  # a request may have one of these
    {
        "checkoutComplete",
        "checkoutAttemptCancel",
        "orderCancel",
        "customerRegister",
        "login",
        "tokenRefresh",
        "passwordResetRequest",
        "passwordReset",
        "passwordChange",
        "customerDelete",
        "emailVerify",
    }
)


@strawberry.input(one_of=True, description="Which product: exactly one of these.")
class ProductBy:
    """A product's keys."""

    id: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description="The product's id.")
    slug: str | None = strawberry.field(default=strawberry.UNSET, description="The product's name in URLs.")


@strawberry.input(one_of=True, description="Which variant: exactly one of these.")
class VariantBy:
    """A variant's keys."""

    id: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description="The variant's id.")
    sku: str | None = strawberry.field(default=strawberry.UNSET, description="The stock-keeping unit.")


@strawberry.input(one_of=True, description="Which category: exactly one of these.")
class CategoryBy:
    """A category's keys."""

    id: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description="The category's id.")
    slug: str | None = strawberry.field(default=strawberry.UNSET, description="The category's name in URLs.")


@strawberry.type(description="Everything that can be read.")
class Query:
    """The root of queries."""

    @strawberry.field(
        description="Any object by its id; null where there is none, or it is not yours to see.",
        graphql_type=Node | None,
    )
    async def node(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The object's id.")],  # noqa: A002
    ) -> object | None:
        """Dispatches on the type in the id."""
        return await _node(id, info.context)

    @strawberry.field(
        directives=at_most(MAX_NODES, told_by="ids"),
        description="Objects by their ids, in the same order.",
        graphql_type=list[Node | None],
    )
    async def nodes(
        self,
        info: Info,
        ids: Annotated[list[strawberry.ID], strawberry.argument(description=f"At most {MAX_NODES} ids.")],
    ) -> Sequence[object | None]:
        """Batched by the loaders."""
        if len(ids) > MAX_NODES:
            raise InvalidInput(f"At most {MAX_NODES} ids at once.")
        return await asyncio.gather(*(_node(each, info.context) for each in ids))

    @strawberry.field(description="The shop itself.", graphql_type=Shop)
    def shop(self, info: Info) -> ShopProfile:
        """From the settings."""
        return info.context.services.profile

    @strawberry.field(description="Find products, or browse them all.", graphql_type=ProductConnection)
    async def products(
        self,
        info: Info,
        query: Words = strawberry.UNSET,
        filter: Filter = strawberry.UNSET,  # noqa: A002  the schema's name
        sort: Sort = strawberry.UNSET,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
    ) -> ProductListing:
        """Counts and facets are computed only where they are selected."""
        return await search_products(info, query, filter, sort, (first, after, last, before))

    @strawberry.field(description="Completions of a half-typed query.")
    async def search_suggestions(
        self,
        info: Info,
        query: Annotated[str, strawberry.argument(description="What has been typed so far.")],
        first: Annotated[int, strawberry.argument(description="How many of each kind at most, 1 to 20.")] = 5,
    ) -> SearchSuggestions:
        """For each keystroke."""
        return await suggestions(query, first, info.context)

    @strawberry.field(description="A product; null where there is none.", graphql_type=Product | None)
    async def product(
        self, info: Info, by: Annotated[ProductBy, strawberry.argument(description="Which one.")]
    ) -> catalog.Product | None:
        """By id or slug."""
        loaders = info.context.loaders
        return await _found(by.id, product_key, by.slug, loaders.product_id_by_slug, loaders.product)

    @strawberry.field(description="A variant; null where there is none.", graphql_type=ProductVariant | None)
    async def variant(
        self, info: Info, by: Annotated[VariantBy, strawberry.argument(description="Which one.")]
    ) -> catalog.Variant | None:
        """By id or stock-keeping unit."""
        loaders = info.context.loaders
        return await _found(by.id, variant_key, by.sku, loaders.variant_id_by_sku, loaders.variant)

    @strawberry.field(description="A category; null where there is none.", graphql_type=Category | None)
    async def category(
        self, info: Info, by: Annotated[CategoryBy, strawberry.argument(description="Which one.")]
    ) -> catalog.Category | None:
        """By id or slug."""
        loaders = info.context.loaders
        return await _found(by.id, category_key, by.slug, loaders.category_id_by_slug, loaders.category)

    @strawberry.field(description="The categories directly below one, by name.", graphql_type=CategoryConnection)
    async def categories(
        self,
        info: Info,
        parent_id: ParentId = strawberry.UNSET,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
    ) -> Listing[catalog.Category]:
        """The roots where there is no parent."""
        parent = given(parent_id)
        key = catalog.ROOT if parent is None else category_key(parent)
        return await categories_below(info, key, asked_page(first, after))

    @strawberry.field(description="A cart at today's prices; null where there is none.", graphql_type=Cart | None)
    async def cart(
        self,
        info: Info,
        id: CartKey,  # noqa: A002
    ) -> PricedCart | None:
        """Always from the primary."""
        return await cart_of(info.context, cart_key(id))

    @strawberry.field(description="An attempt to pay; null where there is none.", graphql_type=CheckoutAttempt | None)
    async def checkout_attempt(
        self,
        info: Info,
        id: AttemptKey,  # noqa: A002
    ) -> PaymentAttempt | None:
        """For clients that poll."""
        return await attempt_of(info.context, attempt_key(id))

    @strawberry.field(
        description="An order; null where the token is wrong or has expired, or it is not the caller's.",
        graphql_type=Order | None,
    )
    async def order(
        self, info: Info, by: Annotated[OrderBy, strawberry.argument(description="Which one.")]
    ) -> OrderRecord | None:
        """A guest's never by its id alone."""
        return await order_of(info.context, by)

    @strawberry.field(
        description="Whoever's access token the request carries; null for a guest.", graphql_type=Customer | None
    )
    async def me(self, info: Info) -> CustomerRecord | None:
        """The token was verified before anything was resolved."""
        return await info.context.signed_in_customer()


async def _found(
    public_id: str | None,
    key_of: Callable[[str], K],
    name: str | None,
    key_by_name: Loader[str, K],
    by_key: Loader[K, V],
) -> V | None:
    """The record that a "by" input asks for, by its id or by its name."""
    name = given(name)
    key = key_of(str(public_id)) if name is None else await key_by_name.load(name)
    return None if key is None else await by_key.load(key)


async def _node(text: str, context: Context) -> object | None:
    kind, key = decode(text)
    if isinstance(key, UUID):
        if kind is Kind.CART:
            return await cart_of(context, CartId(key))
        if kind is Kind.CUSTOMER:
            return await context.signed_in_customer() if key == context.caller else None
        if kind is Kind.ORDER:
            return await own_order(context, OrderId(key))
        # a line needs its cart, so its id alone opens nothing
        return await attempt_of(context, AttemptId(key)) if kind is Kind.ATTEMPT else None
    if kind is Kind.PRODUCT:
        return await context.loaders.product.load(ProductId(key))
    if kind is Kind.VARIANT:
        return await context.loaders.variant.load(VariantId(key))
    return await context.loaders.category.load(CategoryId(key)) if kind is Kind.CATEGORY else None


@strawberry.type(description="Everything that can be changed.")
class Mutation(
    CartMutation, CartLifeMutation, CheckoutMutation, CancellationMutation, AccountMutation, CustomerMutation
):
    """The root of mutations."""


def build_schema(*, introspection: bool = True) -> ShopSchema:
    """The schema, validated."""
    schema = ShopSchema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        directives=[in_context],
        types=[
            CartLine,
            Order,
            GenericUserError,
            InsufficientStockError,
            QuantityOutOfRangeError,
            VersionConflictError,
            PriceChangedError,
            DiscountNotApplicableError,
            ListFacet,
            RangeFacet,
        ],
        execution_context_class=KeyedExecutor,
        config=StrawberryConfig(scalar_map=SCALARS, disable_field_suggestions=True),
    )
    return schema.ready(introspection=introspection)
