"""The schema as the endpoint uses it: a document is prepared once, then executed as often as it comes.

text -> parse -> limits -> validate -> plan   (`prepare`, kept by text)
-> choose the operation -> run, or open its source of events and run each   (`execute`, `events`)

Prepared documents are kept up to so much text, in two stores: a stranger's can fill neither the memory nor the place of
trusted ones.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any, TypeAlias

import strawberry
from graphql import (
    DocumentNode,
    ExecutionResult,
    FragmentDefinitionNode,
    GraphQLError,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    OperationType,
    OverlappingFieldsCanBeMergedRule,
    create_source_event_stream,
    execute,
    parse,
    specified_rules,
    validate,
)
from strawberry.execution import optimized_is_awaitable

from resolvers.compiled.compiler import Compiler
from resolvers.compiled.operation import CompiledOperation
from resolvers.context import Context
from resolvers.cost import Plan, Planner
from resolvers.cost_directives import describe_arguments
from resolvers.in_context import shopper_of
from resolvers.limits import MAX_COMMENTS, MAX_TOKENS, BoundedMergingRule, check_limits

KEPT_CHARACTERS = 500_000  # of prepared documents; a character takes about 40 bytes prepared, and as many compiled
CHARACTERS_A_FIELD = 4  # at least, of a compiled one that is kept: it takes some 900 bytes
MAX_ERRORS = 20  # of one document; whoever wrote it mends the first ones first


_OUT_OF_BUDGET = "Validation aborted."  # all that the library says of it

OperationKind: TypeAlias = OperationType
Result: TypeAlias = ExecutionResult


class DocumentRefused(Exception):
    """A document that cannot be executed. errors: why; none of them names anything of ours."""

    def __init__(self, errors: Sequence[GraphQLError]) -> None:
        super().__init__(errors[0].message)
        self.errors = list(errors)


class SourceRefused(Exception):
    """A subscription that cannot begin, or go on. errors: why."""

    def __init__(self, errors: Sequence[GraphQLError]) -> None:
        super().__init__(*(error.message for error in errors[:1]))
        self.errors = list(errors)


class NoSuchOperation(Exception):
    """The document has no operation of that name, or several and none is named."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a prepared document. digest: of its text and name."""

    document: DocumentNode
    name: str | None
    node: OperationDefinitionNode
    plan: Plan
    compiled: CompiledOperation
    digest: bytes

    @property
    def kind(self) -> OperationKind:
        """Query, mutation or subscription."""
        return self.node.operation


@dataclass(frozen=True, slots=True)
class Prepared:
    """A document that is within the limits and valid."""

    operations: Mapping[str | None, Operation]

    def choose(self, name: str | None) -> Operation:
        """The operation of this name, or the only one. Raises NoSuchOperation. Source: GraphQL, GetOperation."""
        if name is None and len(self.operations) == 1:
            return next(iter(self.operations.values()))
        if name is None or name not in self.operations:
            raise NoSuchOperation
        return self.operations[name]


class ShopSchema(strawberry.Schema):
    """Strawberry's schema, executed by graphql-core directly. Errors are logged where they are answered."""

    def ready(self, *, introspection: bool) -> ShopSchema:
        """The same schema, ready to prepare documents. introspection: whether these may ask for the schema."""
        assert self.execution_context_class is not None, "strawberry sets its own"
        self._executor_class = self.execution_context_class
        describe_arguments(self._schema.directives)
        self._planner = Planner(self._schema)
        self._compiler = Compiler(self)
        self._rules = [rule for rule in specified_rules if rule is not OverlappingFieldsCanBeMergedRule]
        self._rules += [BoundedMergingRule, *([] if introspection else [NoSchemaIntrospectionCustomRule])]
        self._kept = {trusted: _KeptDocuments() for trusted in (False, True)}
        return self

    def prepare(self, text: str, *, trusted: bool = False) -> Prepared:
        """The prepared document. trusted: one of our own clients, which is held to its cost alone.

        Raises DocumentRefused. CPU: linear in the text; nothing where it is still kept.
        """
        kept = self._kept[trusted]
        prepared = kept.find(text)
        if prepared is None:
            prepared = self._prepared(text, trusted=trusted)
            kept.keep(text, prepared)
        return prepared

    def _prepared(self, text: str, *, trusted: bool) -> Prepared:
        limits: dict[str, int] = {} if trusted else {"max_lexical_tokens": MAX_TOKENS, "max_comments": MAX_COMMENTS}
        try:
            document = parse(text, **limits)  # type: ignore[arg-type]  # numbers for parameters of that type
            if not trusted:
                check_limits(document)
            if not any(isinstance(each, OperationDefinitionNode) for each in document.definitions):
                return Prepared({})
            errors = validate(self._schema, document, self._rules, max_errors=MAX_ERRORS, hide_suggestions=True)
        except GraphQLError as error:
            raise DocumentRefused([error]) from None
        except (RecursionError, ValueError) as error:  # nested too deeply to be walked; a number of thousands of digits
            raise DocumentRefused([GraphQLError("unreadable", original_error=error)]) from None
        if errors and errors[-1].message == _OUT_OF_BUDGET:
            raise DocumentRefused(
                [GraphQLError("Too many fields of one name: select each once, or give them aliases.")]
            )
        if errors:
            raise DocumentRefused(errors)
        nodes = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
        digest = hashlib.sha256(text.encode()).digest()
        operations = [self._operation(document, each, len(text) // len(nodes), digest) for each in nodes]
        return Prepared({operation.name: operation for operation in operations})

    def _operation(
        self, document: DocumentNode, node: OperationDefinitionNode, characters: int, digest: bytes
    ) -> Operation:
        fragments = {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
        plan = self._planner.plan(node, fragments)
        compiled = CompiledOperation(self._compiler, document, node, most_fields=characters // CHARACTERS_A_FIELD)
        name = node.name.value if node.name else None
        return Operation(document, name, node, plan, compiled, digest + (name or "").encode())

    async def run(
        self, operation: Operation, variables: dict[str, Any], context: Context, *, event: object = None
    ) -> Result:
        """What the operation gives. event: of a subscription's source, whose operation is run once for each."""
        try:
            self._enter(operation, variables, context)
        except GraphQLError as error:
            return ExecutionResult(data=None, errors=[error])
        if operation.kind is not OperationType.MUTATION:
            return await operation.compiled.run(variables, context, event)
        result = execute(
            self._schema,
            operation.document,
            root_value=event,
            context_value=context,
            variable_values=variables,
            operation_name=operation.name,
            is_awaitable=optimized_is_awaitable,  # type: ignore[arg-type]  # a plain bool instead of a guard
            executor_class=self._executor_class,
            hide_suggestions=True,
            operation_extensions=None,
        )
        return await result if isawaitable(result) else result

    async def events(
        self, operation: Operation, variables: dict[str, Any], context: Context
    ) -> AsyncGenerator[object, None]:
        """The events of a subscription's source. Raises SourceRefused where it cannot be opened, or fails later."""
        try:
            self._enter(operation, variables, context)
        except GraphQLError as error:
            raise SourceRefused([error]) from None
        executor = self._executor_class.build(
            self._schema,
            operation.document,
            context_value=context,
            raw_variable_values=variables,
            operation_name=operation.name,
            hide_suggestions=True,
            operation_extensions=None,
        )
        if isinstance(executor, list):
            raise SourceRefused(executor)
        opened = create_source_event_stream(executor)
        source: Any = await opened if isawaitable(opened) else opened
        if isinstance(source, ExecutionResult):
            raise SourceRefused(source.errors or [])
        async with aclosing(source) as events:
            try:
                async for event in events:
                    yield event
            except Exception as error:
                raise SourceRefused([GraphQLError(str(error), original_error=error)]) from error

    def _enter(self, operation: Operation, variables: dict[str, Any], context: Context) -> None:
        if operation.node.directives:
            markets = context.services.profile.markets
            context.answer_for(shopper_of(self._schema, operation.node, variables, markets))


class _KeptDocuments:
    """The documents used last, by their text, up to KEPT_CHARACTERS of it."""

    def __init__(self) -> None:
        self._documents: OrderedDict[str, Prepared] = OrderedDict()
        self._characters = 0

    def find(self, text: str) -> Prepared | None:
        prepared = self._documents.get(text)
        if prepared is not None:
            self._documents.move_to_end(text)
        return prepared

    def keep(self, text: str, prepared: Prepared) -> None:
        self._documents[text] = prepared
        self._characters += len(text)
        while self._characters > KEPT_CHARACTERS:
            dropped, _ = self._documents.popitem(last=False)
            self._characters -= len(dropped)
