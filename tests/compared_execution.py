"""Operations executed by graphql-core itself, to hold against it what the schema gives."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from inspect import isawaitable, iscoroutinefunction
from typing import Any

from graphql import execute
from strawberry.execution import optimized_is_awaitable

from resolvers.services import Services
from resolvers.shop_schema import Operation, Result, ShopSchema

_ASKED = ("search", "read_cart", "read_own_carts", "accounts")  # services that queries ask, beside the readers


async def executed_by_graphql_core(
    schema: ShopSchema, operation: Operation, variables: dict[str, Any], context: object, event: object = None
) -> Result:
    """What graphql-core gives with strawberry's own resolvers, nothing of them worked out before."""
    result = execute(
        schema._schema,
        operation.document,
        root_value=event,
        context_value=context,
        variable_values=variables,
        operation_name=operation.name,
        is_awaitable=optimized_is_awaitable,
        executor_class=schema._executor_class,
        hide_suggestions=True,
        operation_extensions=None,
    )
    return await result if isawaitable(result) else result


def told(result: Result) -> tuple[str, list[tuple[object, ...]]]:
    """All of a result: the values in their order, and of each error what is told and what caused it."""
    errors = [
        (each.message, each.path, each.locations, type(each.original_error), str(each.original_error))
        for each in result.errors or []
    ]
    return json.dumps(result.data), errors


class StoppedClock:
    """A clock by which both executions take place at once."""

    def __init__(self, moment: datetime) -> None:
        self._moment = moment

    def now(self) -> datetime:
        return self._moment


class Memory:
    """What ports and use cases answered. reads: everything that they were asked for; missed: what of that was new."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.reads: list[str] = []
        self.missed: list[str] = []

    def remembering(self, services: Services) -> Services:
        """Services that are asked for each thing once: from then on their answers take no time."""
        ports = {
            name: Remembered(getattr(services.readers, name), self, name)
            for name in services.readers.__dataclass_fields__
        }
        asked = {name: Remembered(getattr(services, name), self, name) for name in _ASKED}
        readers, clock = replace(services.readers, **ports), StoppedClock(services.clock.now())
        return replace(services, readers=readers, clock=clock, **asked)


class Remembered:
    """A port or use case."""

    def __init__(self, asked: Any, memory: Memory, name: str) -> None:
        self._asked, self._memory, self._name = asked, memory, name

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._asked, name)
        return self._remembering(found, f"{self._name}.{name}") if iscoroutinefunction(found) else found

    async def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return await self._remembering(self._asked, self._name)(*args, **kwargs)

    def _remembering(self, ask: Callable[..., Any], name: str) -> Callable[..., Any]:
        async def remembering(*args: Any, **kwargs: Any) -> Any:
            key = f"{name} {args} {kwargs}"
            memory = self._memory
            memory.reads.append(key)
            if key not in memory.answers:
                memory.missed.append(key)
                memory.answers[key] = await ask(*args, **kwargs)
            return memory.answers[key]

        return remembering
