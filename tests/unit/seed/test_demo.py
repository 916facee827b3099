from __future__ import annotations

from collections import Counter

from app.catalog.domain import Image, ProductDraft, SelectedOption
from app.core.money import Currency, Money
from app.core.stock import StockPolicy
from app.seed.demo import demo_drafts

USD = Currency("USD")
SHOP = "https://shop.example"


def demo() -> list[ProductDraft]:
    return list(demo_drafts(USD))


def test_the_demo_shop_is_the_same_every_time() -> None:
    assert demo() == demo()


def test_keys_slugs_and_skus_are_all_different() -> None:
    drafts = demo()
    skus = [variant.sku for draft in drafts for variant in draft.variants]

    assert len(drafts) == 72
    assert len({draft.key for draft in drafts}) == 72
    assert len({draft.slug for draft in drafts}) == 72
    assert len(set(skus)) == len(skus) == 153
    assert None not in skus


def test_the_trail_mug_is_as_the_readme_has_it() -> None:
    mug = demo()[0]

    assert (mug.name, mug.slug, mug.key) == ("Trail Mug", "trail-mug", "demo:trail-mug")
    assert mug.category_path == ("Camp & Kitchen", "Drinkware", "Mugs")
    assert [variant.sku for variant in mug.variants] == ["MUG-BLUE", "MUG-GREEN", "MUG-SAND"]
    assert {variant.price for variant in mug.variants} == {Money(1_800, USD)}
    assert mug.variants[0].selected_options == (SelectedOption("Colour", "Blue"),)
    assert mug.variants[0].on_hand == 120


def test_every_product_has_what_a_shop_page_shows() -> None:
    for draft in demo():
        assert len(draft.category_path) == 3
        assert draft.brand
        assert draft.description.endswith(".")
        assert draft.attributes
        assert draft.popularity > 0
        assert all(variant.price.minor >= 500 for variant in draft.variants)


def test_stock_comes_in_every_kind() -> None:
    variants = [variant for draft in demo() for variant in draft.variants]
    counted = [variant.on_hand for variant in variants if variant.stock_policy is StockPolicy.DENY]

    assert Counter(variant.stock_policy for variant in variants) == {
        StockPolicy.DENY: 151,
        StockPolicy.BACKORDER: 1,
        StockPolicy.UNTRACKED: 1,
    }
    assert sum(units == 0 for units in counted) == 5
    assert sum(1 <= units <= 3 for units in counted) == 8


def test_two_products_are_sold_out_altogether() -> None:
    sold_out = [
        draft.name
        for draft in demo()
        if all(variant.stock_policy is StockPolicy.DENY and variant.on_hand == 0 for variant in draft.variants)
    ]

    assert sold_out == ["Scratch-Off Travel Map", "Tide & Moon Calendar"]


def test_the_download_is_not_shipped_and_nothing_else_is_a_download() -> None:
    unshipped = [
        (draft.name, variant.stock_policy)
        for draft in demo()
        for variant in draft.variants
        if not variant.requires_shipping
    ]

    assert unshipped == [("Coast Path Route Pack", StockPolicy.UNTRACKED)]


def test_some_products_cost_less_than_they_did() -> None:
    on_sale = [draft for draft in demo() if any(variant.compare_at for variant in draft.variants)]

    assert len(on_sale) == 16
    for draft in on_sale:
        assert all(v.compare_at is None or v.compare_at.minor > v.price.minor for v in draft.variants)


def test_pictures_are_where_the_server_draws_them() -> None:
    draft = next(demo_drafts(USD, image_base_url=f"{SHOP}/"))

    assert draft.images == (Image(f"{SHOP}/media/demo/trail-mug.svg", alt_text="Trail Mug"),)
    assert demo()[0].images == ()


def test_pictures_without_an_address_are_paths() -> None:
    draft = next(demo_drafts(USD, image_base_url=""))

    assert draft.images[0].url == "/media/demo/trail-mug.svg"


def test_prices_move_to_the_currency_of_the_shop() -> None:
    first = {currency: next(demo_drafts(Currency(currency))).variants[0].price for currency in ("EUR", "JPY", "KWD")}

    assert {currency: str(price) for currency, price in first.items()} == {
        "EUR": "18.00 EUR",
        "JPY": "1800 JPY",
        "KWD": "18.000 KWD",
    }


def test_compare_at_prices_move_along() -> None:
    cup = next(draft for draft in demo_drafts(Currency("KWD")) if draft.slug == "double-wall-summit-cup")

    assert [str(variant.compare_at) for variant in cup.variants] == ["32.000 KWD", "32.000 KWD"]


def test_the_demo_shop_can_be_priced_in_several_currencies() -> None:
    yen = Currency("JPY")

    mug = next(demo_drafts(USD, others=[yen]))

    assert mug.variants[0].other_prices[0].price == Money(1_800, yen)
