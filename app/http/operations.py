"""One operation, whatever it came by: prepared, held to its limits, executed under a deadline.

GraphQLRequest -> prepare: document found, operation, cost -> Ready -> execute: the answer, encoded
                                                             -> stream: an answer for each event of a subscription

A refusal is raised before anything is resolved, and says with which status each media type is answered: clients that
know only `application/json` read no body of another status than 200. See ADR-0011.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import msgspec

from app.core.errors import DeadlineExceeded, OperationalError, QueryTooCostly, RateLimited, ShopError, Unauthenticated
from app.core.provenance import noted
from app.core.public_answers import PublicAnswer
from app.core.throttle import Throttle, ThrottleStatus, unused
from app.documents.domain import NoSuchDocument, Refusal
from app.documents.find_document import FindDocument, FoundDocument
from app.http.caller import Caller
from app.http.graphql_errors import explained, formatted, request_error
from app.http.graphql_request import GraphQLRequest
from app.http.public_queries import PublicQueries
from resolvers.context import Context
from resolvers.cost import MAX_COST
from resolvers.services import Services
from resolvers.shop_schema import (
    DocumentRefused,
    NoSuchOperation,
    Operation,
    OperationKind,
    Result,
    ShopSchema,
    SourceRefused,
)

REQUEST_SECONDS = 5.0  # of one execution, all in all; one statement has two
MAX_RUNNING = 256  # executions of one process at a time: more would only wait for each other
RETRY_AFTER_SECONDS = 1
MISSED_COST = 1  # of naming a document that there is not: it has been looked for
REFUSED_COST = 10  # of a document that is not valid: finding that out takes longer than most answers

MAX_ANSWER_BYTES = 1_000_000
_STATUSES = {  # for each media type; of a miss, clients older than the first one read no body but that of a 200
    Refusal.NOT_FOUND: (200, 200),
    Refusal.NOT_SUPPORTED: (200, 200),
    Refusal.NOT_TRUSTED: (400, 200),
    Refusal.MALFORMED: (400, 400),
}

Body = dict[str, Any]
_encoder = msgspec.json.Encoder()


class Refused(Exception):
    """Nothing was executed. errors: as clients see them; status: and plain_status for those that know JSON only."""

    def __init__(
        self, errors: Sequence[Body], status: int, plain_status: int = 200, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(errors[0]["message"])
        self.errors, self.status, self.plain_status, self.headers = list(errors), status, plain_status, headers or {}


@dataclass(frozen=True, slots=True)
class Ready:
    """An operation that may be executed now. cost: the most that it can cost."""

    operation: Operation
    variables: dict[str, Any]
    caller: Caller
    cost: int
    debug: frozenset[str] = field(default_factory=frozenset)
    idempotency_key: str | None = None

    @property
    def kind(self) -> OperationKind:
        """Query, mutation or subscription."""
        return self.operation.kind

    @property
    def may_be_public(self) -> bool:
        """Whether somebody else's answer may do: to the query of a guest who asks for nothing about its execution."""
        return self.kind is OperationKind.QUERY and self.caller.identity is None and not self.debug


class Operations:
    """Prepares and executes operations. Safe for any number of tasks at once."""

    def __init__(
        self,
        schema: ShopSchema,
        services: Services,
        throttle: Throttle,
        find_document: FindDocument,
        public_queries: PublicQueries,
        *,
        sensitive: frozenset[str],
    ) -> None:
        self._schema = schema
        self._find_document = find_document
        self._services = services
        self._throttle = throttle
        self._public_queries = public_queries
        self._sensitive = sensitive
        self._running = 0

    async def prepare(self, asked: GraphQLRequest, caller: Caller) -> Ready:
        """The operation, within every limit. Raises Refused."""
        if self._running >= MAX_RUNNING:
            raise self._busy(caller)
        found = await self._find(asked, caller)
        try:
            operation = self._schema.prepare(found.text, trusted=found.trusted).choose(asked.operation_name)
        except DocumentRefused as refused:
            await self._throttle.take(caller.budget[0], REFUSED_COST, caller.budget[1])
            raise Refused(formatted(refused.errors, caller.request_id, before_execution=True), 400) from None
        except NoSuchOperation:
            message = "The document has no such operation, or several and none is named."
            error = request_error(message, "OPERATION_RESOLUTION_FAILURE", caller.request_id)
            raise Refused([error], 400) from None
        self._check_sensitive(operation, caller)
        cost = operation.plan.estimate(asked.variables)
        if cost > MAX_COST:
            raise _refusal(QueryTooCostly(cost=cost, limit=MAX_COST), 400, caller)
        await self._charge(cost, caller)
        await self._find_document.keep(found)
        return Ready(operation, asked.variables, caller, cost, asked.debug, asked.idempotency_key)

    async def _find(self, asked: GraphQLRequest, caller: Caller) -> FoundDocument:
        try:
            return await self._find_document(asked.document)
        except NoSuchDocument as missing:
            await self._charge(MISSED_COST, caller)
            error = request_error(missing.message, missing.refusal.value, caller.request_id)
            raise Refused([error], *_STATUSES[missing.refusal]) from None
        except OperationalError as error:
            raise _refusal(error, 503, caller, {"retry-after": str(error.retry_after_seconds)}) from None

    async def execute(self, ready: Ready) -> bytes:
        """The answer as JSON. Raises Refused where the variables do not fit, or where it takes too long."""
        lookup = None
        if ready.may_be_public:
            lookup = await self._public_queries.find(ready.operation, ready.variables)
        if lookup is not None and lookup.answer is not None:
            await self._settle(ready, lookup.answer.cost)
            return lookup.answer.body
        notes = self._public_queries.notes(lookup)
        with noted(notes):
            result = await self._run(ready)
        cost = _spent(ready, result)
        extensions = await self._settle(ready, cost)
        if "cache" in ready.debug:
            found = notes.lookups
            extensions["cache"] = {"hits": found["hit"], "misses": found["miss"], "stale": found["stale"]}
        body = _encoded(result, ready, extensions)
        if ready.may_be_public and not result.errors:
            self._public_queries.learn(ready.operation, lookup, PublicAnswer(body, cost), notes)
        return body

    async def stream(self, ready: Ready) -> AsyncGenerator[bytes, None]:
        """An answer for each event of a subscription. Raises Refused where it cannot begin, or go on.

        The first is paid for already; for each other one the caller's budget is waited for, while further events of the
        source become one.
        """
        context = self._context(ready)
        is_first = True
        try:
            async with aclosing(self._schema.events(ready.operation, ready.variables, context)) as events:
                async for event in events:
                    if not is_first:
                        await self._insist_on_session(ready)
                        await self._afford(ready)
                    is_first = False
                    async with self._services.event_turns:
                        result = await self._run(ready, event=event)
                    yield _encoded(result, ready, await self._settle(ready, _spent(ready, result)))
        except SourceRefused as refused:
            errors = formatted(refused.errors, ready.caller.request_id, before_execution=False)
            raise Refused(errors, 400) from None
        finally:
            context.give_up()

    def _context(self, ready: Ready) -> Context:
        caller = ready.caller
        return Context(
            self._services,
            caller.customer_id,
            idempotency_key=ready.idempotency_key,
            identity=caller.identity,
            origin=caller.origin,
        )

    async def _run(self, ready: Ready, *, event: object = None) -> Result:
        context = self._context(ready)
        self._running += 1
        try:
            async with asyncio.timeout(REQUEST_SECONDS) as context.deadline:
                return await self._schema.run(ready.operation, ready.variables, context, event=event)
        except TimeoutError:
            error = DeadlineExceeded(f"the request took longer than {REQUEST_SECONDS:g} s")
            raise _refusal(error, 504, ready.caller) from None
        finally:
            context.give_up()
            self._running -= 1

    async def _insist_on_session(self, ready: Ready) -> None:
        """Whoever has signed out sees no more; that the token itself has expired since ends nothing."""
        identity = ready.caller.identity
        if identity is not None and await self._services.ended_sessions.holds(identity.session_id):
            raise _refusal(Unauthenticated("The session has ended: sign in again."), 401, ready.caller)

    async def _charge(self, cost: int, caller: Caller) -> None:
        key, bucket = caller.budget
        taken = await self._throttle.take(key, cost, bucket)
        if not taken.granted:
            error = RateLimited(retry_after_ms=taken.retry_after_ms)
            raise _refusal(error, 429, caller, {"retry-after": str(taken.retry_after_seconds)})

    async def _afford(self, ready: Ready) -> None:
        key, bucket = ready.caller.budget
        while True:
            taken = await self._throttle.take(key, ready.cost, bucket)
            if taken.granted:
                return
            await asyncio.sleep(taken.retry_after_ms / 1_000)

    async def _settle(self, ready: Ready, actual: int) -> Body:
        """Give back what was taken and not used; what the client is told of it where it asks."""
        key, bucket = ready.caller.budget
        is_told = "cost" in ready.debug
        rest = unused(ready.cost, actual)
        if is_told:
            status = await self._throttle.give_back(key, rest, bucket)
            return {"cost": _cost_told(ready.cost, actual, status)}
        if rest:
            self._throttle.give_back_soon(key, rest, bucket)
        return {}

    def _check_sensitive(self, operation: Operation, caller: Caller) -> None:
        called = [name for name in operation.plan.root_fields if name in self._sensitive]
        if len(called) > 1:
            message = f"A request may have one of {', '.join(sorted(self._sensitive))}; this one has {len(called)}."
            raise Refused([request_error(message, "GRAPHQL_VALIDATION_FAILED", caller.request_id)], 400)

    def _busy(self, caller: Caller) -> Refused:
        more = {"retryable": True, "retryAfterMs": RETRY_AFTER_SECONDS * 1000}
        error = request_error("The shop is busy: try again.", "SERVICE_UNAVAILABLE", caller.request_id, **more)
        return Refused([error], 503, 503, {"retry-after": str(RETRY_AFTER_SECONDS)})


def _spent(ready: Ready, result: Result) -> int:
    return min(ready.cost, ready.operation.plan.actual(result.data))


def _encoded(result: Result, ready: Ready, extensions: Body) -> bytes:
    errors = formatted(result.errors or [], ready.caller.request_id, before_execution=False)
    if result.data is None and not any(error.path for error in result.errors or []):
        raise Refused(errors, 400)  # the variables did not fit
    body: Body = {"data": result.data}
    if errors:
        body["errors"] = errors
    if extensions:
        body["extensions"] = extensions
    encoded = _encoder.encode(body)
    if len(encoded) > MAX_ANSWER_BYTES:
        message = f"The answer is larger than {MAX_ANSWER_BYTES} bytes: ask for fewer rows or fields."
        raise Refused([request_error(message, "MAX_COST_EXCEEDED", ready.caller.request_id)], 400)
    return encoded


def _cost_told(requested: int, actual: int, status: ThrottleStatus) -> Body:
    """In the shape that Shopify's clients know."""
    return {
        "requestedQueryCost": requested,
        "actualQueryCost": actual,
        "throttleStatus": {
            "maximumAvailable": status.maximum_available,
            "currentlyAvailable": status.currently_available,
            "restoreRate": status.restore_rate,
        },
    }


def _refusal(cause: ShopError, status: int, caller: Caller, headers: Mapping[str, str] | None = None) -> Refused:
    message, code, more = explained(cause)
    return Refused([request_error(message, code, caller.request_id, **more)], status, headers=headers)
