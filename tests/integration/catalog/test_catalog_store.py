"""Storing drafts: what lands, what is left alone, what is refused, and what an import must never undo."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from app.bootstrap import Shop
from app.catalog.domain import ProductDraft, SelectedOption, VariantDraft
from app.core.money import Money
from app.core.stock import StockPolicy
from tests.shopkeeping import USD, Api, Shopkeeper, counted_statements, new_word, variant_public_id

TABLES = ("product", "variant", "variant_price", "stock", "product_search", "category")


def variant(sku: str, *, price: str = "10.00", on_hand: int = 5, size: str = "") -> VariantDraft:
    options = (SelectedOption("Size", size),) if size else ()
    return VariantDraft(
        Money.parse(price, USD), sku=sku, on_hand=on_hand, stock_policy=StockPolicy.DENY, selected_options=options
    )


def draft(word: str, name: str = "Thing", **details: Any) -> ProductDraft:
    variants = details.pop("variants", None) or (variant(f"{word}-{name}"),)
    return ProductDraft(f"{word}:{name}", f"{word}.jsonl:{name}", f"{name} {word}", variants, **details)


async def rows(shop: Shop, query: str, **parameters: object) -> list[tuple[Any, ...]]:
    async with shop.database.read_fresh() as connection:
        return [tuple(row) for row in await connection.execute(text(query), parameters)]


async def stored(shop: Shop, word: str) -> list[str]:
    """The names of all products of a word, without the word."""
    found = await rows(shop, "SELECT name FROM product WHERE import_key LIKE :key ORDER BY name", key=f"{word}:%")
    return [name.removesuffix(f" {word}") for (name,) in found]


async def counts(shop: Shop) -> dict[str, int]:
    return {table: (await rows(shop, f"SELECT count(*) FROM {table}"))[0][0] for table in TABLES}


@pytest.fixture
def word() -> str:
    return new_word()


# ------------------------------------------------------------------------------------------------ the same again


async def test_a_new_draft_is_created_and_the_same_one_again_is_unchanged(shop: Shop, word: str) -> None:
    drafts = [draft(word, name) for name in "abc"]

    first = await shop.store_products(drafts)
    before = await rows(
        shop, "SELECT id, updated_at, import_digest FROM product WHERE import_key LIKE :k", k=f"{word}:%"
    )
    second = await shop.store_products(drafts[::-1])

    assert (first.created, first.updated, first.unchanged, first.faults) == (3, 0, 0, ())
    assert (len(first.product_ids), len(first.variant_ids)) == (3, 3)
    assert (second.created, second.updated, second.unchanged, second.faults) == (0, 0, 3, ())
    assert (second.product_ids, second.variant_ids) == ((), ())
    after = await rows(
        shop, "SELECT id, updated_at, import_digest FROM product WHERE import_key LIKE :k", k=f"{word}:%"
    )
    assert sorted(before) == sorted(after)


async def test_where_a_draft_was_read_does_not_matter(shop: Shop, word: str) -> None:
    await shop.store_products([draft(word)])

    outcome = await shop.store_products([replace(draft(word), source="another-file.csv:99")])

    assert outcome.unchanged == 1


async def test_an_unchanged_draft_does_not_put_sold_units_back(
    api: Api, shop: Shop, keeper: Shopkeeper, word: str
) -> None:
    product = await keeper.store(draft(word))
    await api.checkout(await api.ready_cart((product.variant_id, 2)))

    outcome = await shop.store_products([draft(word)])

    assert outcome.unchanged == 1
    assert await keeper.level(product.variant_id) == (3, 0)


async def test_a_changed_draft_sets_the_stock_to_what_it_says(
    api: Api, shop: Shop, keeper: Shopkeeper, word: str
) -> None:
    product = await keeper.store(draft(word))
    await api.checkout(await api.ready_cart((product.variant_id, 2)))

    outcome = await shop.store_products([draft(word, description="New words.")])

    assert (outcome.created, outcome.updated) == (0, 1)
    assert await keeper.level(product.variant_id) == (5, 0)


@pytest.mark.parametrize(("on_hand", "kept"), [(0, 3), (2, 3), (3, 3), (9, 9)])
async def test_units_that_an_open_order_holds_are_never_given_away(
    api: Api, shop: Shop, keeper: Shopkeeper, word: str, on_hand: int, kept: int
) -> None:
    product = await keeper.store(draft(word))
    await api.checkout(await api.ready_cart((product.variant_id, 3)), pay="pm_card_threeDSecure2Required")

    await shop.store_products([draft(word, variants=(variant(f"{word}-Thing", on_hand=on_hand),))])

    assert await keeper.level(product.variant_id) == (kept, 3)


async def test_a_changed_draft_keeps_its_ids_its_slug_and_its_birthday(shop: Shop, word: str) -> None:
    query = """SELECT p.id, p.slug, p.created_at, v.id FROM product p
        JOIN variant v ON v.product_id = p.id WHERE p.import_key = :k"""
    await shop.store_products([draft(word)])
    before = await rows(shop, query, k=f"{word}:Thing")

    await shop.store_products([replace(draft(word), name="Quite another name", brand="New")])

    assert await rows(shop, query, k=f"{word}:Thing") == before
    assert await rows(shop, "SELECT name, brand FROM product WHERE import_key = :k", k=f"{word}:Thing") == [
        ("Quite another name", "New")
    ]


# ------------------------------------------------------------------------------------------------ clashes


async def test_a_slug_of_another_product_is_reported_and_the_others_land(shop: Shop, word: str) -> None:
    await shop.store_products([draft(word, "owner", slug=f"{word}-taken")])

    outcome = await shop.store_products(
        [draft(word, "before"), draft(word, "thief", slug=f"{word}-taken"), draft(word, "after")]
    )

    assert (outcome.created, outcome.updated, outcome.unchanged) == (2, 0, 0)
    assert [(fault.source, fault.field, fault.reason) for fault in outcome.faults] == [
        (f"{word}.jsonl:thief", "slug", f"'{word}-taken' belongs to another product")
    ]
    assert await stored(shop, word) == ["after", "before", "owner"]


async def test_a_sku_of_another_product_is_reported_and_the_others_land(shop: Shop, word: str) -> None:
    await shop.store_products([draft(word, "owner", variants=(variant(f"{word}-TAKEN"),))])

    outcome = await shop.store_products(
        [
            draft(word, "before"),
            draft(word, "thief", variants=(variant(f"{word}-OK", size="S"), variant(f"{word}-TAKEN", size="M"))),
            draft(word, "after"),
        ]
    )

    assert (outcome.created, outcome.updated, outcome.unchanged) == (2, 0, 0)
    assert [(fault.source, fault.field, fault.reason) for fault in outcome.faults] == [
        (f"{word}.jsonl:thief", "sku", f"'{word}-TAKEN' belongs to another product")
    ]
    assert await stored(shop, word) == ["after", "before", "owner"]
    assert await rows(shop, "SELECT sku FROM variant WHERE sku = :s", s=f"{word}-OK") == []


async def test_of_two_drafts_of_one_batch_the_first_gets_the_name(shop: Shop, word: str) -> None:
    outcome = await shop.store_products(
        [
            draft(word, "a", slug=f"{word}-same"),
            draft(word, "b", slug=f"{word}-same"),
            draft(word, "c", variants=(variant(f"{word}-SAME"),)),
            draft(word, "d", variants=(variant(f"{word}-SAME"),)),
        ]
    )

    assert [(fault.source.rpartition(":")[2], fault.field) for fault in outcome.faults] == [("b", "slug"), ("d", "sku")]
    assert await stored(shop, word) == ["a", "c"]


async def test_two_variants_with_one_sku_are_reported(shop: Shop, word: str) -> None:
    twins = (variant(f"{word}-TWIN", size="S"), variant(f"{word}-TWIN", size="M"))

    outcome = await shop.store_products([draft(word, variants=twins)])

    assert [(fault.field, fault.reason) for fault in outcome.faults] == [("sku", "two variants have the same one")]
    assert await stored(shop, word) == []


async def test_a_clash_of_a_known_product_leaves_it_as_it_was(shop: Shop, word: str) -> None:
    await shop.store_products([draft(word, "owner", slug=f"{word}-taken"), draft(word, "known")])
    query = "SELECT slug, description, import_digest FROM product WHERE import_key = :k"
    before = await rows(shop, query, k=f"{word}:known")

    outcome = await shop.store_products([draft(word, "known", slug=f"{word}-taken", description="New")])

    assert len(outcome.faults) == 1
    assert await rows(shop, query, k=f"{word}:known") == before


async def test_products_of_one_name_get_slugs_of_their_own_whatever_their_order(shop: Shop, word: str) -> None:
    drafts = [replace(draft(word, name), name=f"Same {word}") for name in "abc"]

    await shop.store_products(drafts)
    first = await rows(shop, "SELECT import_key, slug FROM product WHERE import_key LIKE :k ORDER BY 1", k=f"{word}:%")
    await shop.store_products([replace(each, description="changed") for each in drafts[::-1]])

    slugs = [slug for _, slug in first]
    assert slugs[0] == f"same-{word}"
    assert len(set(slugs)) == 3
    assert all(slug.startswith(f"same-{word}-") for slug in slugs[1:])
    again = await rows(shop, "SELECT import_key, slug FROM product WHERE import_key LIKE :k ORDER BY 1", k=f"{word}:%")
    assert again == first


async def test_skus_that_a_draft_leaves_out_are_made_of_slug_and_options(shop: Shop, word: str) -> None:
    nameless = tuple(replace(variant("x", size=size), sku=None) for size in ("Small one", "L/XL"))

    await shop.store_products([draft(word, variants=nameless)])

    found = await rows(
        shop,
        "SELECT sku, v.name FROM variant v JOIN product p ON p.id = product_id WHERE import_key = :k ORDER BY position",
        k=f"{word}:Thing",
    )
    assert found == [(f"THING-{word}-SMALL-ONE".upper(), "Small one"), (f"THING-{word}-L-XL".upper(), "L/XL")]


# ------------------------------------------------------------------------------------------------ variants


async def test_a_variant_that_a_draft_no_longer_has_is_retired_and_comes_back_as_itself(
    api: Api, shop: Shop, keeper: Shopkeeper, word: str
) -> None:
    both = draft(word, variants=(variant(f"{word}-S", size="S"), variant(f"{word}-M", size="M")))
    one = replace(both, variants=both.variants[:1])
    query = """SELECT sku, active, v.id FROM variant v
        JOIN product p ON p.id = product_id WHERE import_key = :k ORDER BY v.id"""
    product = await keeper.store(both)
    search = "query ($q: String) { products(query: $q) { nodes { variantsCount } } }"

    retired = await shop.store_products([one])
    while_away = await rows(shop, query, k=f"{word}:Thing"), await api.data(search, q=word)
    back = await shop.store_products([both])

    assert set(retired.variant_ids) == set(product.variant_ids)
    assert while_away == (
        [(f"{word}-S", True, product.variant_ids[0]), (f"{word}-M", False, product.variant_ids[1])],
        {"products": {"nodes": [{"variantsCount": 1}]}},
    )
    assert back.updated == 1
    assert await rows(shop, query, k=f"{word}:Thing") == [
        (f"{word}-S", True, product.variant_ids[0]),
        (f"{word}-M", True, product.variant_ids[1]),
    ]


async def test_a_retired_variants_sku_still_belongs_to_its_product(shop: Shop, word: str) -> None:
    both = draft(word, variants=(variant(f"{word}-S", size="S"), variant(f"{word}-M", size="M")))
    await shop.store_products([both])
    await shop.store_products([replace(both, variants=both.variants[:1])])

    outcome = await shop.store_products([draft(word, "thief", variants=(variant(f"{word}-M"),))])

    assert [fault.field for fault in outcome.faults] == ["sku"]


async def test_variants_can_change_their_order(shop: Shop, word: str) -> None:
    variants = tuple(variant(f"{word}-{size}", size=size) for size in "ABC")
    await shop.store_products([draft(word, variants=variants)])

    await shop.store_products([draft(word, variants=variants[::-1])])

    query = "SELECT sku FROM variant WHERE sku LIKE :s ORDER BY position"
    assert [sku for (sku,) in await rows(shop, query, s=f"{word}-%")] == [f"{word}-{size}" for size in "CBA"]


async def test_an_order_keeps_its_line_when_its_variant_is_retired(
    api: Api, shop: Shop, keeper: Shopkeeper, word: str
) -> None:
    product = await keeper.store(draft(word))
    outcome = await api.checkout(await api.ready_cart((product.variant_id, 1)))

    await shop.store_products([draft(word, variants=(variant(f"{word}-other"),))])

    order = await api.data(
        "query ($t: String!) { order(by: {accessToken: $t}) { lines { nodes { sku variant { id } } } } }",
        t=outcome["orderAccessToken"],
    )
    assert order["order"]["lines"]["nodes"] == [{"sku": f"{word}-Thing", "variant": None}]
    assert await keeper.level(product.variant_id) == (4, 0)


# ------------------------------------------------------------------------------------------------ categories


async def test_categories_are_made_once_from_the_root_down(shop: Shop, word: str) -> None:
    leaf = (f"Root {word}", f"Branch {word}", f"Leaf {word}")

    await shop.store_products([draft(word, "a", category_path=leaf), draft(word, "b", category_path=leaf[:1])])
    await shop.store_products([draft(word, "c", category_path=leaf)])

    found = await rows(
        shop,
        "SELECT name, slug, cardinality(path_ids), path_ids[cardinality(path_ids)] = id, path_names[1]"
        " FROM category WHERE path_names[1] = :root ORDER BY cardinality(path_ids)",
        root=leaf[0],
    )
    assert found == [
        (name, name.lower().replace(" ", "-"), depth, True, leaf[0]) for depth, name in enumerate(leaf, start=1)
    ]


async def test_categories_of_one_name_below_different_parents_get_slugs_of_their_own(shop: Shop, word: str) -> None:
    await shop.store_products(
        [draft(word, name, category_path=(f"{name} {word}", f"Sale {word}")) for name in ("Men", "Women")]
    )

    found = await rows(shop, "SELECT slug FROM category WHERE name = :n ORDER BY slug", n=f"Sale {word}")
    assert [slug for (slug,) in found] == [f"sale-{word}", f"women-{word}-sale-{word}"]


# ------------------------------------------------------------------------------------------------ all or nothing


async def test_a_dry_run_tells_what_would_happen_and_writes_nothing(shop: Shop, word: str) -> None:
    await shop.store_products([draft(word, "known"), draft(word, "owner", slug=f"{word}-taken")])
    before = (
        await counts(shop),
        await rows(shop, "SELECT description FROM product WHERE import_key = :k", k=f"{word}:known"),
    )

    outcome = await shop.store_products(
        [
            draft(word, "known", description="changed"),
            draft(word, "new", category_path=(f"New {word}",)),
            draft(word, "thief", slug=f"{word}-taken"),
            draft(word, "owner", slug=f"{word}-taken"),
        ],
        dry_run=True,
    )

    assert (outcome.created, outcome.updated, outcome.unchanged, len(outcome.faults)) == (1, 1, 1, 1)
    after = (
        await counts(shop),
        await rows(shop, "SELECT description FROM product WHERE import_key = :k", k=f"{word}:known"),
    )
    assert after == before


async def test_a_batch_that_fails_in_the_middle_leaves_nothing(shop: Shop, word: str) -> None:
    impossible = replace(variant(f"{word}-bad"), price=Money(-1, USD))
    before = await counts(shop)

    with pytest.raises(IntegrityError, match="variant_price_amount_not_negative_check"):
        await shop.store_products(
            [draft(word, "good", category_path=(f"New {word}",)), draft(word, "bad", variants=(impossible,))]
        )

    assert await counts(shop) == before
    assert (await shop.store_products([draft(word, "good")])).created == 1


async def test_no_drafts_are_no_work(shop: Shop) -> None:
    outcome = await shop.store_products([])

    assert (outcome.created, outcome.updated, outcome.unchanged, outcome.faults) == (0, 0, 0, ())


async def test_two_parallel_imports_of_the_same_rows_are_one(shop: Shop, word: str) -> None:
    drafts = [draft(word, str(number), category_path=(f"Cat {word}", f"{number % 3} {word}")) for number in range(20)]

    outcomes = await asyncio.gather(*(shop.store_products(drafts) for _ in range(4)))

    assert sorted((each.created, each.unchanged) for each in outcomes) == [(0, 20)] * 3 + [(20, 0)]
    assert len(await stored(shop, word)) == 20
    assert await rows(shop, "SELECT count(*) FROM category WHERE path_names[1] = :c", c=f"Cat {word}") == [(4,)]


async def test_parallel_imports_in_opposite_order_and_checkouts_all_get_through(
    api: Api, shop: Shop, keeper: Shopkeeper, word: str
) -> None:
    drafts = [draft(word, str(number)) for number in range(8)]
    products = [await keeper.store(each) for each in drafts]
    carts = [
        await api.ready_cart(*((product.variant_id, 1) for product in (products if number % 2 else products[::-1])))
        for number in range(4)
    ]

    async def reimport(number: int) -> None:
        changed = [replace(each, description=f"{number}") for each in (drafts if number % 2 else drafts[::-1])]
        await shop.store_products(changed)

    results = await asyncio.gather(*(reimport(number) for number in range(4)), *map(api.checkout, carts))

    assert [result["__typename"] for result in results[4:]] == ["CheckoutCompleted"] * 4
    for product in products:
        on_hand, reserved = await keeper.level(product.variant_id)
        assert reserved == 0
        assert 1 <= on_hand <= 5  # an import in between may have set it back to 5


async def test_a_batch_costs_the_same_statements_whatever_its_size(shop: Shop) -> None:
    async def statements(size: int) -> int:
        word = new_word()
        drafts = [draft(word, str(number), category_path=("Counted",)) for number in range(size)]
        with counted_statements(shop) as seen:
            await shop.store_products(drafts)
        return len(seen)

    await statements(1)

    assert await statements(1) == await statements(50) == 26


async def test_a_cart_meets_a_product_that_is_imported_again_while_it_shops(
    api: Api, shop: Shop, keeper: Shopkeeper, word: str
) -> None:
    product = await keeper.store(draft(word))
    cart = (await api.cart_create())["cart"]
    line = [{"variantId": variant_public_id(product.variant_id)}]

    async def reimport() -> None:
        for number in range(5):
            await shop.store_products([draft(word, description=str(number))])

    _, *payloads = await asyncio.gather(
        reimport(), *(api.cart_mutation("cartLinesAdd", cartId=cart["id"], lines=line) for _ in range(5))
    )

    assert [payload["userErrors"] for payload in payloads] == [[]] * 5
    assert (await api.cart(cart["id"]))["totalQuantity"] == 5
