"""`node` and `nodes`: any object by its id, but nothing that needs another key."""

from __future__ import annotations

import uuid

import pytest

from app.core.ids import Kind, decode, encode
from tests.shopkeeping import Api, Shopkeeper, Stocked, new_word, variant_public_id

NODE = """query ($id: ID!) { node(id: $id) { __typename id
  ... on Product { name } ... on ProductVariant { sku } ... on Category { name } ... on Cart { version }
  ... on CheckoutAttempt { state } ... on CartLine { quantity } ... on Order { number } ... on Customer { email } } }"""


@pytest.fixture
async def stocked(keeper: Shopkeeper) -> Stocked:
    word = new_word()
    return await keeper.stock(f"Node {word}", category_path=(f"Nodes {word}",))


async def test_product_variant_and_category_are_nodes(api: Api, stocked: Stocked) -> None:
    found = await api.data(
        "query ($sku: String!) { variant(by: {sku: $sku}) { id product { id name category { id name } } } }",
        sku=stocked.sku,
    )
    variant, product = found["variant"], found["variant"]["product"]

    answers = [await api.data(NODE, id=each["id"]) for each in (product, variant, product["category"])]

    assert [answer["node"] for answer in answers] == [
        {"__typename": "Product", "id": product["id"], "name": stocked.draft.name},
        {"__typename": "ProductVariant", "id": variant["id"], "sku": stocked.sku},
        {"__typename": "Category", "id": product["category"]["id"], "name": stocked.draft.category_path[0]},
    ]


async def test_a_cart_and_an_attempt_are_nodes_for_whoever_knows_their_ids(api: Api, stocked: Stocked) -> None:
    cart = await api.ready_cart((stocked.variant_id, 1))
    outcome = await api.checkout(cart)

    cart_node = await api.data(NODE, id=cart["id"])
    attempt_node = await api.data(NODE, id=outcome["attempt"]["id"])

    assert cart_node["node"] == {"__typename": "Cart", "id": cart["id"], "version": cart["version"] + 2}
    assert attempt_node["node"] == {
        "__typename": "CheckoutAttempt",
        "id": outcome["attempt"]["id"],
        "state": "SUCCEEDED",
    }


async def test_an_order_its_lines_its_payment_and_a_cart_line_never_open_by_id(api: Api, stocked: Stocked) -> None:
    cart = await api.ready_cart((stocked.variant_id, 1))
    outcome = await api.checkout(cart)
    order = (
        await api.data(
            """query ($t: String!) { order(by: {accessToken: $t}) { id
            lines { nodes { id } } payments { id } } }""",
            t=outcome["orderAccessToken"],
        )
    )["order"]
    ids = [order["id"], order["lines"]["nodes"][0]["id"], order["payments"][0]["id"], cart["lines"]["nodes"][0]["id"]]

    alone = [await api.data(NODE, id=each) for each in ids]
    together = await api.data("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=ids)

    assert [each.partition("_")[0] for each in ids] == ["order", "oline", "pay", "line"]
    assert alone == [{"node": None}] * 4
    assert together == {"nodes": [None] * 4}


async def test_a_customer_opens_by_id_to_themselves_alone(api: Api) -> None:
    login = await api.http.post("/api/auth/login", json={"email": "ada@example.com", "password": "follow-the-contour"})
    headers = {"authorization": f"Bearer {login.json()['token']}"}
    me = (await api("{ me { id email } }", headers)).data["me"]

    answer = await api(NODE, headers, id=me["id"])
    to_a_guest = await api.data(NODE, id=me["id"])

    assert me["email"] == "ada@example.com"
    assert answer.data == {"node": {"__typename": "Customer", **me}}
    assert to_a_guest == {"node": None}


@pytest.mark.parametrize("kind", list(Kind))
async def test_an_id_that_names_nothing_is_null(api: Api, kind: Kind) -> None:
    integers = {Kind.PRODUCT, Kind.VARIANT, Kind.CATEGORY, Kind.DELIVERY_OPTION}
    key = 2**31 - 1 if kind in integers else uuid.UUID(int=7)

    assert await api.data(NODE, id=encode(kind, key)) == {"node": None}


async def test_an_attempts_key_under_another_type_opens_nothing(api: Api, stocked: Stocked) -> None:
    outcome = await api.checkout(await api.ready_cart((stocked.variant_id, 1)))
    _, key = decode(outcome["attempt"]["id"])

    assert await api.data(NODE, id=encode(Kind.CART, key)) == {"node": None}


async def test_nodes_come_in_the_order_of_their_ids_with_nulls_and_repeats(api: Api, stocked: Stocked) -> None:
    variant = variant_public_id(stocked.variant_id)
    nobody = encode(Kind.PRODUCT, 2**31 - 1)

    answer = await api.data(
        "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }", ids=[nobody, variant, nobody, variant]
    )

    found = {"__typename": "ProductVariant", "id": variant}
    assert answer == {"nodes": [None, found, None, found]}


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "node",
        "prod_",
        "PROD_2",
        "prod_l",
        "cart_2",
        "order_" + "1" * 21,
        "order_" + "z" * 22,
        "x" * 10_000,
        "🛒_2",
    ],
)
async def test_a_malformed_id_is_an_input_error(api: Api, text: str) -> None:
    answer = await api(NODE, id=text)

    assert answer.codes() == ["BAD_USER_INPUT"]
    assert answer.data == {"node": None}


async def test_one_malformed_id_among_many_is_an_input_error(api: Api, stocked: Stocked) -> None:
    answer = await api(
        "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=[variant_public_id(stocked.variant_id), "prod_0"]
    )

    assert answer.codes() == ["BAD_USER_INPUT"]
    assert answer.data is None


async def test_at_most_100_nodes_at_once(api: Api) -> None:
    ids = [encode(Kind.PRODUCT, 2**31 - 1 - number) for number in range(101)]
    query = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"

    refused = await api(query, ids=ids)
    answered = await api.data(query, ids=ids[:100])

    assert refused.codes() == ["BAD_USER_INPUT"]
    assert answered == {"nodes": [None] * 100}
