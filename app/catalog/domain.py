"""The catalogue's records and ports.

A record is what repositories return, caches store, rules compute on and loaders batch; GraphQL types are declared
over it. A draft is a product as an import hands it in. See ADR-0002.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from app.core.ids import CategoryId, ProductId, VariantId
from app.core.money import Currency, Money
from app.core.quantity import ANY_QUANTITY, QuantityRule
from app.core.stock import StockPolicy

ROOT = CategoryId(0)  # stands for the parent of the topmost categories
MAX_VARIANTS = 100  # of one product: a page of variants is always one batch
MAX_IMAGES = 50
MAX_CATEGORY_DEPTH = 8
SEO_DESCRIPTION_LENGTH = 160  # what search engines show of it


@dataclass(frozen=True, slots=True)
class Image:
    """A picture of a product. Sizes are in pixels, None where nobody has measured them."""

    url: str
    alt_text: str | None = None
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True)
class Attribute:
    """A fact about a product, such as `Material: cotton, linen`."""

    slug: str
    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ProductOption:
    """Something a shopper chooses, such as `Size: S, M, L`."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SelectedOption:
    """The choice that one variant stands for."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Seo:
    """What a search engine shows."""

    title: str
    description: str


@dataclass(frozen=True, slots=True)
class Translation:
    """A product's texts in another language than the shop's. language: ISO 639-1."""

    language: str
    name: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Product:
    """Something the shop sells, in one or more variants."""

    id: ProductId
    slug: str
    name: str
    description: str
    brand: str | None
    category_id: CategoryId | None
    tags: tuple[str, ...]
    images: tuple[Image, ...]
    attributes: tuple[Attribute, ...]
    options: tuple[ProductOption, ...]
    seo: Seo
    popularity: int
    created_at: datetime
    updated_at: datetime
    language: str  # of name and description: the one that was asked for, or the shop's own

    def translated(self, into: Translation) -> Product:
        """The product with its texts in another language."""
        seo = Seo(into.name, into.description[:SEO_DESCRIPTION_LENGTH])
        return replace(self, name=into.name, description=into.description, seo=seo, language=into.language)


@dataclass(frozen=True, slots=True)
class Variant:
    """What goes into a cart: one choice of a product's options, with its own stock-keeping unit."""

    id: VariantId
    product_id: ProductId
    sku: str
    name: str
    position: int
    selected_options: tuple[SelectedOption, ...]
    image: Image | None
    weight_grams: int | None
    requires_shipping: bool
    quantity_rule: QuantityRule = ANY_QUANTITY


@dataclass(frozen=True, slots=True)
class VariantPrice:
    """What one unit costs now, and what it is compared with."""

    variant_id: VariantId
    current: Money
    compare_at: Money | None


@dataclass(frozen=True, slots=True)
class PriceRange:
    """The lowest and highest price among a product's variants.

    compare_min, compare_max: the same over compare-at prices, None where no variant has one.
    """

    product_id: ProductId
    min: Money
    max: Money
    compare_min: Money | None
    compare_max: Money | None
    on_sale: bool


@dataclass(frozen=True, slots=True)
class Category:
    """A node of the category tree. path_ids: from the root to this category, itself included."""

    id: CategoryId
    parent_id: CategoryId | None
    slug: str
    name: str
    description: str
    path_ids: tuple[CategoryId, ...]
    language: str  # of name and description, as of a product's

    def translated(self, into: Translation) -> Category:
        """The category with its texts in another language."""
        return replace(self, name=into.name, description=into.description, language=into.language)


@dataclass(frozen=True, slots=True)
class CategoryPlace:
    """Where a category stands among its siblings: by its name without case and accents, then by its id."""

    sort_name: str
    id: CategoryId


# ------------------------------------------------------------------------------------------------ what an import brings


@dataclass(frozen=True, slots=True)
class OtherPrice:
    """A price in another currency, and what it is compared with."""

    price: Money
    compare_at: Money | None = None


@dataclass(frozen=True, slots=True)
class VariantDraft:
    """A variant as an import hands it in.

    other_prices: in other currencies than `price`; those of currencies that it leaves out stay as they are.
    sku: None lets the catalogue make one from the product's slug and the options.
    on_hand: units in the warehouse, 0 or more; it means nothing where the policy is UNTRACKED.
    tax_class: which of a country's rates it has.
    """

    price: Money
    compare_at: Money | None = None
    other_prices: tuple[OtherPrice, ...] = ()
    sku: str | None = None
    selected_options: tuple[SelectedOption, ...] = ()
    on_hand: int = 0
    stock_policy: StockPolicy = StockPolicy.UNTRACKED
    weight_grams: int | None = None
    requires_shipping: bool = True
    image: Image | None = None
    quantity_rule: QuantityRule = ANY_QUANTITY
    tax_class: str = "standard"


@dataclass(frozen=True, slots=True)
class ProductDraft:
    """A product as an import hands it in, valid in itself.

    key: identifies the product across imports; the same key means the same product.
    source: where it was read, such as `products.jsonl:12`, for messages.
    category_path: names from the root to the leaf; empty for none.
    variants: 1 to MAX_VARIANTS of them, no two with the same options.
    """

    key: str
    source: str
    name: str
    variants: tuple[VariantDraft, ...]
    description: str = ""
    brand: str | None = None
    category_path: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    images: tuple[Image, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    popularity: int = 0
    slug: str | None = None
    seo_title: str | None = None
    seo_description: str | None = None
    translations: tuple[Translation, ...] = ()


@dataclass(frozen=True, slots=True)
class DraftFault:
    """A draft that could not be stored, and why. field: the draft's own name for the value at fault."""

    source: str
    field: str
    reason: str


@dataclass(frozen=True, slots=True)
class ImportOutcome:
    """What one batch of drafts did to the catalogue.

    product_ids, variant_ids: whatever was created or changed, for those who keep copies.
    """

    created: int
    updated: int
    unchanged: int
    faults: tuple[DraftFault, ...]
    product_ids: tuple[ProductId, ...] = ()
    variant_ids: tuple[VariantId, ...] = ()


# ------------------------------------------------------------------------------------------------ ports


class CatalogReader(Protocol):
    """Public catalogue data. Unknown ids are absent from the answer."""

    async def products_by_ids(self, ids: Sequence[ProductId]) -> dict[ProductId, Product]:
        """The products with these ids."""
        ...

    async def translations_by_product_ids(
        self, ids: Sequence[ProductId], language: str
    ) -> dict[ProductId, Translation]:
        """The products' texts in another language than the shop's; a product without is absent."""
        ...

    async def product_ids_by_slugs(self, slugs: Sequence[str]) -> dict[str, ProductId]:
        """Which product has which slug."""
        ...

    async def variants_by_ids(self, ids: Sequence[VariantId]) -> dict[VariantId, Variant]:
        """The variants with these ids."""
        ...

    async def variant_ids_by_skus(self, skus: Sequence[str]) -> dict[str, VariantId]:
        """Which variant has which stock-keeping unit."""
        ...

    async def variants_by_product_ids(self, ids: Sequence[ProductId]) -> dict[ProductId, tuple[Variant, ...]]:
        """All variants of these products, each in its own order, at most MAX_VARIANTS a product."""
        ...

    async def prices_by_variant_ids(
        self, ids: Sequence[VariantId], currency: Currency
    ) -> dict[VariantId, VariantPrice]:
        """Prices in one currency; a variant that is not sold in it is absent."""
        ...

    async def price_ranges_by_product_ids(
        self, ids: Sequence[ProductId], currency: Currency
    ) -> dict[ProductId, PriceRange]:
        """Price ranges in one currency; a product that is not sold in it is absent."""
        ...

    async def lowest_prices_by_variant_ids(
        self, ids: Sequence[VariantId], currency: Currency
    ) -> dict[VariantId, Money]:
        """The lowest price of the 30 days before the present one came; absent where there was none before it."""
        ...

    async def categories_by_ids(self, ids: Sequence[CategoryId]) -> dict[CategoryId, Category]:
        """The categories with these ids."""
        ...

    async def category_ids_by_slugs(self, slugs: Sequence[str]) -> dict[str, CategoryId]:
        """Which category has which slug."""
        ...

    async def children_by_category_ids(self, ids: Sequence[CategoryId]) -> dict[CategoryId, tuple[CategoryPlace, ...]]:
        """The categories directly below these, by name; ROOT has the topmost ones."""
        ...


class CatalogWriter(Protocol):
    """The catalogue's store inside one transaction."""

    async def upsert(self, drafts: Sequence[ProductDraft], *, now: datetime, index: bool = True) -> ImportOutcome:
        """Create or update these products, with variants, prices, stock and search rows.

        index: False leaves the search rows to a rebuild, which is how a million products are loaded. A draft whose
        content is stored already changes nothing. A draft that clashes with another product (its sku or slug is taken)
        is left out and reported; the others land. drafts: at most 1,000, no two with the same key.
        """
        ...

    async def product_count(self) -> int:
        """How many products there are."""
        ...


@dataclass(frozen=True, slots=True)
class Offer:
    """What a cart has to know of a variant now. price: None where it is not sold (any more) in that currency.

    category_ids: of its category and all above it; weight_grams: None where nobody has weighed it.
    """

    variant_id: VariantId
    product_name: str
    variant_name: str
    sku: str
    price: Money | None
    requires_shipping: bool
    quantity_rule: QuantityRule = ANY_QUANTITY
    product_id: ProductId | None = None
    category_ids: tuple[CategoryId, ...] = ()
    brand: str | None = None
    weight_grams: int | None = None
    tax_class: str = "standard"


class OfferReader(Protocol):
    """Prices that money depends on: always from the primary, never from a cache."""

    async def offers_by_variant_ids(self, ids: Sequence[VariantId], currency: Currency) -> dict[VariantId, Offer]:
        """The offers of these variants; an unknown variant is absent."""
        ...
