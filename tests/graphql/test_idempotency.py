"""The same mutation sent again: one effect, one answer, byte for byte, whatever happened in between."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from graphql import GraphQLInputObjectType, GraphQLNonNull, GraphQLSchema, build_schema
from sqlalchemy import text

from app.bootstrap import Shop
from app.core.errors import DatabaseUnavailable
from app.core.ids import decode
from app.idempotency.answers import KeepAnswers
from app.idempotency.domain import KeyedCall
from app.web import build_app
from resolvers import schema as roots
from tests.graphql.canaries import client_of, signed_in_customer
from tests.shopkeeping import ADDRESS, CART, USER_ERRORS, Api, ManualClock, Shopkeeper, Stocked, variant_public_id

# mutations that take no key, because their answers hold tokens or nothing is lost by asking again: see ADR-0015
WITHOUT_KEY = frozenset(
    {
        *("login", "tokenRefresh", "logout", "sessionRevoke"),
        *("passwordReset", "passwordResetRequest", "passwordChange", "emailVerify", "customerDelete"),
    }
)
_numbers = itertools.count(1)


def new_key() -> str:
    return f"a key of this test, number {next(_numbers)}"


@dataclass(frozen=True)
class Scene:
    """What a call is made on."""

    api: Api
    mug: Stocked

    async def cart(self) -> dict[str, Any]:
        return await self.api.ready_cart((self.mug.variant_id, 1))


Input = dict[str, Any]


def line(scene: Scene, quantity: int) -> Input:
    return {"variantId": variant_public_id(scene.mug.variant_id), "quantity": quantity}


async def create(scene: Scene) -> tuple[Input, Input]:
    return {"lines": [line(scene, 1)]}, {"lines": [line(scene, 2)]}


async def add(scene: Scene) -> tuple[Input, Input]:
    cart_id = (await scene.cart())["id"]
    return {"cartId": cart_id, "lines": [line(scene, 1)]}, {"cartId": cart_id, "lines": [line(scene, 2)]}


async def update_lines(scene: Scene) -> tuple[Input, Input]:
    cart = await scene.cart()
    changed = {"lineId": cart["lines"]["nodes"][0]["id"], "quantityDelta": 1}
    return (
        {"cartId": cart["id"], "lines": [changed]},
        {"cartId": cart["id"], "lines": [{**changed, "quantityDelta": 2}]},
    )


async def remove(scene: Scene) -> tuple[Input, Input]:
    cart = await scene.cart()
    line_id = cart["lines"]["nodes"][0]["id"]
    return {"cartId": cart["id"], "lineIds": [line_id]}, {"cartId": cart["id"], "lineIds": [line_id, line_id]}


async def update(scene: Scene) -> tuple[Input, Input]:
    cart_id = (await scene.cart())["id"]
    return {"cartId": cart_id, "note": "one"}, {"cartId": cart_id, "note": "two"}


async def set_codes(scene: Scene) -> tuple[Input, Input]:
    cart_id = (await scene.cart())["id"]
    return {"cartId": cart_id, "codes": []}, {"cartId": cart_id, "codes": ["ANOTHER"]}


async def checkout(scene: Scene) -> tuple[Input, Input]:
    cart = await scene.cart()
    total = {name: cart["cost"]["total"][name] for name in ("amount", "currencyCode")}
    asked = {"cartId": cart["id"], "expectedTotal": total, "payment": {"paymentMethodId": "pm_card_visa"}}
    return asked, {**asked, "payment": {"paymentMethodId": "pm_card_mastercard"}}


async def merge(scene: Scene) -> tuple[Input, Input]:
    source, target, other = [(await scene.cart())["id"] for _ in range(3)]
    return {"sourceCartId": source, "targetCartId": target}, {"sourceCartId": other, "targetCartId": target}


async def delete(scene: Scene) -> tuple[Input, Input]:
    cart_id = (await scene.api.cart_create())["cart"]["id"]
    return {"cartId": cart_id}, {"cartId": cart_id, "expectedVersion": 1}


async def cancel_attempt(scene: Scene) -> tuple[Input, None]:
    waiting = await scene.api.checkout(await scene.cart(), pay="pm_card_threeDSecure2Required")
    return {"attemptId": waiting["attempt"]["id"]}, None


async def cancel_order(scene: Scene) -> tuple[Input, Input]:
    token = (await scene.api.checkout(await scene.cart()))["orderAccessToken"]
    order = (await scene.api.data(f'{{ order(by: {{accessToken: "{token}"}}) {{ id }} }}'))["order"]
    asked = {"orderId": order["id"], "accessToken": token}
    return asked, {**asked, "reason": "too big"}


async def register(_: Scene) -> tuple[Input, Input]:
    asked = {"email": f"keyed-{next(_numbers)}@example.com", "password": "a-long-walk-over-the-fells"}
    return asked, {**asked, "email": f"keyed-{next(_numbers)}@example.com"}


async def rename(_: Scene) -> tuple[Input, Input]:
    return {"name": "Ada"}, {"name": "Ada M."}


async def save_address(_: Scene) -> tuple[Input, Input]:
    return {"address": ADDRESS}, {"address": {**ADDRESS, "line1": "2 Ridge Way"}}


async def saved(scene: Scene) -> str:
    query = "mutation ($a: AddressInput!) { addressCreate(input: {address: $a}) { savedAddress { id } } }"
    return (await scene.api.data(query, a=ADDRESS))["addressCreate"]["savedAddress"]["id"]


async def change_address(scene: Scene) -> tuple[Input, Input]:
    _, key = await saved(scene), await saved(scene)
    return {"id": key, "isDefaultShipping": True}, {"id": key, "isDefaultBilling": True}


async def delete_address(scene: Scene) -> tuple[Input, Input]:
    one, another = await saved(scene), await saved(scene)
    return {"id": one}, {"id": another}


async def claim_orders(scene: Scene) -> tuple[Input, None]:
    email = (await scene.api.data("{ me { email } }"))["me"]["email"]
    guest = client_of(scene.api.http, {})
    assert (await guest.cart_create(lines=[line(scene, 1)], email=email))["userErrors"] == []
    return {}, None


# every mutation: how to make an input that takes effect, and another one that the same key must not be used for; None
# where the input is nothing but what its keys belong to
CALLS: dict[str, Callable[[Scene], Awaitable[tuple[Input, Input | None]]]] = {
    "cartCreate": create,
    "customerRegister": register,
    "cartLinesAdd": add,
    "cartLinesUpdate": update_lines,
    "cartLinesRemove": remove,
    "cartUpdate": update,
    "cartDiscountCodesSet": set_codes,
    "cartMerge": merge,
    "cartDelete": delete,
    "checkoutComplete": checkout,
    "checkoutAttemptCancel": cancel_attempt,
    "orderCancel": cancel_order,
    "customerUpdate": rename,
    "addressCreate": save_address,
    "addressUpdate": change_address,
    "addressDelete": delete_address,
    "guestOrdersClaim": claim_orders,
}
OF_CUSTOMERS = {rename, save_address, change_address, delete_address, claim_orders}
OF_ONE_INPUT = {cancel_attempt, claim_orders}
VERSIONS_RAISED = {  # by the calls above, in all; else 1
    "checkoutComplete": 4,
    "checkoutAttemptCancel": 3,
    "cartMerge": 2,
    "cartDelete": -1,
    "customerRegister": 0,
    "customerUpdate": 0,
    "addressUpdate": 0,
    "addressDelete": -1,
}
SAVED = "id isDefaultShipping isDefaultBilling address { line1 }"
SELECTIONS = {
    "AuthPayload": f"{{ accessToken {USER_ERRORS} }}",
    "CartPayload": f"{{ cart {{ {CART} updatedAt expiresAt }} {USER_ERRORS} }}",
    "CartMergePayload": f"{{ cart {{ {CART} }} moved summed clamped dropped {USER_ERRORS} }}",
    "DeletePayload": f"{{ deletedId {USER_ERRORS} }}",
    "CheckoutCompleteResult": f"""{{ __typename
     ... on CheckoutCompleted {{ orderAccessToken order {{ number status }} attempt {{ id state cart {{ version }} }} }}
      ... on CheckoutFailed {{ cart {{ id state version }} {USER_ERRORS} }} }}""",
    "CheckoutAttemptPayload": f"{{ attempt {{ id state cart {{ state version }} }} {USER_ERRORS} }}",
    "CustomerPayload": f"{{ customer {{ id name }} {USER_ERRORS} }}",
    "AddressBookPayload": f"{{ savedAddress {{ {SAVED} }} customer {{ addresses {{ {SAVED} }} }} {USER_ERRORS} }}",
    "GuestOrdersClaimPayload": f"{{ orders carts customer {{ id }} {USER_ERRORS} }}",
    "OrderPayload": f"{{ order {{ id status timeline {{ at kind message }} }} {USER_ERRORS} }}",
}


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return build_schema(roots.build_schema().as_str())


@pytest.fixture
async def scene(
    request: pytest.FixtureRequest, shop: Shop, http: httpx.AsyncClient, api: Api, keeper: Shopkeeper
) -> Scene:
    called = getattr(request.node, "callspec", None)
    if called is not None and CALLS.get(called.params.get("name")) in OF_CUSTOMERS:
        api = (await signed_in_customer(shop, http)).api
    return Scene(api, await keeper.stock("Mug", on_hand=100, price="18.00"))


def document(schema: GraphQLSchema, name: str) -> str:
    assert schema.mutation_type is not None
    field = schema.mutation_type.fields[name]
    kind = field.args["input"].type
    return f"mutation ($input: {kind}) {{ {name}(input: $input) {SELECTIONS[str(field.type)]} }}"


async def versions(shop: Shop) -> int:
    """A number that every effect on any cart, order or address book raises or lowers."""
    counts = "(SELECT count(*) FROM order_event) + (SELECT count(*) FROM accounts.saved_address)"
    query = f"SELECT (SELECT coalesce(sum(version), 0) FROM cart) + {counts}"
    async with shop.database.read_fresh() as connection:
        return int(await connection.scalar(text(query)))


def codes(answer: bytes) -> list[str]:
    (payload,) = json.loads(answer)["data"].values()
    return [error["code"] for error in payload["userErrors"]]


def test_every_mutation_takes_a_key_and_is_tried_here(schema: GraphQLSchema) -> None:
    assert schema.mutation_type is not None
    fields = schema.mutation_type.fields

    assert set(CALLS) == set(fields) - WITHOUT_KEY
    for name in CALLS:
        kind = fields[name].args["input"].type
        assert isinstance(kind, GraphQLNonNull)
        assert isinstance(kind.of_type, GraphQLInputObjectType)
        assert str(kind.of_type.fields["idempotencyKey"].type).rstrip("!") == "ID", name


@pytest.mark.parametrize("name", CALLS)
async def test_the_same_call_again_gets_the_same_bytes_and_changes_nothing(
    shop: Shop, scene: Scene, schema: GraphQLSchema, name: str
) -> None:
    asked, _ = await CALLS[name](scene)
    call = {**asked, "idempotencyKey": new_key()}

    first = await scene.api.raw(document(schema, name), input=call)
    if "cartId" in asked and name not in ("checkoutComplete", "cartDelete"):
        await scene.api.cart_mutation("cartUpdate", cartId=asked["cartId"], note="changed since")
    after = await versions(shop)
    again = await scene.api.raw(document(schema, name), input=call)

    assert "errors" not in json.loads(first)
    assert again == first
    assert await versions(shop) == after


@pytest.mark.parametrize("name", [name for name in CALLS if name != "checkoutComplete"])
async def test_the_header_is_as_good_as_the_field(shop: Shop, scene: Scene, schema: GraphQLSchema, name: str) -> None:
    asked, other = await CALLS[name](scene)
    header = {"idempotency-key": new_key()}

    first = await scene.api.raw(document(schema, name), header, input=asked)
    after = await versions(shop)
    again = await scene.api.raw(document(schema, name), header, input=asked)
    by_field = await scene.api.raw(document(schema, name), input={**asked, "idempotencyKey": header["idempotency-key"]})
    refused = other and await scene.api.raw(document(schema, name), header, input=other)

    assert codes(first) == []
    assert first == again == by_field
    assert refused is None or codes(refused) == ["IDEMPOTENCY_KEY_REUSED"]
    assert await versions(shop) == after


@pytest.mark.parametrize("name", CALLS)
async def test_ten_at_once_take_effect_once_and_get_the_same_bytes(
    shop: Shop, scene: Scene, schema: GraphQLSchema, name: str
) -> None:
    asked, _ = await CALLS[name](scene)
    call = {**asked, "idempotencyKey": new_key()}
    before = await versions(shop)

    answers = await asyncio.gather(*(scene.api.raw(document(schema, name), input=call) for _ in range(10)))

    assert len(set(answers)) == 1
    assert "errors" not in json.loads(answers[0])
    assert await versions(shop) - before == VERSIONS_RAISED.get(name, 1)


@pytest.mark.parametrize("name", [name for name, call in CALLS.items() if call not in OF_ONE_INPUT])
async def test_a_key_is_for_one_input(shop: Shop, scene: Scene, schema: GraphQLSchema, name: str) -> None:
    asked, other = await CALLS[name](scene)
    assert other is not None
    key = new_key()
    first = await scene.api.raw(document(schema, name), input={**asked, "idempotencyKey": key})
    before = await versions(shop)

    refused = await scene.api.raw(document(schema, name), input={**other, "idempotencyKey": key})
    again = await scene.api.raw(document(schema, name), input={**asked, "idempotencyKey": key})

    assert codes(refused) == ["IDEMPOTENCY_KEY_REUSED"]
    assert again == first
    assert await versions(shop) == before


@pytest.mark.parametrize("name", CALLS)
async def test_after_a_crash_before_the_answer_the_call_is_answered_from_its_effect(
    shop: Shop, scene: Scene, schema: GraphQLSchema, name: str
) -> None:
    class Crashed(KeepAnswers):
        async def keep(self, call: KeyedCall, answer: bytes, *, has_effect: bool) -> bytes | None:
            raise ConnectionResetError

    crashing = replace(shop, services=replace(shop.services, answers=Crashed(shop.transactions, shop.clock)))
    transport = httpx.ASGITransport(app=build_app(crashing))
    asked, _ = await CALLS[name](scene)
    call = {**asked, "idempotencyKey": new_key()}
    headers = scene.api.http.headers
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.test", headers=headers) as client:
        lost = await Api(client)(document(schema, name), input=call)
    before = await versions(shop)

    first = await scene.api.raw(document(schema, name), input=call)
    again = await scene.api.raw(document(schema, name), input=call)

    assert lost.codes() == ["INTERNAL_SERVER_ERROR"]
    assert again == first
    assert b"CheckoutCompleted" in first if name == "checkoutComplete" else codes(first) == []
    assert await versions(shop) == before


# ------------------------------------------------------------------------------------------- waiting and forgetting


async def test_a_call_that_comes_while_the_first_is_running_waits_for_its_answer(
    shop: Shop, scene: Scene, schema: GraphQLSchema
) -> None:
    asked, _ = await add(scene)
    call = {**asked, "idempotencyKey": new_key()}
    held = asyncio.Event()
    cart_key = decode(asked["cartId"])[1]

    async def hold_until_somebody_waits() -> None:
        async with shop.transactions.begin() as tx:
            await tx.carts.hold(cart_key)
            held.set()
            waiting = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
            async with asyncio.timeout(5), shop.database.read_fresh() as other:
                while not await other.scalar(waiting):
                    pass

    async def send() -> bytes:
        await held.wait()
        return await scene.api.raw(document(schema, "cartLinesAdd"), input=call)

    _, first, second = await asyncio.gather(hold_until_somebody_waits(), send(), send())

    assert first == second
    assert json.loads(first)["data"]["cartLinesAdd"]["cart"]["totalQuantity"] == 2


async def test_two_processes_give_one_answer(
    two_processes: tuple[Api, Api], scene: Scene, schema: GraphQLSchema
) -> None:
    asked, _ = await create(scene)
    call = {**asked, "idempotencyKey": new_key()}

    answers = await asyncio.gather(
        *(two_processes[number % 2].raw(document(schema, "cartCreate"), input=call) for number in range(8))
    )

    assert len(set(answers)) == 1


async def test_a_refusal_is_kept_like_any_answer(keeper: Shopkeeper, scene: Scene, schema: GraphQLSchema) -> None:
    rare = await keeper.stock("Rare", on_hand=1)
    call = {"lines": [{"variantId": variant_public_id(rare.variant_id), "quantity": 2}], "idempotencyKey": new_key()}
    first = await scene.api.raw(document(schema, "cartCreate"), input=call)
    (variant,) = rare.draft.variants
    await keeper.store(replace(rare.draft, variants=(replace(variant, on_hand=5),)))

    again = await scene.api.raw(document(schema, "cartCreate"), input=call)

    assert codes(first) == ["INSUFFICIENT_STOCK"]
    assert again == first


async def test_an_outage_is_not_kept(shop: Shop, scene: Scene, schema: GraphQLSchema) -> None:
    async def away(*_: object, **__: object) -> None:
        raise DatabaseUnavailable("gone")

    asked, _ = await create(scene)
    call = {**asked, "idempotencyKey": new_key()}
    broken = replace(shop, services=replace(shop.services, create_cart=away))
    transport = httpx.ASGITransport(app=build_app(broken))
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.test") as client:
        lost = await Api(client)(document(schema, "cartCreate"), input=call)

    answer = await scene.api.data(document(schema, "cartCreate"), input=call)

    assert lost.codes() == ["SERVICE_UNAVAILABLE"]
    assert answer["cartCreate"]["cart"]["totalQuantity"] == 1


async def test_after_24_hours_a_key_is_a_new_one(
    shop: Shop, clock: ManualClock, scene: Scene, schema: GraphQLSchema
) -> None:
    asked, _ = await add(scene)
    call = {**asked, "idempotencyKey": new_key()}
    first = await scene.api.raw(document(schema, "cartLinesAdd"), input=call)

    with clock.turned(timedelta(hours=23, minutes=59)):
        within = await scene.api.raw(document(schema, "cartLinesAdd"), input=call)
    with clock.turned(timedelta(hours=24, minutes=1)):
        after = await scene.api.raw(document(schema, "cartLinesAdd"), input=call)

    assert within == first
    assert json.loads(after)["data"]["cartLinesAdd"]["cart"]["totalQuantity"] == 3


async def test_the_worker_forgets_calls_after_24_hours(shop: Shop, clock: ManualClock, scene: Scene) -> None:
    key = new_key()
    await scene.api.cart_create(idempotencyKey=key)

    async def known() -> int:
        async with shop.database.read_fresh() as connection:
            query = text("SELECT count(*) FROM idempotency_key WHERE key = :key")
            return int(await connection.scalar(query, {"key": key}))

    with clock.turned(timedelta(hours=23, minutes=59)):
        await shop.forget_keyed_calls()
        before = await known()
    with clock.turned(timedelta(hours=24, minutes=1)):
        while await shop.forget_keyed_calls():
            pass
        after = await known()

    assert (before, after) == (1, 0)


async def test_a_checkout_is_one_order_even_after_its_key_was_forgotten(
    shop: Shop, clock: ManualClock, scene: Scene, schema: GraphQLSchema
) -> None:
    asked, _ = await checkout(scene)
    call = {**asked, "idempotencyKey": new_key()}
    first = await scene.api.data(document(schema, "checkoutComplete"), input=call)

    with clock.turned(timedelta(hours=25)):
        while await shop.forget_keyed_calls():
            pass
        again = await scene.api.data(document(schema, "checkoutComplete"), input=call)

    assert again["checkoutComplete"]["order"] == first["checkoutComplete"]["order"]


# ------------------------------------------------------------------------------------------------ whose key it is


async def test_another_selection_gets_its_own_answer_and_no_second_effect(scene: Scene, schema: GraphQLSchema) -> None:
    asked, _ = await add(scene)
    call = {**asked, "idempotencyKey": new_key()}
    await scene.api.raw(document(schema, "cartLinesAdd"), input=call)
    other = "mutation ($input: CartLinesAddInput!) { cartLinesAdd(input: $input) { cart { totalQuantity } } }"

    answer = await scene.api.data(other, input=call)

    assert answer == {"cartLinesAdd": {"cart": {"totalQuantity": 2}}}


async def test_customers_and_guests_do_not_share_keys(api: Api, customers: tuple[Api, Api]) -> None:
    key = new_key()

    ids = [(await each.cart_create(idempotencyKey=key))["cart"]["id"] for each in (api, *customers)]

    assert len(set(ids)) == 3


@pytest.mark.parametrize(("length", "taken"), [(0, False), (15, False), (16, True), (255, True), (256, False)])
async def test_a_guests_key_for_a_new_cart_is_long_enough_that_nobody_guesses_it(
    api: Api, length: int, taken: bool
) -> None:
    payload = await api.cart_create(idempotencyKey=new_key().rjust(256, "x")[-length:] if length else "")

    assert (payload["cart"] is not None) is taken
    assert [error["field"] for error in payload["userErrors"]] == ([] if taken else [["idempotencyKey"]])


@pytest.mark.parametrize(("length", "taken"), [(0, False), (1, True), (255, True), (256, False)])
async def test_a_key_for_a_cart_of_ones_own_may_be_short(scene: Scene, length: int, taken: bool) -> None:
    asked, _ = await add(scene)

    payload = await scene.api.cart_mutation("cartLinesAdd", **asked, idempotencyKey="k" * length)

    assert (payload["cart"] is not None) is taken


async def test_null_is_no_key(scene: Scene) -> None:
    asked, _ = await add(scene)

    versions = [
        (await scene.api.cart_mutation("cartLinesAdd", **asked, idempotencyKey=None))["cart"]["version"]
        for _ in range(2)
    ]

    assert versions[1] == versions[0] + 1


async def test_one_document_may_make_several_calls_with_keys_of_their_own(scene: Scene) -> None:
    asked, _ = await add(scene)
    query = """mutation ($a: CartLinesAddInput!, $b: CartLinesAddInput!) {
      first: cartLinesAdd(input: $a) { cart { totalQuantity } }
      again: cartLinesAdd(input: $a) { cart { totalQuantity } }
      other: cartLinesAdd(input: $b) { cart { totalQuantity } } }"""
    keys = new_key(), new_key()

    answers = [
        await scene.api.raw(query, a={**asked, "idempotencyKey": keys[0]}, b={**asked, "idempotencyKey": keys[1]})
        for _ in range(2)
    ]

    assert json.loads(answers[0])["data"] == {
        "first": {"cart": {"totalQuantity": 2}},
        "again": {"cart": {"totalQuantity": 2}},
        "other": {"cart": {"totalQuantity": 3}},
    }
    assert answers[0] == answers[1]


async def test_one_header_stands_for_each_mutation_of_a_document(scene: Scene) -> None:
    asked, _ = await add(scene)
    query = """mutation ($i: CartLinesAddInput!) { __typename ...Both }
      fragment Both on Mutation {
        first: cartLinesAdd(input: $i) { cart { totalQuantity } }
        second: cartLinesAdd(input: $i) { cart { totalQuantity } } }"""
    header = {"idempotency-key": new_key()}

    answers = [await scene.api.raw(query, header, i=asked) for _ in range(2)]

    assert json.loads(answers[0])["data"] == {
        "__typename": "Mutation",
        "first": {"cart": {"totalQuantity": 2}},
        "second": {"cart": {"totalQuantity": 3}},
    }
    assert answers[0] == answers[1]


async def test_an_empty_input_may_have_a_header(api: Api) -> None:
    query = "mutation { cartCreate(input: {}) { cart { id } } }"
    header = {"idempotency-key": new_key()}

    answers = [await api.raw(query, header) for _ in range(2)]

    assert answers[0] == answers[1]


async def test_the_inputs_own_key_comes_before_the_header(scene: Scene) -> None:
    asked, _ = await add(scene)
    keys = new_key(), new_key()

    carts = [
        (
            await scene.api(
                """mutation ($i: CartLinesAddInput!) { cartLinesAdd(input: $i) { cart { version } } }""",
                {"idempotency-key": header},
                i={**asked, "idempotencyKey": own},
            )
        ).data["cartLinesAdd"]["cart"]
        for own, header in ((keys[0], "h"), (keys[0], "other"), (keys[1], "h"))
    ]

    assert carts[0] == carts[1]
    assert carts[2]["version"] == carts[1]["version"] + 1
