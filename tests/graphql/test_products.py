"""Products and variants through the API: every field, every key, and what an unknown one gives."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.catalog.domain import Attribute, Image, ProductDraft, SelectedOption, VariantDraft
from app.core.ids import Kind, encode
from app.core.money import Money
from app.core.stock import StockPolicy
from tests.shopkeeping import USD, Api, Shopkeeper, Stocked, new_word, variant_public_id

PRODUCT = """
  id slug name description brand tags
  attributes { slug name values } options { name values } seo { title description }
  category { name } categoryPath { name }
  thumbnail { url altText width height } images { nodes { url altText width height } }
  variantsCount variants { nodes {
    id sku name selectedOptions { name value } image { url } weightGrams requiresShipping
    price { current { amount minorUnits currencyCode formatted } compareAt { amount } onSale }
    quantityRule { minimum maximum step }
  } }
  priceRange { min { amount } max { amount } } compareAtPriceRange { min { amount } max { amount } } onSale
"""
NOBODY = 2**31 - 1  # no row has got this far


def _tent(word: str) -> ProductDraft:
    blue = VariantDraft(
        price=Money.parse("199.00", USD),
        compare_at=Money.parse("249.50", USD),
        sku=f"{word}-BLUE".upper(),
        selected_options=(SelectedOption("Colour", "Blue"), SelectedOption("Size", "2 P")),
        on_hand=7,
        stock_policy=StockPolicy.DENY,
        weight_grams=1_850,
        image=Image("/media/blue.svg", "The blue one"),
    )
    red = replace(
        blue,
        price=Money.parse("189.90", USD),
        compare_at=None,
        sku=f"{word}-RED".upper(),
        selected_options=(SelectedOption("Colour", "Red"), SelectedOption("Size", "3 P")),
        weight_grams=None,
        image=None,
        requires_shipping=False,
    )
    return ProductDraft(
        key=word,
        source="test",
        name=f"Tent {word}",
        variants=(blue, red),
        description="Light.\n\nDry.",
        brand=f"Brand {word}",
        category_path=(f"Camp {word}", f"Shelter {word}"),
        tags=("light", "new"),
        images=(Image("/media/tent.svg", "A tent", 800, 600), Image("https://img.example/2.jpg")),
        attributes=(Attribute("material", "Material", ("nylon", "cotton")),),
        popularity=3,
        seo_title="Buy this tent",
    )


@pytest.fixture
async def tent(keeper: Shopkeeper) -> Stocked:
    return await keeper.store(_tent(new_word()))


async def test_a_product_found_by_its_slug_has_everything_that_was_stored(api: Api, tent: Stocked) -> None:
    word = tent.draft.key

    found = await api.data(f"query ($s: String!) {{ product(by: {{slug: $s}}) {{ {PRODUCT} }} }}", s=f"tent-{word}")

    product = found["product"]
    assert product.pop("id").startswith("prod_")
    assert product == {
        "slug": f"tent-{word}",
        "name": f"Tent {word}",
        "description": "Light.\n\nDry.",
        "brand": f"Brand {word}",
        "tags": ["light", "new"],
        "attributes": [{"slug": "material", "name": "Material", "values": ["nylon", "cotton"]}],
        "options": [{"name": "Colour", "values": ["Blue", "Red"]}, {"name": "Size", "values": ["2 P", "3 P"]}],
        "seo": {"title": "Buy this tent", "description": "Light.\n\nDry."},
        "category": {"name": f"Shelter {word}"},
        "categoryPath": [{"name": f"Camp {word}"}, {"name": f"Shelter {word}"}],
        "thumbnail": {"url": "http://127.0.0.1:8000/media/tent.svg", "altText": "A tent", "width": 800, "height": 600},
        "images": {
            "nodes": [
                {"url": "http://127.0.0.1:8000/media/tent.svg", "altText": "A tent", "width": 800, "height": 600},
                {"url": "https://img.example/2.jpg", "altText": None, "width": None, "height": None},
            ]
        },
        "variantsCount": 2,
        "variants": {
            "nodes": [
                {
                    "id": variant_public_id(tent.variant_ids[0]),
                    "sku": f"{word}-BLUE".upper(),
                    "name": "Blue / 2 P",
                    "selectedOptions": [{"name": "Colour", "value": "Blue"}, {"name": "Size", "value": "2 P"}],
                    "image": {"url": "http://127.0.0.1:8000/media/blue.svg"},
                    "weightGrams": 1850,
                    "requiresShipping": True,
                    "price": {
                        "current": {
                            "amount": "199.00",
                            "minorUnits": "19900",
                            "currencyCode": "USD",
                            "formatted": "$199.00",
                        },
                        "compareAt": {"amount": "249.50"},
                        "onSale": True,
                    },
                    "quantityRule": {"minimum": 1, "maximum": 999, "step": 1},
                },
                {
                    "id": variant_public_id(tent.variant_ids[1]),
                    "sku": f"{word}-RED".upper(),
                    "name": "Red / 3 P",
                    "selectedOptions": [{"name": "Colour", "value": "Red"}, {"name": "Size", "value": "3 P"}],
                    "image": None,
                    "weightGrams": None,
                    "requiresShipping": False,
                    "price": {
                        "current": {
                            "amount": "189.90",
                            "minorUnits": "18990",
                            "currencyCode": "USD",
                            "formatted": "$189.90",
                        },
                        "compareAt": None,
                        "onSale": False,
                    },
                    "quantityRule": {"minimum": 1, "maximum": 999, "step": 1},
                },
            ]
        },
        "priceRange": {"min": {"amount": "189.90"}, "max": {"amount": "199.00"}},
        "compareAtPriceRange": {"min": {"amount": "249.50"}, "max": {"amount": "249.50"}},
        "onSale": True,
    }


async def test_a_product_is_the_same_by_id_as_by_slug(api: Api, tent: Stocked) -> None:
    query = "query ($by: ProductBy!) { product(by: $by) { id slug name } }"

    by_slug = (await api.data(query, by={"slug": f"tent-{tent.draft.key}"}))["product"]
    by_id = (await api.data(query, by={"id": by_slug["id"]}))["product"]

    assert by_id == by_slug
    assert by_id["name"] == tent.draft.name


async def test_a_plain_product_has_empty_lists_and_nulls(api: Api, keeper: Shopkeeper) -> None:
    word = new_word()
    await keeper.stock(f"Plain {word}", price="5.00")

    product = (
        await api.data(
            """query ($s: String!) { product(by: {slug: $s}) {
            brand tags attributes { slug } options { name } category { id } categoryPath { id } thumbnail { url }
            images { nodes { url } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }
            compareAtPriceRange { min { amount } } onSale related { id } seo { title description }
            variants { nodes { name selectedOptions { name } } } } }""",
            s=f"plain-{word}",
        )
    )["product"]

    assert product == {
        "brand": None,
        "tags": [],
        "attributes": [],
        "options": [],
        "category": None,
        "categoryPath": [],
        "thumbnail": None,
        "images": {
            "nodes": [],
            "pageInfo": {"hasNextPage": False, "hasPreviousPage": False, "startCursor": None, "endCursor": None},
        },
        "compareAtPriceRange": None,
        "onSale": False,
        "related": [],
        "seo": {"title": f"Plain {word}", "description": ""},
        "variants": {"nodes": [{"name": "Default", "selectedOptions": []}]},
    }


@pytest.mark.parametrize(
    ("query", "by"),
    [
        ("query ($by: ProductBy!) { found: product(by: $by) { id } }", {"slug": "no-such-slug"}),
        ("query ($by: ProductBy!) { found: product(by: $by) { id } }", {"slug": ""}),
        ("query ($by: ProductBy!) { found: product(by: $by) { id } }", {"id": encode(Kind.PRODUCT, NOBODY)}),
        ("query ($by: VariantBy!) { found: variant(by: $by) { id } }", {"sku": "NO-SUCH-SKU"}),
        ("query ($by: VariantBy!) { found: variant(by: $by) { id } }", {"id": encode(Kind.VARIANT, NOBODY)}),
        ("query ($by: CategoryBy!) { found: category(by: $by) { id } }", {"slug": "no-such-category"}),
        ("query ($by: CategoryBy!) { found: category(by: $by) { id } }", {"id": encode(Kind.CATEGORY, NOBODY)}),
    ],
)
async def test_an_unknown_key_finds_nothing(api: Api, query: str, by: dict[str, str]) -> None:
    assert await api.data(query, by=by) == {"found": None}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "7",
        "prod",
        "prod_",
        "prod_0",
        "prod_11",
        "prod_é",
        "prod_" + "z" * 30,
        encode(Kind.VARIANT, 1),
        "\u200bprod_2",
    ],
)
async def test_a_malformed_product_id_is_an_input_error(api: Api, text: str) -> None:
    answer = await api("query ($id: ID!) { product(by: {id: $id}) { id } }", id=text)

    assert answer.codes() == ["BAD_USER_INPUT"]
    assert answer.data == {"product": None}


@pytest.mark.parametrize("by", [{}, {"id": "prod_2", "slug": "trail-mug"}, {"slug": None}, {"name": "Trail Mug"}])
async def test_a_product_is_named_by_exactly_one_key(api: Api, by: dict[str, object]) -> None:
    answer = await api("query ($by: ProductBy!) { product(by: $by) { id } }", by=by)

    assert answer.codes() == ["BAD_USER_INPUT"]
    assert answer.data is None


async def test_a_variant_is_the_same_by_sku_as_by_id_and_knows_its_product(api: Api, tent: Stocked) -> None:
    query = "query ($by: VariantBy!) { variant(by: $by) { id sku product { name } price { current { amount } } } }"
    expected = {
        "id": variant_public_id(tent.variant_ids[1]),
        "sku": f"{tent.draft.key}-RED".upper(),
        "product": {"name": tent.draft.name},
        "price": {"current": {"amount": "189.90"}},
    }

    by_sku = await api.data(query, by={"sku": expected["sku"]})
    by_id = await api.data(query, by={"id": expected["id"]})

    assert by_sku == by_id == {"variant": expected}


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ([("Colour", "Red"), ("Size", "3 P")], "RED"),
        ([("Size", "2 P"), ("Colour", "Blue")], "BLUE"),
        ([("Colour", "Red"), ("Size", "2 P")], None),
        ([("Colour", "Red")], None),
        ([("colour", "Red"), ("Size", "3 P")], None),
        ([], None),
    ],
)
async def test_variant_for_finds_the_variant_of_a_whole_choice(
    api: Api, tent: Stocked, options: list[tuple[str, str]], found: str | None
) -> None:
    answer = await api.data(
        """query ($s: String!, $o: [SelectedOptionInput!]!) {
          product(by: {slug: $s}) { variantFor(options: $o) { sku } } }""",
        s=f"tent-{tent.draft.key}",
        o=[{"name": name, "value": value} for name, value in options],
    )

    expected = None if found is None else {"sku": f"{tent.draft.key}-{found}".upper()}
    assert answer == {"product": {"variantFor": expected}}


async def test_a_variant_that_is_no_longer_sold_cannot_be_found(api: Api, keeper: Shopkeeper, tent: Stocked) -> None:
    await keeper.store(replace(tent.draft, variants=tent.draft.variants[:1]))

    answer = await api.data(
        """query ($sku: String!, $id: ID!, $node: ID!, $slug: String!) {
          bySku: variant(by: {sku: $sku}) { id } byId: variant(by: {id: $id}) { id } node(id: $node) { id }
          product(by: {slug: $slug}) { variantsCount variants { nodes { name } } priceRange { max { amount } } } }""",
        sku=f"{tent.draft.key}-RED".upper(),
        id=variant_public_id(tent.variant_ids[1]),
        node=variant_public_id(tent.variant_ids[1]),
        slug=f"tent-{tent.draft.key}",
    )

    assert answer == {
        "bySku": None,
        "byId": None,
        "node": None,
        "product": {
            "variantsCount": 1,
            "variants": {"nodes": [{"name": "Blue / 2 P"}]},
            "priceRange": {"max": {"amount": "199.00"}},
        },
    }


async def test_variants_and_images_are_cut_into_pages_that_join_up(api: Api, keeper: Shopkeeper) -> None:
    sizes = tuple(f"S{number}" for number in range(7))
    pictures = tuple(Image(f"/media/{number}.svg") for number in range(7))
    stocked = await keeper.stock(f"Sized {new_word()}", sizes=sizes, images=pictures)
    page = "pageInfo { hasNextPage endCursor }"
    query = f"""query ($id: ID!, $v: Cursor, $i: Cursor) {{ variant(by: {{id: $id}}) {{ product {{
      variants(first: 3, after: $v) {{ nodes {{ name }} {page} }}
      images(first: 3, after: $i) {{ nodes {{ url }} {page} }} }} }} }}"""

    names: list[str] = []
    urls: list[str] = []
    after: dict[str, str | None] = {"v": None, "i": None}
    more = [True]
    while more[-1]:
        answer = await api.data(query, id=variant_public_id(stocked.variant_id), **after)
        product = answer["variant"]["product"]
        names += [node["name"] for node in product["variants"]["nodes"]]
        urls += [node["url"].rpartition("/")[2] for node in product["images"]["nodes"]]
        after = {key: product[name]["pageInfo"]["endCursor"] for key, name in (("v", "variants"), ("i", "images"))}
        more.append(product["variants"]["pageInfo"]["hasNextPage"])
        assert product["images"]["pageInfo"]["hasNextPage"] is more[-1]

    assert more == [True, True, True, False]
    assert names == list(sizes)
    assert urls == [f"{number}.svg" for number in range(7)]


@pytest.mark.parametrize("first", [0, -1, 101, 2**31 - 1])
async def test_a_page_of_variants_has_1_to_100_rows(api: Api, tent: Stocked, first: int) -> None:
    answer = await api(
        "query ($s: String!, $n: Int) { product(by: {slug: $s}) { variants(first: $n) { nodes { id } } } }",
        s=f"tent-{tent.draft.key}",
        n=first,
    )

    assert answer.codes() == ["BAD_USER_INPUT"]
    assert answer.data == {"product": None}


async def test_a_cursor_of_another_products_variants_is_an_input_error(api: Api, keeper: Shopkeeper) -> None:
    one = await keeper.stock(f"One {new_word()}", sizes=("A", "B"))
    other = await keeper.stock(f"Other {new_word()}", sizes=("A", "B"))
    query = """query ($id: ID!, $after: Cursor) { variant(by: {id: $id}) { product {
      variants(first: 1, after: $after) { nodes { name } pageInfo { endCursor } } } } }"""
    found = await api.data(query, id=variant_public_id(one.variant_id))
    cursor = found["variant"]["product"]["variants"]["pageInfo"]["endCursor"]

    answer = await api(query, id=variant_public_id(other.variant_id), after=cursor)

    assert answer.codes() == ["BAD_USER_INPUT"]


async def test_related_products_are_the_popular_ones_of_the_same_category(api: Api, keeper: Shopkeeper) -> None:
    word = new_word()
    path = (f"Shelf {word}",)
    for popularity in (5, 9, 1, 7):
        await keeper.stock(f"{word} {popularity}", category_path=path, popularity=popularity)
    await keeper.stock(f"{word} elsewhere", category_path=(f"Other shelf {word}",), popularity=99)
    query = "query ($s: String!, $n: Int!) { product(by: {slug: $s}) { related(first: $n) { name } } }"

    found = [await api.data(query, s=f"{word}-7", n=size) for size in (20, 2)]

    assert [[product["name"] for product in answer["product"]["related"]] for answer in found] == [
        [f"{word} 9", f"{word} 5", f"{word} 1"],
        [f"{word} 9", f"{word} 5"],
    ]


@pytest.mark.parametrize("first", [0, 21])
async def test_related_gives_1_to_20_products(api: Api, tent: Stocked, first: int) -> None:
    answer = await api(
        "query ($s: String!, $n: Int!) { product(by: {slug: $s}) { related(first: $n) { id } } }",
        s=f"tent-{tent.draft.key}",
        n=first,
    )

    assert answer.codes() == ["BAD_USER_INPUT"]


async def test_a_changed_product_is_shown_at_once_although_it_was_cached(
    api: Api, keeper: Shopkeeper, tent: Stocked
) -> None:
    query = """query ($s: String!) { product(by: {slug: $s}) {
      name priceRange { max { amount } } variants { nodes { price { current { amount } } } } } }"""
    slug = f"tent-{tent.draft.key}"
    before = [await api.data(query, s=slug) for _ in range(2)]
    dearer = tuple(replace(variant, price=variant.price * 2) for variant in tent.draft.variants)

    await keeper.store(replace(tent.draft, name="Renamed", variants=dearer))

    assert before[0]["product"]["priceRange"] == before[1]["product"]["priceRange"] == {"max": {"amount": "199.00"}}
    assert await api.data(query, s=slug) == {
        "product": {
            "name": "Renamed",
            "priceRange": {"max": {"amount": "398.00"}},
            "variants": {"nodes": [{"price": {"current": {"amount": a}}} for a in ("398.00", "379.80")]},
        }
    }
