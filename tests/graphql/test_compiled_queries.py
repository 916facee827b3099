"""Compiled queries give what graphql-core gives: the same values in the same order, the same errors, the same reads."""

from __future__ import annotations

import asyncio
import gc
import inspect
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

import pytest
from graphql import is_object_type
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from app.bootstrap import Shop
from app.core.errors import DatabaseUnavailable, InvalidInput
from resolvers.context import Context
from resolvers.schema import build_schema
from resolvers.services import Services
from resolvers.shop_schema import Operation, Result, ShopSchema
from tests.compared_execution import Memory, executed_by_graphql_core, told
from tests.graphql.generated_queries import GeneratedQuery, queries

FAULTS = ("client error", "dependency", "bug", "exception", "null", "late", "late bug")
TURNS = 5  # of the loop, in one of which whatever is still to begin has begun
ATTEMPTS = 10  # to have graphql-core read the same twice: a read that is new takes its time


@dataclass(slots=True)
class Faults:
    """What resolvers do instead of their work, by field: every so many calls. fields: all that have resolvers."""

    fields: set[str] = field(default_factory=set)
    planned: dict[str, tuple[str, int]] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)

    def of(self, name: str) -> str | None:
        self.calls[name] += 1
        kind, every = self.planned.get(name, (None, 1))
        return kind if self.calls[name] % every == 0 else None


@pytest.fixture(scope="module")
def faults() -> Iterator[Faults]:
    """Faults that every resolver of the schema looks for."""
    faults = Faults()
    patch = pytest.MonkeyPatch()
    for kind in build_schema()._schema.type_map.values():
        for name, of in kind.fields.items() if is_object_type(kind) else ():
            resolver = getattr(of.extensions.get("strawberry-definition"), "base_resolver", None)
            if resolver is not None and not inspect.isasyncgenfunction(resolver.wrapped_func):
                faults.fields.add(f"{kind.name}_{name}")
                patch.setattr(resolver, "wrapped_func", faulty(resolver.wrapped_func, f"{kind.name}_{name}", faults))
    yield faults
    faults.planned = {}
    patch.undo()


def faulty(function: Callable[..., Any], name: str, faults: Faults) -> Callable[..., Any]:
    @wraps(function)
    def sync(*args: Any, **kwargs: Any) -> Any:
        return instead if (instead := effect(faults.of(name))) is not function else function(*args, **kwargs)

    @wraps(function)
    async def coroutine(*args: Any, **kwargs: Any) -> Any:
        fault = faults.of(name)
        if fault is not None and fault.startswith("late"):
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        return instead if (instead := effect(fault)) is not function else await function(*args, **kwargs)

    def effect(fault: str | None) -> Any:
        match fault:
            case "client error":
                raise InvalidInput("This was asked for.")
            case "dependency":
                raise DatabaseUnavailable("away")
            case "bug" | "late bug":
                raise ZeroDivisionError(name)
            case "exception":
                return ValueError(name)
            case "null":
                return None
        return function

    return coroutine if inspect.iscoroutinefunction(function) else sync


class Comparison:
    """Executes a query by both, in the same conditions."""

    def __init__(self, schema: ShopSchema, services: Services, faults: Faults) -> None:
        self.seen: Counter[str] = Counter()
        self._schema, self._faults = schema, faults
        self._memory = Memory()
        self._services = self._memory.remembering(services)

    async def check(self, query: GeneratedQuery, planned: dict[str, tuple[str, int]]) -> None:
        """Assert that there is no difference."""
        operation = self._schema.prepare(query.text, trusted=True).choose(None)
        self._faults.planned = planned
        for _ in range(ATTEMPTS):
            values, errors, *asked = await self._executed(executed_by_graphql_core, operation, query.variables)
            if not self._memory.missed:
                break
        for _ in range(2):  # what is worked out in the first is used in the second
            assert await self._executed(compiled, operation, query.variables) == (values, errors, *asked)
        self.seen["values"] += values.count(":")
        self.seen["errors"] += len(errors)
        self.seen["reads"] += len(asked[0])

    async def _executed(
        self, run: Callable[..., Any], operation: Operation, variables: dict[str, Any]
    ) -> tuple[str, list[Any], list[str], Counter[str]]:
        """All that is told, and what was asked for until then, in order."""
        self._memory.reads.clear()
        self._memory.missed.clear()
        self._faults.calls.clear()
        before = asyncio.all_tasks()
        context = Context(self._services, None)
        result: Result = await run(self._schema, operation, dict(variables), context)
        outcome = (*told(result), list(self._memory.reads), Counter(self._faults.calls))
        for _ in range(TURNS):  # graphql-core does not wait for all that it has begun, and that begins more
            await asyncio.sleep(0)
            if left := asyncio.all_tasks() - before:
                await asyncio.wait(left, timeout=10)
        context.give_up()
        return outcome


async def compiled(schema: ShopSchema, operation: Operation, variables: dict[str, Any], context: Context) -> Result:
    return await operation.compiled.run(variables, context, None)


def planned_faults(text: str, faults: Faults) -> st.SearchStrategy[dict[str, tuple[str, int]]]:
    """For some of the fields that a query has."""
    fields = sorted({each for each in re.findall(r"(\w+): ", text) if each in faults.fields})
    fault = st.tuples(st.sampled_from(FAULTS), st.sampled_from([1, 1, 2, 3]))
    planned = st.dictionaries(st.sampled_from(fields), fault, min_size=1, max_size=4) if fields else st.just({})
    return st.one_of(st.just({}), planned)


# graphql-core leaves the resolvers that it has called and gives up
@pytest.mark.filterwarnings("ignore:coroutine '(GraphQLCoreConverter|Executor).*was never awaited:RuntimeWarning")
async def test_a_compiled_query_gives_what_graphql_core_gives(
    shop: Shop, known: dict[str, str], faults: Faults
) -> None:
    loop = asyncio.get_running_loop()
    schema = build_schema()
    comparison = Comparison(schema, shop.services, faults)

    @given(data=st.data())
    @settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
    def check(data: st.DataObject) -> None:
        query = data.draw(queries(schema._schema, known, is_varied=True))
        planned = data.draw(planned_faults(query.text, faults))
        asyncio.run_coroutine_threadsafe(comparison.check(query, planned), loop).result()
        gc.collect(0)

    gc.disable()  # in the middle of a named tuple's code it could not warn of what was never awaited
    try:
        await asyncio.to_thread(check)
    finally:
        gc.enable()

    at_least = {"values": 1_000, "reads": 200, "errors": 20}
    assert {name: comparison.seen[name] for name, least in at_least.items() if comparison.seen[name] < least} == {}
