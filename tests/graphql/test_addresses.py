"""Addresses are checked by their country, and every fault names its field."""

from __future__ import annotations

from typing import Any

import pytest

from tests.shopkeeping import ADDRESS, Api

ADDRESS_FIELDS = "fullName company line1 line2 city region postalCode countryCode phone"
UPDATE = f"""mutation ($i: CartUpdateInput!) {{ cartUpdate(input: $i) {{
  cart {{ note shippingAddress {{ {ADDRESS_FIELDS} }} billingAddress {{ {ADDRESS_FIELDS} }} }}
  userErrors {{ code field message }} }} }}"""


@pytest.fixture
async def cart_id(api: Api) -> str:
    return (await api.cart_create())["cart"]["id"]


async def update(api: Api, cart_id: str, **values: Any) -> Any:
    return (await api.data(UPDATE, i={"cartId": cart_id, **values}))["cartUpdate"]


async def test_a_region_and_a_postal_code_are_stored_as_the_country_writes_them(api: Api, cart_id: str) -> None:
    written = {**ADDRESS, "region": "oregon"}
    british = {"fullName": "A", "line1": "1 Road", "city": "London", "postalCode": "ec1y 8sy", "countryCode": "GB"}

    payload = await update(api, cart_id, shippingAddress=written, billingAddress=british)

    assert payload["userErrors"] == []
    assert payload["cart"]["shippingAddress"]["region"] == "OR"
    assert payload["cart"]["billingAddress"]["postalCode"] == "EC1Y 8SY"


async def test_every_fault_of_both_addresses_is_told_by_its_path(api: Api, cart_id: str) -> None:
    american = {**ADDRESS, "region": "ZZ", "line1": "one\ntwo"}
    german = {"fullName": "A", "line1": "1 Weg", "city": "Bonn", "postalCode": "1234", "countryCode": "DE"}

    payload = await update(api, cart_id, shippingAddress=american, billingAddress=german)

    assert payload["cart"] is None
    assert [(error["code"], error["field"]) for error in payload["userErrors"]] == [
        ("ADDRESS_INVALID", ["shippingAddress", "line1"]),
        ("ADDRESS_INVALID", ["shippingAddress", "region"]),
        ("ADDRESS_INVALID", ["billingAddress", "postalCode"]),
    ]
    assert payload["userErrors"][2]["message"] == "This is no postal code of DE; they look like 26133, 53225."


@pytest.mark.parametrize(
    "name", ["محمد بن عبد الله", "שרה ‏כהן", "李小龍", "👩🏽‍🚀 Zoë O’Brien-Łukasz", "\u202eadA", "นภา"]
)
async def test_names_of_any_script_survive(api: Api, cart_id: str, name: str) -> None:
    payload = await update(api, cart_id, shippingAddress={**ADDRESS, "fullName": name}, note=name)

    assert payload["userErrors"] == []
    assert (payload["cart"]["shippingAddress"]["fullName"], payload["cart"]["note"]) == (name, name)


@pytest.mark.parametrize(("length", "taken"), [(5_000, True), (5_001, False), (10_000, False)])
async def test_a_note_survives_whole_or_is_refused_with_its_bound(
    api: Api, cart_id: str, length: int, taken: bool
) -> None:
    note = ("🥾ابجد" * length)[:length]

    payload = await update(api, cart_id, note=note)

    if taken:
        assert payload["cart"]["note"] == note
    else:
        assert [(error["field"], error["message"]) for error in payload["userErrors"]] == [
            (["note"], "The note is longer than 5000 characters.")
        ]
