"""Customers who have one of everything, each value of theirs a text that stands nowhere else.

Whatever of one customer's can be read is a canary: it must never be in anything that somebody else is answered.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

import httpx
import pyotp
from sqlalchemy import text

from app.bootstrap import Shop
from tests.shopkeeping import Api, Shopkeeper, variant_public_id

PASSWORD = "nobody-else-walks-here"
CHECKOUTS = {
    "order": "pm_card_visa",
    "waiting": "pm_card_threeDSecure2Required",
    "failed": "pm_card_visa_chargeDeclined",
}
_numbers = itertools.count(1)
_PARTS = ("fullName", "company", "line1", "line2", "city", "phone")
ATTEMPT = """query ($id: ID!) { checkoutAttempt(id: $id) { order { id number lines { nodes { id } } payments { id } }
  result { ... on CheckoutCompleted { orderAccessToken } ... on CheckoutActionRequired { clientSecret orderAccessToken }
  } } }"""


@dataclass
class Somebody:
    """A caller. words: the canaries that were put in; keys: ids and tokens that the shop made of them, by kind."""

    name: str
    api: Api
    words: dict[str, str] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)

    def word(self, what: str) -> str:
        """A new canary."""
        self.words[what] = f"canary-{what}-of-{self.name}"
        return self.words[what]

    @property
    def ids(self) -> dict[str, str]:
        """Their ids, which open something to nobody but them."""
        return {name: key for name, key in self.keys.items() if not name.endswith("token")}

    def found_in(self, answer: str) -> list[str]:
        """What of theirs an answer tells: canaries, and tokens that open something by themselves."""
        tokens = {name: key for name, key in self.keys.items() if name.endswith("token")}
        return [name for name, text in {**self.words, **tokens}.items() if text in answer]


def client_of(http: httpx.AsyncClient, headers: dict[str, str]) -> Api:
    """Sends GraphQL with these headers."""
    return Api(httpx.AsyncClient(transport=http._transport, base_url=http.base_url, headers=headers))


async def signed_in_customer(shop: Shop, http: httpx.AsyncClient) -> Somebody:
    """A customer with a verified address and a session, and nothing else."""
    who = Somebody(f"{next(_numbers)}x", Api(http))
    email = who.words["email"] = f"canary.{who.name}@example.com"
    await shop.accounts.add_customer(email, PASSWORD, who.word("name"))
    await forgive_tries(shop)
    headers = {"user-agent": who.word("agent")}
    answer = await http.post("/api/auth/login", json={"email": email, "password": PASSWORD}, headers=headers)
    who.keys["access token"], who.keys["refresh token"] = answer.json()["token"], answer.json()["refreshToken"]
    who.keys["customer"] = answer.json()["user"]["id"]
    who.api = client_of(http, {"authorization": f"Bearer {who.keys['access token']}"})
    who.keys["session"] = (await who.api.data("{ me { sessions { id } } }"))["me"]["sessions"][0]["id"]
    return who


async def a_customer(shop: Shop, http: httpx.AsyncClient, keeper: Shopkeeper) -> Somebody:
    """A customer with a session, a name, addresses, a cart, and a checkout for each way in which one can end."""
    who = await signed_in_customer(shop, http)
    await _save_addresses(who)
    mug = await keeper.stock("Mug", price="18.00")
    variant = variant_public_id(mug.variant_id)
    await _fill_cart(who, variant, "cart")
    for what, card in CHECKOUTS.items():
        await _check_out(who, variant, what, card)
    return who


async def staff_without_rights(shop: Shop, http: httpx.AsyncClient) -> Somebody:
    """A member of staff who is signed in, with the second factor."""
    email = f"staff.{next(_numbers)}x@example.com"
    address, _ = await shop.accounts.create_staff(email, PASSWORD, "Staff")
    await forgive_tries(shop)
    code = pyotp.parse_uri(address).now()
    answer = await http.post("/api/auth/login", json={"email": email, "password": PASSWORD, "code": code})
    assert answer.status_code == 200, answer.text
    return Somebody("staff", client_of(http, {"authorization": f"Bearer {answer.json()['token']}"}))


async def forgive_tries(shop: Shop) -> None:
    """Forget every try to sign in: all tests come from one address."""
    async with shop.accounts_database.write() as connection:
        await connection.execute(text("DELETE FROM accounts.sign_in_try"))


def address_of(who: Somebody, what: str) -> dict[str, str]:
    """An address of canaries, as an `AddressInput`."""
    parts = {part: who.word(f"{what}-{part}") for part in _PARTS}
    return {**parts, "region": "OR", "postalCode": "97205", "countryCode": "US"}


async def _save_addresses(who: Somebody) -> None:
    query = """mutation ($i: AddressCreateInput!) { addressCreate(input: $i) {
      savedAddress { id } userErrors { code } } }"""
    for what in ("home", "work"):
        payload = (await who.api.data(query, i={"address": address_of(who, what)}))["addressCreate"]
        who.keys[f"{what} address"] = payload["savedAddress"]["id"]


async def _fill_cart(who: Somebody, variant: str, what: str) -> dict[str, Any]:
    attributes = [{"key": who.word(f"{what}-key"), "value": who.word(f"{what}-value")}]
    email = who.words[f"{what}-email"] = f"canary.{what}.{who.name}@example.com"
    payload = await who.api.cart_create(
        lines=[{"variantId": variant, "quantity": 1, "attributes": attributes}],
        email=email,
        note=who.word(f"{what}-note"),
        shippingAddress=address_of(who, f"{what}-shipping"),
        billingAddress=address_of(who, f"{what}-billing"),
        discountCodes=[],
    )
    assert payload["userErrors"] == [], payload
    cart: dict[str, Any] = payload["cart"]
    who.keys[what if what == "cart" else f"{what} cart"] = cart["id"]
    who.keys[f"{what} line"] = cart["lines"]["nodes"][0]["id"]
    return cart


async def _check_out(who: Somebody, variant: str, what: str, card: str) -> None:
    cart = await _fill_cart(who, variant, what)
    option = cart["deliveryOptions"][0]["id"]
    ready = (await who.api.cart_mutation("cartUpdate", cartId=cart["id"], deliveryOptionId=option))["cart"]
    outcome = await who.api.checkout(ready, pay=card)
    attempt = outcome.get("attempt") or outcome["failed"]
    who.keys[f"{what} attempt"] = attempt["id"]
    told = (await who.api.data(ATTEMPT, id=attempt["id"]))["checkoutAttempt"]
    order = told["order"]
    who.keys[what if what == "order" else f"{what} order"] = order["id"]
    who.keys[f"{what} order line"] = order["lines"]["nodes"][0]["id"]
    who.keys[f"{what} payment"] = order["payments"][0]["id"]
    if told["result"].get("clientSecret"):
        who.keys[f"{what} client secret token"] = told["result"]["clientSecret"]
    if told["result"].get("orderAccessToken"):  # what all tokens of this order begin with, whenever they were made
        who.keys[f"{what} order token"] = told["result"]["orderAccessToken"][:21]
