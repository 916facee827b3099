from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.catalog.domain import ProductDraft, SelectedOption, VariantDraft
from app.catalog.draft_names import SKU_LENGTH, SLUG_LENGTH, category_slug, product_slug, variant_name, variant_skus
from tests.unit.fakes import usd

SLUG = re.compile(r"[a-z0-9-]+")


def variant(*options: str, sku: str | None = None) -> VariantDraft:
    chosen = tuple(SelectedOption(f"Option {place}", value) for place, value in enumerate(options))
    return VariantDraft(usd(1_800), sku=sku, selected_options=chosen)


def draft(name: str = "Trail Mug", *variants: VariantDraft, key: str = "key-1") -> ProductDraft:
    return ProductDraft(key=key, source="products.jsonl:1", name=name, variants=variants or (variant(),))


# ------------------------------------------------------------------------------------------------ products


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Trail Mug", "trail-mug"),
        ("  Trail   Mug!  ", "trail-mug"),
        ("Höhenlinien-Atlas №1", "hohenlinien-atlas-no1"),
        ("Tide & Moon", "tide-moon"),
        ("地图", "di-tu"),
        ("x" * 300, "x" * 128),
    ],
)
def test_a_product_is_named_in_urls_as_it_is_named(name: str, slug: str) -> None:
    assert product_slug(draft(name), set()) == slug


def test_a_name_that_is_taken_is_made_distinct_by_the_key() -> None:
    slugs = {product_slug(draft(key=key), {"trail-mug"}) for key in ("key-1", "key-2", "key-3")}

    assert len(slugs) == 3
    assert all(re.fullmatch(r"trail-mug-[0-9a-f]{6}", slug) for slug in slugs)


@pytest.mark.parametrize("name", ["☆", "!!!", "   ", "—"])
def test_a_name_without_letters_is_the_keys_hash_alone(name: str) -> None:
    assert re.fullmatch(r"[0-9a-f]{6}", product_slug(draft(name), set()))


def test_a_long_name_that_is_taken_keeps_its_length_and_its_hash() -> None:
    slug = product_slug(draft("x" * 300), {"x" * 128})

    assert len(slug) == SLUG_LENGTH == 128
    assert re.fullmatch(r"x{121}-[0-9a-f]{6}", slug)


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=200), st.text(max_size=20), st.booleans())
def test_any_name_and_key_make_a_slug_that_is_the_same_every_time(name: str, key: str, is_taken: bool) -> None:
    plain = product_slug(draft(name, key=key), set())
    taken = {plain} if is_taken else set()

    slug = product_slug(draft(name, key=key), taken)

    assert SLUG.fullmatch(slug)
    assert len(slug) <= SLUG_LENGTH
    assert slug == product_slug(draft(name, key=key), taken)


# ------------------------------------------------------------------------------------------------ variants


def test_a_variant_keeps_its_own_stock_keeping_unit() -> None:
    assert variant_skus(draft("Trail Mug", variant("Blue", sku="mug/blue"), variant("Sand")), "trail-mug") == [
        "mug/blue",
        "TRAIL-MUG-SAND",
    ]


@pytest.mark.parametrize(
    ("options", "sku"),
    [
        ((), "TRAIL-MUG"),
        (("Blue",), "TRAIL-MUG-BLUE"),
        (("M", "Sea Blue"), "TRAIL-MUG-M-SEA-BLUE"),
        (("Größe 42",), "TRAIL-MUG-GROSSE-42"),
    ],
)
def test_a_made_up_unit_is_the_slug_and_the_options_in_capitals(options: tuple[str, ...], sku: str) -> None:
    assert variant_skus(draft("Trail Mug", variant(*options)), "trail-mug") == [sku]


def test_a_made_up_unit_that_is_too_long_is_cut_and_stays_distinct() -> None:
    skus = variant_skus(draft("x", variant("a" * 100), variant("a" * 101)), "trail-mug")

    assert [len(sku) for sku in skus] == [SKU_LENGTH, SKU_LENGTH] == [64, 64]
    assert len(set(skus)) == 2
    assert all(re.fullmatch(r"TRAIL-MUG-A{47}-[0-9A-F]{6}", sku) for sku in skus)


def test_a_unit_of_64_characters_is_not_cut() -> None:
    assert variant_skus(draft("x", variant("a" * 54)), "trail-mug") == [f"TRAIL-MUG-{'A' * 54}"]


@settings(deadline=None, max_examples=200)
@given(st.lists(st.text(max_size=40), max_size=3), st.from_regex(r"\A[a-z][a-z0-9-]{0,127}\Z"))
def test_any_options_make_a_unit_that_fits_and_is_the_same_every_time(options: list[str], slug: str) -> None:
    (sku,) = variant_skus(draft("x", variant(*options)), slug)

    assert 1 <= len(sku) <= SKU_LENGTH
    assert re.fullmatch(r"[A-Z0-9-]+", sku)
    assert [sku] == variant_skus(draft("x", variant(*options)), slug)


@pytest.mark.parametrize(
    ("options", "name"),
    [((), "Default"), (("Blue",), "Blue"), (("M", "Blue"), "M / Blue"), (("S", "", "x"), "S /  / x")],
)
def test_a_variant_is_named_for_its_options(options: tuple[str, ...], name: str) -> None:
    assert variant_name(variant(*options)) == name


# ------------------------------------------------------------------------------------------------ categories

PATH = ("Camp & Kitchen", "Drinkware", "Mugs")


@pytest.mark.parametrize(
    ("taken", "slug"),
    [
        ([], "mugs"),
        (["mugs"], "drinkware-mugs"),
        (["mugs", "drinkware-mugs"], "camp-kitchen-drinkware-mugs"),
        (["drinkware-mugs"], "mugs"),
    ],
)
def test_a_category_takes_as_many_ancestors_into_its_slug_as_it_needs(taken: list[str], slug: str) -> None:
    assert category_slug(PATH, taken) == slug


def test_a_category_whose_every_name_is_taken_gets_a_hash_of_its_path() -> None:
    taken = ["mugs", "drinkware-mugs", "camp-kitchen-drinkware-mugs"]

    slug = category_slug(PATH, taken)

    assert re.fullmatch(r"mugs-[0-9a-f]{6}", slug)
    assert slug == category_slug(PATH, taken)
    assert slug != category_slug(("Camp", "Kitchen Drinkware", "Mugs"), [*taken, "kitchen-drinkware-mugs"])


def test_paths_that_read_alike_have_hashes_of_their_own() -> None:
    taken = ["c", "b-c", "a-b-c"]

    assert category_slug(("a", "b", "c"), taken) != category_slug(("a b", "c"), taken)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.text(max_size=60), min_size=1, max_size=8))
def test_any_path_makes_a_slug_that_is_not_taken(path: list[str]) -> None:
    first = category_slug(tuple(path), ())
    second = category_slug(tuple(path), {first})

    assert first != second or re.search(r"[0-9a-f]{6}$", first)
    for slug in (first, second):
        assert SLUG.fullmatch(slug)
        assert len(slug) <= SLUG_LENGTH


def test_options_that_look_alike_in_capitals_are_told_apart() -> None:
    skus = variant_skus(draft("Brush", variant("1/2"), variant("1-2"), variant("1 2"), variant("3")), "brush")

    assert skus == ["BRUSH-1-2", "BRUSH-1-2-2", "BRUSH-1-2-3", "BRUSH-3"]
