"""Text that PostgreSQL or UTF-8 cannot hold, in every place where the API takes a string."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.shopkeeping import ADDRESS

MONEY = {"amount": "1.00", "currencyCode": "USD"}
CART = "cart_1111111111111111111111"
CHECKOUT = {
    "cartId": CART,
    "idempotencyKey": "key",
    "expectedTotal": MONEY,
    "payment": {"paymentMethodId": "pm_card_visa"},
}


def _query(declaration: str, field: str) -> str:
    return f"query ($v: {declaration}) {{ {field} {{ __typename }} }}"


def _mutation(name: str) -> str:
    return f"mutation ($v: {name[0].upper()}{name[1:]}Input!) {{ {name}(input: $v) {{ __typename }} }}"


HERE = "<here>"  # where the text goes
POSITIONS: dict[str, tuple[str, Any]] = {
    "node.id": (_query("ID!", "node(id: $v)"), HERE),
    "nodes.ids": (_query("[ID!]!", "nodes(ids: $v)"), [HERE]),
    "products.query": (_query("String", "products(query: $v)"), HERE),
    "products.filter.brands": (_query("ProductFilter", "products(filter: $v)"), {"brands": ["x", HERE]}),
    "products.filter.categories": (_query("ProductFilter", "products(filter: $v)"), {"categories": [HERE]}),
    "products.filter.price.min": (_query("ProductFilter", "products(filter: $v)"), {"price": {"min": HERE}}),
    "products.filter.createdAfter": (_query("ProductFilter", "products(filter: $v)"), {"createdAfter": HERE}),
    "products.after": (_query("Cursor", "products(after: $v)"), HERE),
    "products.before": (_query("Cursor", "products(before: $v)"), HERE),
    "searchSuggestions.query": (_query("String!", "searchSuggestions(query: $v)"), HERE),
    "product.by.slug": (_query("ProductBy!", "product(by: $v)"), {"slug": HERE}),
    "product.by.id": (_query("ProductBy!", "product(by: $v)"), {"id": HERE}),
    "variant.by.sku": (_query("VariantBy!", "variant(by: $v)"), {"sku": HERE}),
    "category.by.slug": (_query("CategoryBy!", "category(by: $v)"), {"slug": HERE}),
    "categories.parentId": (_query("ID", "categories(parentId: $v)"), HERE),
    "categories.after": (_query("Cursor", "categories(after: $v)"), HERE),
    "cart.id": (_query("ID!", "cart(id: $v)"), HERE),
    "checkoutAttempt.id": (_query("ID!", "checkoutAttempt(id: $v)"), HERE),
    "order.by.accessToken": (_query("OrderBy!", "order(by: $v)"), {"accessToken": HERE}),
    "cartCreate.email": (_mutation("cartCreate"), {"email": HERE}),
    "cartCreate.note": (_mutation("cartCreate"), {"note": HERE}),
    "cartCreate.currency": (_mutation("cartCreate"), {"currency": HERE}),
    "cartCreate.lines.variantId": (_mutation("cartCreate"), {"lines": [{"variantId": HERE}]}),
    "cartCreate.lines.attributes.key": (
        _mutation("cartCreate"),
        {"lines": [{"variantId": "var_2", "attributes": [{"key": HERE, "value": ""}]}]},
    ),
    "cartCreate.lines.attributes.value": (
        _mutation("cartCreate"),
        {"lines": [{"variantId": "var_2", "attributes": [{"key": "k", "value": HERE}]}]},
    ),
    **{
        f"cartCreate.shippingAddress.{field}": (_mutation("cartCreate"), {"shippingAddress": {**ADDRESS, field: HERE}})
        for field in ("fullName", "company", "line1", "line2", "city", "region", "postalCode", "phone", "countryCode")
    },
    "cartCreate.billingAddress.city": (_mutation("cartCreate"), {"billingAddress": {**ADDRESS, "city": HERE}}),
    "cartLinesAdd.cartId": (_mutation("cartLinesAdd"), {"cartId": HERE, "lines": [{"variantId": "var_2"}]}),
    "cartLinesUpdate.lines.lineId": (_mutation("cartLinesUpdate"), {"cartId": CART, "lines": [{"lineId": HERE}]}),
    "cartLinesRemove.lineIds": (_mutation("cartLinesRemove"), {"cartId": CART, "lineIds": [HERE]}),
    "cartUpdate.note": (_mutation("cartUpdate"), {"cartId": CART, "note": HERE}),
    "cartUpdate.deliveryOptionId": (_mutation("cartUpdate"), {"cartId": CART, "deliveryOptionId": HERE}),
    "checkoutComplete.cartId": (_mutation("checkoutComplete"), {**CHECKOUT, "cartId": HERE}),
    "checkoutComplete.idempotencyKey": (_mutation("checkoutComplete"), {**CHECKOUT, "idempotencyKey": HERE}),
    "checkoutComplete.expectedTotal": (
        _mutation("checkoutComplete"),
        {**CHECKOUT, "expectedTotal": {**MONEY, "amount": HERE}},
    ),
    "checkoutComplete.payment.paymentMethodId": (
        _mutation("checkoutComplete"),
        {**CHECKOUT, "payment": {"paymentMethodId": HERE}},
    ),
    "checkoutComplete.payment.confirmationToken": (
        _mutation("checkoutComplete"),
        {**CHECKOUT, "payment": {"confirmationToken": HERE}},
    ),
}
UNSTORABLE = {
    "NUL": "a\\u0000b",
    "NUL alone": "\\u0000",
    "lone surrogate": "a\\ud800b",
    "low surrogate": "\\udc00",
    "wrong way round": "\\udc00\\ud800",
}


def _json(value: Any, escaped: str) -> str:
    """The value as JSON with an escape in place of HERE, which `json` itself would never write."""
    return json.dumps(value).replace(HERE, escaped)


async def post(http: httpx.AsyncClient, query: str, value: Any, escaped: str) -> httpx.Response:
    body = f'{{"query": {json.dumps(query)}, "variables": {{"v": {_json(value, escaped)}}}}}'
    headers = {"content-type": "application/json", "accept": "application/json"}
    return await http.post("/graphql", content=body.encode(), headers=headers)


@pytest.mark.parametrize("text", UNSTORABLE)
@pytest.mark.parametrize("position", POSITIONS)
async def test_text_that_cannot_be_stored_is_a_400_wherever_it_stands(
    http: httpx.AsyncClient, position: str, text: str
) -> None:
    query, value = POSITIONS[position]

    answer = await post(http, query, value, UNSTORABLE[text])

    assert answer.status_code == 400
    assert list(answer.json()) == ["errors"]
    assert answer.json()["errors"][0]["extensions"]["code"] in ("BAD_USER_INPUT", "BAD_REQUEST")


@pytest.mark.parametrize("position", POSITIONS)
async def test_the_same_request_with_plain_odd_text_is_executed(http: httpx.AsyncClient, position: str) -> None:
    query, value = POSITIONS[position]

    answer = await post(http, query, value, "\\u0001\\u202e\\ud83d\\uded2\\ufffe")

    assert answer.status_code == 200
    codes = {error["extensions"]["code"] for error in answer.json().get("errors", [])}
    assert codes <= {"BAD_USER_INPUT"}


@pytest.mark.parametrize(
    "literal",
    ['"a\\u0000b"', '"\\u{0}"', '"\\u{00000}"', '"\\ud800"', '"\\u{dfff}"', '"\\udc00\\ud800"', '"""a\0b"""', '"a\0b"'],
)
async def test_text_that_cannot_be_stored_is_refused_in_literals_too(http: httpx.AsyncClient, literal: str) -> None:
    query = f"{{ products(query: {literal}) {{ nodes {{ id }} }} }}"

    answer = await http.post("/graphql", json={"query": query}, headers={"accept": "application/graphql-response+json"})

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["extensions"]["code"] in ("BAD_USER_INPUT", "GRAPHQL_PARSE_FAILED")


async def test_a_backslash_before_u0000_is_no_nul(http: httpx.AsyncClient) -> None:
    variables = {"v": "C:\\u0000"}

    answer = await http.post(
        "/graphql", json={"query": _query("String", "products(query: $v)"), "variables": variables}
    )

    assert answer.json() == {"data": {"products": {"__typename": "ProductConnection"}}}
