"""Every field of the schema, asked by everybody; every place that takes an id, given every id of somebody else's."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from graphql import is_object_type

from app.accounts.domain import Identity, Role
from app.bootstrap import Shop
from app.core.ids import CustomerId, SessionId, decode
from app.core.throttle import Bucket
from app.http.caller import Caller
from app.http.graphql_request import checked_request
from app.http.operations import Operations, Refused
from tests.graphql.access_rules import FIELDS, NOT_SHOWN_HERE, Rule, field_rules, fields_of, key_places, place_rules
from tests.graphql.access_walk import Probe, Root, probes
from tests.graphql.canaries import Somebody, a_customer, staff_without_rights
from tests.graphql.positions import HERE, SCHEMA, Position, text_positions
from tests.graphql.shop_operations import operations_of
from tests.shopkeeping import Api, Shopkeeper
from tests.waiting import PATIENCE_SECONDS

PLACES = key_places(text_positions(watching=True) | text_positions())
SHOWN_ANEW = ("asOf", "ageMs", "source")  # of what is public: how fresh it is
BY_SIGNING_IN = {"access token", "refresh token"}
WATCHED = Bucket(1_000_000_000, 1_000_000)


@dataclass(frozen=True)
class Scene:
    """One customer, and whoever else there is."""

    owner: Somebody
    others: Mapping[str, Somebody]

    @property
    def roots(self) -> list[Root]:
        """Whatever the customer can ask for."""
        kinds = {"cart": "Cart", "attempt": "CheckoutAttempt", "order": "Order"}
        asked = {"cart": 'cart(id: "{}")', "attempt": 'checkoutAttempt(id: "{}")', "order": 'order(by: {{id: "{}"}})'}
        found = []
        for name in self.owner.ids:
            kind = name.rpartition(" ")[2]
            if kind in kinds:
                found.append(Root(name, asked[kind].format(self.owner.keys[name]), kinds[kind]))
                found.append(self._node(name, kinds[kind]))
        return [*found, self._node("customer", "Customer"), Root("me", "me", "Customer")]

    def _node(self, name: str, kind: str) -> Root:
        return Root(f"node of {name}", f'node(id: "{self.owner.keys[name]}")', kind)


@pytest.fixture(scope="module")
async def scene(shop: Shop, http: httpx.AsyncClient, keeper: Shopkeeper) -> Scene:
    owner, other = await a_customer(shop, http, keeper), await a_customer(shop, http, keeper)
    others = {
        "nobody": Somebody("nobody", Api(http)),
        "another": other,
        "staff": await staff_without_rights(shop, http),
    }
    return Scene(owner, others)


def is_private(name: str) -> bool:
    return Rule.PUBLIC not in FIELDS[name] and Rule.TOLD not in FIELDS[name] and name not in NOT_SHOWN_HERE


async def answer_to(who: Somebody, query: str) -> tuple[str, dict[str, Any]]:
    """The answer with its headers as one text, and its data."""
    response = await who.api.http.post("/graphql", json={"query": query}, headers={"accept": "application/json"})
    body = response.json()
    assert response.status_code == 200, (query, body)
    return f"{response.headers} {response.text}", body.get("data") or {}


def test_every_field_and_every_place_for_an_id_has_one_rule() -> None:
    listed = Counter(field for of in FIELDS.values() for fields in of.values() for field in fields.split())

    assert set(field_rules()) == fields_of(SCHEMA)
    assert set(place_rules()) == set(PLACES)
    assert len(field_rules()) == sum(listed.values())  # none is listed twice


async def test_what_is_a_customers_is_shown_to_them_field_by_field_and_to_nobody_else(scene: Scene) -> None:
    """Everything that each root leads to is asked by its owner; by others each type once, and every root by itself."""
    owner, told, asked = scene.owner, "", 0
    shown: set[str] = set()
    for root in scene.roots:
        is_new = root.name == "me" or root.name.startswith("node")
        of_root = [
            each
            for each in probes(root, is_private)
            if not is_new or each.type_name == root.type_name or each.type_name not in shown
        ]
        nothing = {each.type_name for each in of_root if each.field == first_field(each.type_name)}
        for probe in [each for each in of_root if each.field == first_field(each.type_name)]:
            if probe.shown((await answer_to(owner, probe.query))[1]):
                nothing.discard(probe.type_name)
        assert root.type_name not in nothing, root.name
        for probe in [each for each in of_root if each.type_name not in nothing]:
            text, data = await answer_to(owner, probe.query)
            told += text
            assert probe.shown(data), f"{probe.type_name}.{probe.field} by {root.name} is not shown to its owner"
            if probe.type_name in shown and probe.type_name != root.type_name:
                continue
            for name, other in scene.others.items():
                answer, seen = await answer_to(other, probe.query)
                asked += 1
                assert owner.found_in(answer) == [], (name, probe.query)
                assert root.name == "me" or not probe.shown(seen), (name, probe.query)
        shown |= {each.type_name for each in of_root} - nothing

    parts = {"Query", "Mutation", "Subscription", "Node"}
    assert shown == {name for name in FIELDS if is_private(name)} - parts
    canaries = set(owner.words) | {name for name in owner.keys if name.endswith(" token")} - BY_SIGNING_IN
    assert canaries - set(owner.found_in(told)) == set()  # else their absence elsewhere would say nothing
    print(f"{asked} answers to others hold none of {len(canaries)} canaries of {len(shown)} private types")


def first_field(type_name: str) -> str:
    kind = SCHEMA.type_map[type_name]
    assert is_object_type(kind)
    return next(iter(kind.fields))


async def test_what_is_public_is_shown_to_everybody_alike(scene: Scene) -> None:
    roots = [
        Root("shop", "shop", "Shop"),
        Root("product", 'product(by: {slug: "trail-mug"})', "Product"),
        Root("products", "products(first: 2)", "ProductConnection"),
        Root("category", 'category(by: {slug: "mugs"})', "Category"),
        Root("categories", "categories(first: 2)", "CategoryConnection"),
        Root("suggestions", 'searchSuggestions(query: "mu")', "SearchSuggestions"),
    ]
    callers, asked, seen = [scene.owner, *scene.others.values()], 0, set()
    for probe in {(each.type_name, each.field): each for root in roots for each in probes(root, is_public)}.values():
        answers = [await answer_to(who, probe.query) for who in callers]
        asked += len(answers)
        first, *rest = [without_age(data) for _, data in answers]
        assert rest == [first] * len(rest), probe.query
        assert not any(scene.owner.found_in(text) for text, _ in answers)
        seen |= {probe.type_name} if probe.shown(answers[0][1]) else set()

    public = {name for name, of in FIELDS.items() if Rule.PUBLIC in of} - {"Query", "Facet"}
    assert seen >= public
    print(f"{asked} answers about {len(seen)} public types are the same for {len(callers)} callers")


def is_public(name: str) -> bool:
    return Rule.PUBLIC in FIELDS[name] or Rule.INSIDE in FIELDS[name]


def without_age(value: Any) -> Any:
    if isinstance(value, list):
        return [without_age(each) for each in value]
    if not isinstance(value, dict):
        return value
    is_age = value.get("__typename") in ("Freshness", "Availability")
    return {
        name: without_age(each)
        for name, each in value.items()
        if name not in SHOWN_ANEW and not (name == "asked" and is_age)
    }


# --------------------------------------------------------------------------------------- ids in every place for one


def hostile(place: Position, key: str, own: Mapping[str, str]) -> dict[str, Any]:
    """A request with somebody else's key in this place, and the caller's own wherever else one is needed."""
    value = json.dumps(place.value).replace(HERE, key)
    for name, mine in own.items():
        value = value.replace(f'"{name}_{"1" * 22}"', f'"{mine}"')
    return {"query": place.query, "variables": {"v": json.loads(value)}}


def own_keys(who: Somebody) -> dict[str, str]:
    """By their prefix, for what else a request needs."""
    return {name: who.keys[name] for name in ("cart", "line", "attempt", "order") if name in who.keys}


@pytest.mark.parametrize("caller", ["nobody", "another", "staff"])
async def test_no_id_of_a_customer_opens_anything_to_somebody_else(
    scene: Scene, caller: str, capsys: pytest.CaptureFixture[str]
) -> None:
    owner, other, asked = scene.owner, scene.others[caller], 0
    before = [(await answer_to(owner, probe.query))[1] for probe in everything(scene)]

    for name, place in PLACES.items():
        if name.startswith("Subscription"):
            continue
        for key in owner.ids.values():
            answer = await other.api.http.post("/graphql", json=hostile(place, key, own_keys(other)))
            asked += 1
            assert owner.found_in(f"{answer.headers} {answer.text}") == [], (name, key)
            assert answer.status_code in (200, 400), (name, key, answer.text)
            data = json.dumps(answer.json().get("data"))
            assert [mine for mine, id_ in owner.ids.items() if id_ in data] == [], (name, key, data)

    assert owner.found_in(capsys.readouterr().out) == []  # nor any line of the log
    assert [(await answer_to(owner, probe.query))[1] for probe in everything(scene)] == before
    with capsys.disabled():
        print(f"\n{asked} requests by {caller}: {len(PLACES)} places, {len(owner.ids)} ids")


def everything(scene: Scene) -> list[Probe]:
    """What would be changed by a call that took effect."""
    wanted = {"Cart": "version", "CheckoutAttempt": "state", "Order": "status", "Customer": "name"}
    return [
        probe
        for root in scene.roots
        for probe in probes(root, lambda _: False)
        if wanted[root.type_name] == probe.field
    ]


@pytest.fixture(scope="module")
def operations(shop: Shop) -> Operations:
    return operations_of(shop)


def watcher(who: Somebody) -> Caller:
    if "customer" not in who.keys:
        return Caller("request", None, ("watchers", WATCHED))
    customer, session = CustomerId(decode(who.keys["customer"])[1]), SessionId(decode(who.keys["session"])[1])  # type: ignore[arg-type]
    identity = Identity(customer, session, Role.CUSTOMER, who.keys["access token"])
    return Caller("request", customer, ("watchers", WATCHED), identity)


async def first_event(operations: Operations, who: Somebody, request: dict[str, Any]) -> str:
    """What a subscription gives first: the object as it is, or why there is none."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        try:
            ready = await operations.prepare(checked_request(request), watcher(who))
            async with aclosing(operations.stream(ready)) as answers:
                return (await anext(aiter(answers))).decode()
        except Refused as refused:
            return json.dumps({"errors": refused.errors})


async def test_no_id_of_a_customer_can_be_watched_by_somebody_else(scene: Scene, operations: Operations) -> None:
    owner, watched = scene.owner, set()
    for name, place in PLACES.items():
        if not name.startswith("Subscription"):
            continue
        for kind, key in owner.ids.items():
            request = hostile(place, key, {})
            for other in scene.others.values():
                answer = await first_event(operations, other, request)
                assert owner.found_in(answer) == [], (name, kind)
                assert "errors" in json.loads(answer), (name, kind)
            if '"errors"' not in await first_event(operations, owner, request):
                watched.add((name, kind.rpartition(" ")[2]))

    assert watched == {
        ("Subscription.cartUpdated.id", "cart"),
        ("Subscription.checkoutAttemptUpdated.id", "attempt"),
        ("Subscription.orderUpdated.by.id", "order"),
    }
