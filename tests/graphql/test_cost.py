"""The cost of a request: what the schema declares, what is charged before, and what was used after."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from graphql import (
    GraphQLField,
    GraphQLSchema,
    get_named_type,
    get_nullable_type,
    is_list_type,
    is_object_type,
)
from hypothesis import HealthCheck, given, settings

from app.bootstrap import Shop
from resolvers.context import Context
from resolvers.cost import MAX_COST, MUTATION_COST, SCHEMA_COST
from resolvers.cost_directives import Cost, ListSize
from resolvers.schema import build_schema
from resolvers.shop_schema import Operation, Result, ShopSchema
from tests.graphql.generated_queries import GeneratedQuery, queries
from tests.shopkeeping import Api

EXPLICIT = {"edges", "nodes"}


@pytest.fixture(scope="module")
def schema() -> ShopSchema:
    return build_schema()


def estimate(schema: ShopSchema, text: str, **variables: Any) -> int:
    return schema.prepare(text).choose(None).plan.estimate(variables)


def declared(owner: Any, kind: type) -> Any:
    definition = owner.extensions.get("strawberry-definition")
    return next((each for each in getattr(definition, "directives", None) or () if isinstance(each, kind)), None)


def lists(graph: GraphQLSchema) -> Iterator[tuple[str, str, GraphQLField]]:
    for name, kind in graph.type_map.items():
        if is_object_type(kind) and not name.startswith("__"):
            for field_name, field in kind.fields.items():
                if is_list_type(get_nullable_type(field.type)):
                    yield name, field_name, field


# ------------------------------------------------------------------------------------------------ what is declared


def test_every_list_is_bounded(schema: ShopSchema) -> None:
    unbounded = [
        f"{name}.{field_name}"
        for name, field_name, field in lists(schema._schema)
        if not declared(field, ListSize)
        and "first" not in field.args
        and not (field_name in EXPLICIT and name.endswith("Connection"))
    ]

    assert unbounded == []


def test_every_connection_is_bounded_by_the_field_that_gives_it(schema: ShopSchema) -> None:
    unbounded = [
        f"{name}.{field_name}"
        for name, kind in schema._schema.type_map.items()
        if is_object_type(kind)
        for field_name, field in kind.fields.items()
        if get_named_type(field.type).name.endswith("Connection") and "first" not in field.args
    ]

    assert unbounded == []


def test_the_directives_are_part_of_the_schema_that_clients_see(schema: ShopSchema) -> None:
    text = schema.as_str()

    assert 'type Money @cost(weight: "0")' in text
    assert "facets: [Facet!]! @listSize(assumedSize: " in text
    assert '@listSize(assumedSize: 100, slicingArgument: "ids")' in text


# ------------------------------------------------------------------------------------------------ what is charged


@pytest.mark.parametrize(
    ("text", "variables", "cost"),
    [
        ("{ shop { name } }", {}, 1),  # nothing costs nothing
        ("{ products { nodes { name } } }", {}, 1 + 20),
        ("{ products(first: 7) { nodes { name } } }", {}, 1 + 7),
        ("{ products(last: 7) { edges { node { name } } } }", {}, 1 + 7),
        ("{ products(first: 7) { nodes { name } edges { node { name } } } }", {}, 1 + 14),
        ("query ($n: Int) { products(first: $n) { nodes { name } } }", {"n": 30}, 1 + 30),
        ("query ($n: Int) { products(first: $n) { nodes { name } } }", {}, 1 + 20),
        ("query ($n: Int = 5) { products(first: $n) { nodes { name } } }", {}, 1 + 5),
        ("query ($n: Int = 5) { products(first: $n) { nodes { name } } }", {"n": None}, 1 + 20),
        ("{ products(first: 100000) { nodes { name } } }", {}, 1 + 100),  # refused later, and not by its cost
        ("{ products(first: -5) { nodes { name } } }", {}, 1),
        ("{ products(first: 3) { nodes { variants(first: 4) { nodes { sku product { name } } } } } }", {}, 31),
        ("{ products(first: 3) { ...P } } fragment P on ProductConnection { n: nodes { name } }", {}, 1 + 3),
        ("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": ["a", "b"]}, 2),
        ('{ nodes(ids: ["a", "b", "c"]) { id ... on Product { availability { state } } } }', {}, 6),
        ("{ products(first: 1) { nodes { related { name } } } }", {}, 1 + 1 + 8),
        ("{ __typename }", {}, 1),
        ("{ __schema { types { name } } }", {}, SCHEMA_COST),
        ("mutation { cartCreate(input: {}) { cart { id } } }", {}, MUTATION_COST + 2),
    ],
)
def test_an_estimate(schema: ShopSchema, text: str, variables: dict[str, Any], cost: int) -> None:
    assert estimate(schema, text, **variables) == cost


async def test_a_request_that_may_cost_too_much_is_refused_with_what_it_may_cost(api: Api) -> None:
    answer = await api("{ products(first: 100) { nodes { variants(first: 100) { nodes { sku } } } } }")

    assert answer.codes() == ["MAX_COST_EXCEEDED"]
    assert "10201" in answer.errors[0]["message"]
    assert str(MAX_COST) in answer.errors[0]["message"]


async def test_the_shop_publishes_what_is_allowed(api: Api) -> None:
    limits = (await api.data("{ shop { limits { maxPageSize maxQueryCost maxDepth } } }"))["shop"]["limits"]

    assert limits == {"maxPageSize": 100, "maxQueryCost": 1_000, "maxDepth": 15}


async def test_two_checkouts_in_one_request_are_refused(api: Api) -> None:
    one = "checkoutComplete(input: $i) { __typename }"

    answer = await api(f"mutation ($i: CheckoutCompleteInput!) {{ a: {one} b: {one} }}", i={})

    assert answer.codes() == ["GRAPHQL_VALIDATION_FAILED"]
    assert "checkoutComplete" in answer.errors[0]["message"]


# ------------------------------------------------------------------------------------------------ estimate and truth


def resolved_weight(graph: GraphQLSchema, data: Any) -> int:
    """What an answer's objects weigh, by the type that each names itself."""
    if isinstance(data, list):
        return sum(resolved_weight(graph, each) for each in data)
    if not isinstance(data, dict):
        return 0
    declared_cost = declared(graph.type_map[data["__typename"]], Cost)
    return (int(declared_cost.weight) if declared_cost else 1) + sum(
        resolved_weight(graph, each) for each in data.values()
    )


async def test_no_query_costs_more_than_its_estimate(schema: ShopSchema, shop: Shop, known: dict[str, str]) -> None:
    loop = asyncio.get_running_loop()
    seen: Counter[str] = Counter()

    async def run(operation: Operation) -> Result:
        return await schema.run(operation, {}, Context(shop.services, None))

    @given(query=queries(schema._schema, known))
    @settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
    def check(query: GeneratedQuery) -> None:
        operation = schema.prepare(query.text, trusted=True).choose(None)
        result = asyncio.run_coroutine_threadsafe(run(operation), loop).result()
        assert result.errors is None, result.errors
        weight = resolved_weight(schema._schema, result.data) - 1  # the root itself weighs nothing
        requested, actual = operation.plan.estimate({}), operation.plan.actual(result.data)
        assert weight <= requested
        assert weight <= actual <= max(requested, actual)
        seen["objects"] += weight

    await asyncio.to_thread(check)

    assert seen["objects"] > 100, "the queries found next to nothing"
