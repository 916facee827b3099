"""Mutations with an idempotency key: the same call sent again gets the same answer, and takes effect once.

look for the kept answer -> else run the mutation, whose use case claims the key in its own transaction
-> keep the answer before it is sent

It sits in the executor because an answer is what a field has been completed to, with everything selected below it. What
it cannot see (did the call take effect, is its outcome known?) the resolvers tell the context. An answer with errors in
it is not kept: sent again, the call is answered from its effect. See ADR-0015.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import msgspec
from graphql import (
    FieldNode,
    GraphQLError,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLObjectType,
    VariableNode,
    get_argument_values,
    get_named_type,
    print_ast,
)
from graphql.pyutils import Path, Undefined
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from app.core.errors import ClientError
from app.idempotency.domain import KeyedCall, check_key
from resolvers.context import Context, KeyedField

IDEMPOTENCY_KEY = (
    "Makes it safe to send the request again: for 24 hours the same key with the same input gets the same answer, and"
    " takes effect once. 1 to 255 characters, made by the client for this request; where a guest's input names no cart,"
    " at least 16 and random. The header `Idempotency-Key` does the same."
)

_CALLS = 3  # of one field: how often another call with its key may take effect in between
_NOT_DIGESTED = frozenset({"idempotencyKey", "password"})  # a digest of a password is one that can be guessed at
_OWNED = ("cartId", "targetCartId", "attemptId", "accessToken")  # what only its owner can name


class KeyedExecutor(StrawberryGraphQLCoreExecutionContext):
    """graphql-core's executor, with kept answers for the fields of `Mutation`, which run one after the other."""

    def execute_fields_serially(
        self,
        parent_type: GraphQLObjectType,
        source_value: Any,  # noqa: ANN401  graphql-core's types
        path: Path | None,
        grouped_field_set: Any,  # noqa: ANN401
        position_context: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        """The completed values of a mutation's fields, by their names."""
        context = self.context_value
        if not isinstance(context, Context):
            return super().execute_fields_serially(parent_type, source_value, path, grouped_field_set, position_context)

        header = context.idempotency_key

        async def in_order() -> dict[str, Any]:
            values: dict[str, Any] = {}
            for name, details in grouped_field_set.items():
                of_field = Path(path, name, parent_type.name)
                run = partial(self.execute_field, parent_type, source_value, details, of_field, position_context)
                field = self.schema.get_field(parent_type, details[0].node.name.value)
                by_header = header if header is None or len(grouped_field_set) == 1 else f"{header} {name}"
                context.keyed = None if field is None else self._keyed(context, field, details, by_header)
                if context.keyed is None or field is None:
                    value = await self._awaited(run())
                else:
                    value = await self._answered(
                        context.keyed,
                        context,
                        run,
                        partial(
                            self.handle_field_error, return_type=field.type, field_details_list=details, path=of_field
                        ),
                    )
                if value is not Undefined:
                    values[name] = value
            return values

        return in_order()

    async def _answered(
        self, keyed: KeyedField, context: Context, run: Callable[[], Any], fail: Callable[[Exception], None]
    ) -> Any:  # noqa: ANN401
        try:
            return await self._run_once(keyed, context, run)
        except Exception as error:  # noqa: BLE001  answered as graphql-core answers what a resolver raises
            fail(error)
            return None

    async def _run_once(self, keyed: KeyedField, context: Context, run: Callable[[], Any]) -> Any:  # noqa: ANN401
        """The field's kept answer, or its new one, kept."""
        if keyed.fault is not None:
            return await self._awaited(run())  # which raises it
        errors = len(self.collected_errors.errors)
        answer = await context.in_turn(context.services.answers.find, keyed.call)
        for _ in range(_CALLS):
            if answer is not None:
                return msgspec.json.decode(answer)
            value = await self._awaited(run())
            if not keyed.is_decided or len(self.collected_errors.errors) > errors:
                return value
            encoded = msgspec.json.encode(value)
            keep = context.services.answers.keep
            answer = await context.in_turn(keep, keyed.call, encoded, has_effect=keyed.has_effect)
        return value if answer is None else msgspec.json.decode(answer)

    async def _awaited(self, value: Any) -> Any:  # noqa: ANN401
        return await value if self.is_awaitable(value) else value

    def _keyed(
        self,
        context: Context,
        field: GraphQLField,
        field_details_list: Any,  # noqa: ANN401
        by_header: str | None,
    ) -> KeyedField | None:
        node, variables = field_details_list[0].node, field_details_list[0].fragment_variable_values
        try:
            arguments = get_argument_values(field, node, self.variable_values, variables, self.hide_suggestions)
        except GraphQLError:
            return None  # it will be raised again where it is answered
        values: Mapping[str, Any] | None = arguments.get("input")
        if values is None or not _takes_key(field):  # of `__typename`; or what its answer holds must not be kept
            return None
        key = by_header if values.get("idempotencyKey") is None else values["idempotencyKey"]
        if key is None:
            return None
        owned = next((str(values[name]) for name in _OWNED if values.get(name) is not None), None)
        caller = None if context.caller is None else str(context.caller)
        call = KeyedCall(
            scope=_digest([node.name.value, caller, owned]),
            key=str(key),
            input_digest=_digest({name: value for name, value in values.items() if name not in _NOT_DIGESTED}),
            answer_digest=_digest(self._selected([details.node for details in field_details_list])),
        )
        return KeyedField(call, _fault_of(call.key, is_open=caller is None and owned is None))

    def _selected(self, nodes: list[FieldNode]) -> list[object]:
        """All that the answer depends on beside the input."""
        selections = [print_ast(node.selection_set) for node in nodes if node.selection_set]
        fragments = [print_ast(fragment) for fragment in self.fragment_definitions.values()]
        of_input = {
            argument.value.name.value
            for node in nodes
            for argument in node.arguments or ()
            if isinstance(argument.value, VariableNode)
        }
        variables = {name: value for name, value in self.variable_values.coerced.items() if name not in of_input}
        return [selections, fragments, variables]


def _takes_key(field: GraphQLField) -> bool:
    kind = get_named_type(field.args["input"].type)
    return isinstance(kind, GraphQLInputObjectType) and "idempotencyKey" in kind.fields


def _fault_of(key: str, *, is_open: bool) -> ClientError | None:
    try:
        check_key(key, is_open=is_open)
    except ClientError as error:
        return error
    return None


def _digest(value: object) -> bytes:
    encoded = msgspec.json.encode(value, enc_hook=str, order="deterministic")
    return hashlib.sha256(encoded).digest()
