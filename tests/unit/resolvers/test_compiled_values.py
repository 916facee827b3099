"""Compiled queries give what graphql-core gives, also for shapes that the shop's schema does not have."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from strawberry.schema.config import StrawberryConfig

from resolvers.compiled.operation import CompiledOperation
from resolvers.scalars import SCALARS
from resolvers.shop_schema import Operation, Result, ShopSchema
from tests.compared_execution import executed_by_graphql_core, told
from tests.unit.resolvers.odd_schema import Cat, Context, Query, Subscription


@pytest.fixture(scope="module")
def schema() -> ShopSchema:
    config = StrawberryConfig(scalar_map=SCALARS)
    return ShopSchema(Query, subscription=Subscription, config=config).ready(introspection=True)


async def executed(run: Callable[[Context], Awaitable[Result]]) -> tuple[object, list[str]]:
    context = Context()
    before = asyncio.all_tasks()
    result = await run(context)
    log = list(context.log)
    left = asyncio.all_tasks() - before
    if left:
        await asyncio.wait(left)
    return told(result), log


async def compare(
    schema: ShopSchema, text: str, variables: dict[str, Any] | None = None, *, event: object = None
) -> tuple[Result, Operation]:
    """Assert that both give the same, and do the same in the same order; return what it is."""
    operation = schema.prepare(text, trusted=True).choose(None)
    given = variables or {}
    expected = await executed(lambda context: executed_by_graphql_core(schema, operation, dict(given), context, event))
    for _ in range(2):  # the second time it is worked out already
        assert await executed(lambda context: operation.compiled.run(dict(given), context, event)) == expected
    return await operation.compiled.run(given, Context(), event), operation


# ------------------------------------------------------------------------------------------------ values


@pytest.mark.filterwarnings("ignore:coroutine '(GraphQLCoreConverter|Executor).*was never awaited:RuntimeWarning")
@pytest.mark.parametrize(
    "text",
    [
        "{ cats { name lives __typename } }",
        "{ b: cats { name } a: cats { x: name y: name } cats { name } cats { lives } }",
        "{ cats { livesText } }",  # one of them fails, and null is not allowed: all is null
        "{ maybeCats { name livesText } }",  # null is allowed here
        "{ maybeCats { owner } }",
        "{ cats { name owner } slow }",
        "{ cats { kitten { name kitten { owner name } owner } } }",
        "{ cats { kitten { kitten { kitten { name } } name } name } }",
        "{ named { __typename name ... on CatType { lives } ... on DogType { loud } } }",
        "{ named { ...N ...N } } fragment N on Named { name ...C } fragment C on CatType { kitten { name } name }",
        "{ pets { ... on Named { name } ... on DogType { loud } ... on CatType { lives } __typename } }",
        "{ oneNamed { name } other: oneNamed(wild: true) { name } }",
        "{ noList }",
        "{ odd { whole textOfNumber mood pairs } }",
        "{ odd { fails } second: odd { tooLarge } third: odd { fault infinite } }",
        "{ odd { nothing } }",
        "{ odd { numbers } cats { name } }",
        "{ never { name } }",
        "{ badCat { name owner } owned { insisted { owner } } }",
        "{ owned { cat { owner } cats { owner } some { owner } insisted { owner name } } }",
        "{ slow owned { some { kitten { owner } lives } cats { name owner } } badCat { kitten { owner } owner } }",
        "{ later { name owner } cats { name } }",
        '{ wishes(wish: {words: ["a"], mood: WILD}, price: "1.50", moods: [WILD, CALM], count: 5) }',
        '{ a: wishes(wish: {words: ["a"]}) b: wishes(wish: {words: ["a"]}) c: wishes }',
        '{ loud louder: loud(word: "ho") keywordOnly other: keywordOnly(word: "ho") }',
        "query ($w: String) { cats { name ...F } x: told(note: $w) } fragment F on CatType { name }",
        "{ __schema { types { name fields { name type { name ofType { name } } } } } }",
        '{ __type(name: "CatType") { name interfaces { name } } __typename }',
        "{ slow failing: slow(turns: 2, fails: true) insists cats { owner } }",
        "{ maybeCats { name } insists(turns: 0) slow(turns: 5) cats { kitten { name } } }",
        "{ slow cats { owner } failsAtOnce later { name } }",
        "{ failsAtOnce slow cats { owner } }",
    ],
)
async def test_a_query(schema: ShopSchema, text: str) -> None:
    await compare(schema, text)


async def test_the_keys_come_in_the_order_in_which_they_are_asked_for(schema: ShopSchema) -> None:
    result, _ = await compare(
        schema,
        "{ slow late: later { owner name } pets { __typename ... on CatType { lives name } } slow2: slow(turns: 0) }",
    )

    assert result.data is not None
    assert list(result.data) == ["slow", "late", "pets", "slow2"]
    assert list(result.data["late"]) == ["owner", "name"]
    assert list(result.data["pets"][1]) == ["__typename", "lives", "name"]


async def test_objects_of_a_list_share_a_batch(schema: ShopSchema) -> None:
    operation = schema.prepare("{ cats { kitten { name } } }").choose(None)
    context = Context()

    await operation.compiled.run({}, context, None)

    assert context.log == ["kittens of ['a', 'b', 'bad', 'd']"]


# ------------------------------------------------------------------------------------------------ variables


@pytest.mark.parametrize("yes", [True, False])
@pytest.mark.parametrize("no", [True, False, None])
async def test_what_is_skipped_or_included_is_chosen_each_time(schema: ShopSchema, yes: bool, no: bool | None) -> None:
    text = """query ($yes: Boolean!, $no: Boolean = false) {
      cats @include(if: $yes) { name @skip(if: $no) ...F @include(if: $yes) ... @skip(if: true) { owner } __typename }
      slow } fragment F on CatType { lives @skip(if: $no) kitten @include(if: $yes) { name } }"""

    await compare(schema, text, {"yes": yes, "no": no})
    await compare(schema, text, {"yes": yes})
    await compare(schema, text, {"yes": not yes, "no": no})


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"n": 4, "w": {"words": ["a", "b"]}, "m": ["WILD"]},
        {"n": None, "w": None, "m": None},
        {"n": 2**40},
        {"n": "one"},
        {"w": {"words": [None], "mood": "ANGRY", "more": 1}},
        {"m": "CALM"},
    ],
)
async def test_variables_are_read_as_graphql_core_reads_them(schema: ShopSchema, variables: dict[str, Any]) -> None:
    text = (
        "query ($n: Int = 7, $w: Wish, $m: [Mood!] = [CALM]) { wishes(count: $n, wish: $w) other: wishes(moods: $m) }"
    )

    await compare(schema, text, variables)


async def test_what_a_resolver_changes_in_its_arguments_is_not_there_the_next_time(schema: ShopSchema) -> None:
    text = "query ($w: Wish) { a: wishes(wish: $w) b: wishes(wish: $w) }"

    result, operation = await compare(schema, text, {"w": {"words": ["x"]}})

    assert result.data == {"a": ["x", "CALM", "None", "True", "3"], "b": ["x", "CALM", "None", "True", "3"]}
    assert (await operation.compiled.run({"w": {"words": ["x"]}}, Context(), None)).data == result.data


# ------------------------------------------------------------------------------------------------ events, keeping


async def test_an_event_of_a_subscription_is_executed_as_a_query(schema: ShopSchema) -> None:
    result, _ = await compare(schema, "subscription { cat { name lives owner } }", event=Cat("a", 3))

    assert result.data == {"cat": {"name": "a", "lives": 3, "owner": "owner of a"}}


async def test_an_operation_with_more_fields_than_are_kept_is_worked_out_anew(schema: ShopSchema) -> None:
    document = schema.prepare("{ cats { name lives } slow }").choose(None)
    small = CompiledOperation(schema._compiler, document.document, document.node, most_fields=3)
    large = CompiledOperation(schema._compiler, document.document, document.node, most_fields=4)

    results = [await each.run({}, Context(), None) for each in (small, large, small, large)]

    assert [told(each) for each in results] == [told(results[0])] * 4
    assert (len(small._roots), len(large._roots)) == (0, 1)


async def test_an_error_that_is_met_while_fields_are_worked_out_is_met_again(schema: ShopSchema) -> None:
    text = "query ($no: Boolean = false) { slow cats { name @skip(if: $no) } }"

    for variables in ({"no": None}, {"no": None}, {"no": True}, {"no": None}):
        await compare(schema, text, variables)


async def test_nothing_goes_on_after_the_answer(schema: ShopSchema) -> None:
    operation = schema.prepare("{ slow(turns: 1000) failsAtOnce }").choose(None)
    before = asyncio.all_tasks()

    result = await operation.compiled.run({}, context := Context(), None)
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert result.data is None
    assert asyncio.all_tasks() == before
    assert context.log == []


async def test_executions_at_once_do_not_meet(schema: ShopSchema) -> None:
    operation = schema.prepare("query ($n: Int!) { slow(turns: $n) wishes(count: $n) }").choose(None)
    contexts = [Context() for _ in range(5)]

    results = await asyncio.gather(
        *(operation.compiled.run({"n": n}, context, None) for n, context in enumerate(contexts))
    )

    assert [each.data and each.data["wishes"][-1] for each in results] == ["0", "1", "2", "3", "4"]
    assert [each.log for each in contexts] == [[f"slow after {n}"] for n in range(5)]
