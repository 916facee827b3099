"""Operations executed by graphql-core itself, to hold against it what the schema gives."""

from __future__ import annotations

import json
from inspect import isawaitable
from typing import Any

from graphql import execute
from strawberry.execution import optimized_is_awaitable

from resolvers.shop_schema import Operation, Result, ShopSchema


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
