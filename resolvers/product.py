"""Products and variants in the schema."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from app.catalog import domain as records
from app.catalog import labels
from app.catalog.search import ProductFilter, SearchRequest
from app.core import quantity
from app.core.errors import InvalidInput
from app.core.ids import Kind, VariantId
from app.core.pagination import PageRequest, slice_page
from app.inventory import domain as inventory
from resolvers.backing import backed_by
from resolvers.connection import After, Connection, First, Listing, asked_page, listing
from resolvers.context import Info
from resolvers.cost_directives import EMBEDDED, at_most
from resolvers.ids import Node
from resolvers.price import MoneyRange, VariantPrice
from resolvers.scalars import URL

if TYPE_CHECKING:
    from resolvers.category import Category

_Category = Annotated["Category", strawberry.lazy("resolvers.category")]
MAX_RELATED = 20


@strawberry.type(description="A picture.")
@backed_by(records.Image)
class Image:
    """Declared over its record."""

    alt_text: str | None = strawberry.field(description="What it shows, for those who cannot see it.")
    width: int | None = strawberry.field(description="Its width in pixels, where it is known.")
    height: int | None = strawberry.field(description="Its height in pixels, where it is known.")

    @strawberry.field(description="Where the picture is.")
    def url(image: strawberry.Parent[records.Image], info: Info) -> URL:
        """A path is one on this server."""
        path = image.url.startswith("/")
        return URL(info.context.services.profile.base_url + image.url if path else image.url)


@strawberry.type(description="A fact about a product, such as its material.", directives=[EMBEDDED])
@backed_by(labels.ShownAttribute)
class Attribute:
    """Declared over its record."""

    slug: str = strawberry.field(description="The attribute's name for programs, such as `material`.")
    name: str = strawberry.field(description="The attribute's name for people, such as `Material`.")
    values: list[str] = strawberry.field(
        directives=at_most(50), description="Its values, such as `cotton` and `linen`. Filters take a facet's `value`."
    )
    language: str = strawberry.field(
        description="The language of `name` and `values`: the shop's own where any of them is not translated."
    )


@strawberry.type(description="Something a shopper chooses, such as a size.", directives=[EMBEDDED])
@backed_by(records.ProductOption)
class ProductOption:
    """Declared over its record."""

    name: str = strawberry.field(description="The option's name, such as `Size`.")
    values: list[str] = strawberry.field(
        directives=at_most(records.MAX_VARIANTS), description="What there is to choose from, in the order to show."
    )


@strawberry.type(description="The choice that a variant stands for, such as the size M.", directives=[EMBEDDED])
@backed_by(records.SelectedOption)
class SelectedOption:
    """Declared over its record."""

    name: str = strawberry.field(description="The option's name, such as `Size`.")
    value: str = strawberry.field(description="The chosen value, such as `M`.")


@strawberry.input(description="A choice, to find the variant that stands for it.")
class SelectedOptionInput:
    """One pair of `variantFor`."""

    name: str = strawberry.field(description="The option's name, such as `Size`.")
    value: str = strawberry.field(description="The chosen value, such as `M`.")


@strawberry.type(description="What a search engine should show of a page.", directives=[EMBEDDED])
@backed_by(records.Seo)
class Seo:
    """Declared over its record."""

    title: str = strawberry.field(description="The page's title.")
    description: str = strawberry.field(description="A sentence or two about the page.")


@strawberry.type(
    description="The quantities that may be bought: minimum, minimum + step, … up to maximum.", directives=[EMBEDDED]
)
@backed_by(quantity.QuantityRule)
class QuantityRule:
    """Declared over its record."""

    minimum: int = strawberry.field(description="The smallest quantity; a multiple of step.")
    step: int = strawberry.field(description="Quantities are multiples of it.")

    @strawberry.field(
        description="The largest quantity of a cart line, and of all a cart's lines of a limited variant."
    )
    def maximum(rule: strawberry.Parent[quantity.QuantityRule]) -> int | None:
        """Never above what a line can have."""
        return rule.largest


@strawberry.type(description="What to tell a shopper about stock, read from the primary database.")
@backed_by(inventory.Availability)
class Availability:
    """Declared over its record."""

    state: inventory.StockState = strawberry.field(description="Whether it can be bought.")
    quantity: int | None = strawberry.field(description="How many units are left; null where nobody counts them.")
    quantity_is_capped: bool = strawberry.field(description="Whether there are more than `quantity` says.")
    as_of: datetime = strawberry.field(description="When the stock was read.")


@strawberry.type(description="One choice of a product's options: what goes into a cart.")
@backed_by(records.Variant, kind=Kind.VARIANT)
class ProductVariant(Node):
    """Declared over the record `Variant`."""

    sku: str = strawberry.field(description="The stock-keeping unit: unique in the shop.")
    name: str = strawberry.field(description="The chosen values, such as `M / Blue`.")
    selected_options: list[SelectedOption] = strawberry.field(
        directives=at_most(10), description="The choice this variant stands for."
    )
    image: Image | None = strawberry.field(description="A picture of this very variant.")
    weight_grams: int | None = strawberry.field(description="What one unit weighs, where it is known.")
    requires_shipping: bool = strawberry.field(description="Whether it has to be delivered.")
    quantity_rule: QuantityRule = strawberry.field(description="Which quantities may be bought.")

    @strawberry.field(description="The product it belongs to.", graphql_type="Product")
    async def product(variant: strawberry.Parent[records.Variant], info: Info) -> records.Product | None:
        """Batched."""
        return await info.context.loaders.product.load(variant.product_id)

    @strawberry.field(description="What one unit costs.", graphql_type=VariantPrice)
    async def price(variant: strawberry.Parent[records.Variant], info: Info) -> records.VariantPrice | None:
        """Batched."""
        return await info.context.loaders.price.load(variant.id)

    @strawberry.field(description="Whether it can be bought.", graphql_type=Availability)
    async def availability(variant: strawberry.Parent[records.Variant], info: Info) -> inventory.Availability:
        """Batched, never cached."""
        return await _availability([variant.id], info)


@strawberry.type(description="Something the shop sells, in one or more variants.")
@backed_by(records.Product, kind=Kind.PRODUCT)
class Product(Node):
    """Declared over its record."""

    slug: str = strawberry.field(description="The product's name in URLs: unique in the shop.")
    name: str = strawberry.field(description="The product's name.")
    description: str = strawberry.field(description="Plain text; may have line breaks.")
    language: str = strawberry.field(
        description="Which language `name` and `description` are in: the one that was asked for, or the shop's own"
        " where nobody has translated the product."
    )
    brand: str | None = strawberry.field(description="Who makes it.")
    tags: list[str] = strawberry.field(directives=at_most(50), description="Words the shop has put on it.")

    @strawberry.field(directives=at_most(50), description="Facts about it.", graphql_type=list[Attribute])
    async def attributes(product: strawberry.Parent[records.Product], info: Info) -> list[labels.ShownAttribute]:
        """Batched."""
        own = info.context.services.profile.language
        known: dict[str, labels.FacetLabels] = {}
        if info.context.text_language != own:
            found = await info.context.loaders.facet_labels.load_many([each.slug for each in product.attributes])
            known = {each.slug: each for each in found}
        return [labels.shown(each, known.get(each.slug), own) for each in product.attributes]

    options: list[ProductOption] = strawberry.field(
        directives=at_most(10), description="What a shopper chooses; empty where there is nothing."
    )
    seo: Seo = strawberry.field(description="What a search engine should show of its page.")
    created_at: datetime = strawberry.field(description="When it came into the shop.")
    updated_at: datetime = strawberry.field(description="When it was last changed.")

    @strawberry.field(description="The category it belongs to, the most special one.", graphql_type=_Category | None)
    async def category(product: strawberry.Parent[records.Product], info: Info) -> records.Category | None:
        """Batched."""
        if product.category_id is None:
            return None
        return await info.context.loaders.category.load(product.category_id)

    @strawberry.field(
        directives=at_most(records.MAX_CATEGORY_DEPTH),
        description="The categories from the root down to its own.",
        graphql_type=list[_Category],
    )
    async def category_path(product: strawberry.Parent[records.Product], info: Info) -> Sequence[records.Category]:
        """Batched."""
        category = product.category_id and await info.context.loaders.category.load(product.category_id)
        return await info.context.loaders.category.load_many(category.path_ids) if category else ()

    @strawberry.field(description="The picture for lists.", graphql_type=Image | None)
    def thumbnail(product: strawberry.Parent[records.Product]) -> records.Image | None:
        """The first picture."""
        return product.images[0] if product.images else None

    @strawberry.field(description="All pictures, in the order to show.", graphql_type=Connection[Image])
    def images(
        product: strawberry.Parent[records.Product], first: First = strawberry.UNSET, after: After = strawberry.UNSET
    ) -> Listing[records.Image]:
        """Cut from the record."""
        places = range(len(product.images))
        page = slice_page(places, asked_page(first, after), lambda place: place, f"images:{product.id}")
        return listing(page, [product.images[place] for place in page.items])

    @strawberry.field(description="The variants, in the order to show.", graphql_type=Connection[ProductVariant])
    async def variants(
        product: strawberry.Parent[records.Product],
        info: Info,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
    ) -> Listing[records.Variant]:
        """Batched; a product has at most 100."""
        request = asked_page(first, after)
        variants = await info.context.loaders.variants_of_product.load(product.id) or ()
        page = slice_page(variants, request, lambda variant: variant.position, f"variants:{product.id}")
        return listing(page, page.items)

    @strawberry.field(description="How many variants there are.")
    async def variants_count(product: strawberry.Parent[records.Product], info: Info) -> int:
        """Batched."""
        return len(await info.context.loaders.variants_of_product.load(product.id) or ())

    @strawberry.field(
        description="The variant that stands for a choice of options; null where there is none.",
        graphql_type=ProductVariant | None,
    )
    async def variant_for(
        product: strawberry.Parent[records.Product],
        info: Info,
        options: Annotated[
            list[SelectedOptionInput], strawberry.argument(description="A value for every option of the product.")
        ],
    ) -> records.Variant | None:
        """Batched."""
        wanted = {(option.name, option.value) for option in options}
        variants = await info.context.loaders.variants_of_product.load(product.id) or ()
        return next((v for v in variants if {(o.name, o.value) for o in v.selected_options} == wanted), None)

    @strawberry.field(description="The lowest and highest price among the variants.")
    async def price_range(product: strawberry.Parent[records.Product], info: Info) -> MoneyRange:
        """Batched."""
        prices = await info.context.loaders.price_range.load(product.id)
        assert prices is not None, f"product {product.id} is shown and has no price"
        return MoneyRange(min=prices.min, max=prices.max)  # type: ignore[arg-type]  # records, as everywhere

    @strawberry.field(description="The span of the prices it is compared with; null where there is none.")
    async def compare_at_price_range(product: strawberry.Parent[records.Product], info: Info) -> MoneyRange | None:
        """Batched."""
        prices = await info.context.loaders.price_range.load(product.id)
        if prices is None or prices.compare_min is None:
            return None
        return MoneyRange(min=prices.compare_min, max=prices.compare_max)  # type: ignore[arg-type]  # records

    @strawberry.field(description="Whether a variant costs less than it is compared with.")
    async def on_sale(product: strawberry.Parent[records.Product], info: Info) -> bool:
        """Batched."""
        prices = await info.context.loaders.price_range.load(product.id)
        return prices is not None and prices.on_sale

    @strawberry.field(description="Whether any variant can be bought.", graphql_type=Availability)
    async def availability(product: strawberry.Parent[records.Product], info: Info) -> inventory.Availability:
        """Batched, never cached."""
        variants = await info.context.loaders.variants_of_product.load(product.id) or ()
        return await _availability([variant.id for variant in variants], info)

    @strawberry.field(
        description="Other products of the same category, the most popular first.", graphql_type="list[Product]"
    )
    async def related(
        product: strawberry.Parent[records.Product],
        info: Info,
        first: Annotated[int, strawberry.argument(description=f"How many at most, 1 to {MAX_RELATED}.")] = 8,
    ) -> Sequence[records.Product]:
        """One search for each product: meant for a product's page."""
        return await _related(product, first, info)


async def _related(product: records.Product, first: int, info: Info) -> Sequence[records.Product]:
    if not 1 <= first <= MAX_RELATED:
        raise InvalidInput(f"first must be 1 to {MAX_RELATED}.")
    if product.category_id is None:
        return ()
    wanted = ProductFilter(categories=(product.category_id,))
    request = SearchRequest(filter=wanted, currency=info.context.shopper.currency)
    hits, _ = await info.context.in_turn(info.context.services.search.page, request, PageRequest(first + 1))
    others = [product_id for product_id in hits.page.items if product_id != product.id]
    return await info.context.loaders.product.load_many(others[:first])


async def _availability(ids: Sequence[VariantId], info: Info) -> inventory.Availability:
    levels = await info.context.loaders.stock.load_many(ids)
    return inventory.availability(levels, info.context.services.clock.now())
