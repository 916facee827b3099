"""Real catalogues, with the traps that nobody would think of inventing."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from app.catalog.domain import Image, ProductDraft, SelectedOption
from app.catalog_import.formats import open_catalog
from app.catalog_import.reading import Currencies
from app.core.money import Currency, Money
from app.core.stock import StockPolicy

USD = Currency("USD")
CURRENCIES = Currencies(USD, frozenset({USD}))


def drafts_of(path: Path) -> list[ProductDraft]:
    with open_catalog(path, CURRENCIES) as catalog:
        items = list(catalog.items)
    drafts = [item for item in items if isinstance(item, ProductDraft)]
    assert len(drafts) == len(items)
    return drafts


def by_key(path: Path) -> dict[str, ProductDraft]:
    return {draft.key: draft for draft in drafts_of(path)}


def choices(draft: ProductDraft) -> list[tuple[str, str, int, int | None]]:
    return [
        (option.name, option.value, variant.price.minor, variant.compare_at.minor if variant.compare_at else None)
        for variant in draft.variants
        for option in variant.selected_options
    ]


def test_every_best_buy_row_is_a_product_of_its_own_and_the_same_next_time(real_files: Path) -> None:
    path = real_files / "bestbuy" / "products.jsonl"

    drafts = drafts_of(path)

    assert len(drafts) == 3_291
    assert len({draft.key for draft in drafts}) == 3_291
    assert [draft.key for draft in drafts_of(path)] == [draft.key for draft in drafts]
    assert len({draft.name for draft in drafts}) == 3_229
    assert len({draft.brand for draft in drafts}) == 263
    assert len({draft.category_path for draft in drafts}) == 62
    assert Counter(draft.key.count(":") for draft in drafts) == {1: 3_232, 2: 59}


def test_the_first_best_buy_row_is_read_exactly(real_files: Path) -> None:
    draft = drafts_of(real_files / "bestbuy" / "products.jsonl")[0]

    assert draft.name == "AT&T GoPhone - Samsung Galaxy Express 3 4G LTE with 8GB Memory Prepaid Cell Phone"
    assert draft.brand == "AT&T GoPhone"
    assert draft.category_path == ("Cell Phones", "Prepaid Phones", "All Prepaid Phones")
    assert draft.popularity == 21_449
    assert draft.images == (Image("https://cdn-demo.algolia.com/bestbuy-0118/4984700_sb.jpg"),)
    [variant] = draft.variants
    assert variant.price == Money(4_999, USD)
    assert variant.stock_policy is StockPolicy.UNTRACKED


def test_best_buy_names_and_descriptions_hold_characters_and_no_entities(real_files: Path) -> None:
    drafts = drafts_of(real_files / "bestbuy" / "products.jsonl")

    assert not [draft.source for draft in drafts if "&#" in draft.name + draft.description]
    assert sum("Christian Siriano - Hard Shell Case for Apple® iPhone® 6 and 6s" in draft.name for draft in drafts) == 4
    assert sum(draft.description.count("ƒ/1.8") for draft in drafts) == 42
    assert sum(draft.variants[0].price.minor % 100 == 0 for draft in drafts) == 67
    assert sum(len(set(draft.category_path)) < len(draft.category_path) for draft in drafts) == 1


def test_each_shopify_sample_has_twenty_products(real_files: Path) -> None:
    counts = {path.name: len(drafts_of(path)) for path in (real_files / "shopify").glob("*.csv")}

    assert counts == {"apparel.csv": 20, "home-and-garden.csv": 20, "jewelery.csv": 20}


def test_variants_continue_the_product_above_them(real_files: Path) -> None:
    apparel = by_key(real_files / "shopify" / "apparel.csv")
    homes = by_key(real_files / "shopify" / "home-and-garden.csv")
    jewels = by_key(real_files / "shopify" / "jewelery.csv")

    assert choices(apparel["classic-varsity-top"]) == [
        ("Size", "Small", 6_000, None),
        ("Size", "Medium", 6_000, None),
        ("Size", "Large", 6_000, None),
    ]
    assert choices(homes["clay-plant-pot"]) == [("Size", "Regular", 999, None), ("Size", "Large", 1_599, None)]
    assert choices(jewels["leather-anchor"]) == [("Color", "Gold", 6_999, 8_500), ("Color", "Silver", 5_500, 8_500)]
    assert choices(jewels["gemstone"]) == [("Colour", "Blue", 2_799, 2_999), ("Colour", "Purple", 2_799, 2_999)]
    with_options = [draft for draft in [*apparel.values(), *homes.values(), *jewels.values()] if choices(draft)]
    assert len(with_options) == 5


def test_rows_with_only_a_picture_add_pictures(real_files: Path) -> None:
    jewels = by_key(real_files / "shopify" / "jewelery.csv")

    names = [image.url.rpartition("/")[2] for image in jewels["gemstone"].images]
    assert names == [
        "blue-gemstone-pendant_925x.jpg",
        "gemstone-necklace_925x.jpg",
        "womens-necklace_925x.jpg",
        "purple-gemstone-necklace_925x.jpg",
    ]
    assert len(jewels["origami-crane-necklace"].variants) == 1
    assert len(jewels["origami-crane-necklace"].images) == 4
    assert sum(len(draft.variants) for draft in jewels.values()) == 23


def test_default_title_is_no_option(real_files: Path) -> None:
    shirt = by_key(real_files / "shopify" / "apparel.csv")["ocean-blue-shirt"]

    [variant] = shirt.variants
    assert variant.selected_options == ()
    assert variant.price == Money(5_000, USD)
    assert (shirt.slug, shirt.brand) == ("ocean-blue-shirt", "partners-demo")
    assert (shirt.category_path, shirt.tags) == ((), ("men",))


def test_html_becomes_text_with_line_breaks(real_files: Path) -> None:
    jewels = by_key(real_files / "shopify" / "jewelery.csv")

    assert jewels["choker-with-gold-pendant"].description == (
        "Black cord choker with gold pendant. Beautifully died black leather shapes a choker necklace with findings of "
        "14k yellow gold, displaying gold pendant in a gorgeous balance of dark and light, delicate and strong.\n\n"
        '• 14k yellow gold\n• Leather\n• Length, 12" with 2.5" extender\n• Width, 0.3"\n• Lobster clasp\n• Made in USA'
    )


def test_only_the_product_with_a_tracker_has_counted_stock(real_files: Path) -> None:
    homes = by_key(real_files / "shopify" / "home-and-garden.csv")

    counted = {
        key: variant.on_hand
        for key, draft in homes.items()
        for variant in draft.variants
        if variant.stock_policy is not StockPolicy.UNTRACKED
    }
    assert counted == {"biodegradable-cardboard-pots": 8}


def test_a_variant_has_its_own_picture_and_grams(real_files: Path) -> None:
    jewels = by_key(real_files / "shopify" / "jewelery.csv")

    blue, black = jewels["chain-bracelet"].variants
    assert blue.selected_options == (SelectedOption("Color", "Blue"),)
    assert blue.image == Image("https://burst.shopifycdn.com/photos/navy-blue-chakra-bracelet_925x.jpg")
    assert black.image == Image("https://burst.shopifycdn.com/photos/7-chakra-bracelet_925x.jpg")
    assert [variant.weight_grams for variant in jewels["boho-earrings"].variants] == [28]
    assert jewels["boho-earrings"].category_path == ("Earrings",)
