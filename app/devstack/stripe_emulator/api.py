"""The /v1 endpoints: one request from its bytes to its answer, with the faults that were scripted for it.

fault before -> who asks, what -> replay, or hold the key -> fault during -> execute and commit -> fault after -> answer

Executing and committing is one step without an await, so requests never see each other half done.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from app.devstack.stripe_emulator.call import Call
from app.devstack.stripe_emulator.calls import CallEntry, CallLog
from app.devstack.stripe_emulator.changes import Cause, Changes
from app.devstack.stripe_emulator.clock import AdvanceableClock
from app.devstack.stripe_emulator.connection import CutConnection
from app.devstack.stripe_emulator.deliveries import Deliveries
from app.devstack.stripe_emulator.expansion import expand
from app.devstack.stripe_emulator.faults import Faults, FaultScript
from app.devstack.stripe_emulator.idempotency import IdempotencyKeys, KeyedRequest
from app.devstack.stripe_emulator.identifiers import Identifiers
from app.devstack.stripe_emulator.limits import API_VERSION
from app.devstack.stripe_emulator.operations import Operation, Operations
from app.devstack.stripe_emulator.outages import Outages
from app.devstack.stripe_emulator.parameters import Parameters
from app.devstack.stripe_emulator.problems import StripeProblem, Unauthorized
from app.devstack.stripe_emulator.records import Json
from app.devstack.stripe_emulator.store import Store

_INJECTED = {
    "500": (500, "api_error", None, "An unknown error occurred"),
    "503": (503, "api_error", None, "Stripe is temporarily unavailable"),
    "429": (429, "invalid_request_error", "rate_limit", "Request rate limit exceeded."),
}


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request as it came."""

    request_id: str
    method: str
    path: str
    encoded_params: str
    authorization: str
    idempotency_key: str | None
    public_url: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back.

    body: JSON text. is_replayed: it was saved under an idempotency key; original_request: by which request.
    """

    status: int
    body: str
    is_replayed: bool = False
    original_request: str | None = None
    retry_after_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Api:
    """Stripe's v1 API.

    public_url: where browsers reach the emulator; None is where the request reached it.
    """

    store: Store
    clock: AdvanceableClock
    identifiers: Identifiers
    operations: Operations
    keys: IdempotencyKeys
    faults: Faults
    outages: Outages
    deliveries: Deliveries
    calls: CallLog
    public_url: str | None

    async def handle(self, request: Request) -> Response:
        """Answer one request, or cut its connection."""
        incoming = await self._read(request)
        fault = self.faults.take(incoming.method, incoming.path)
        fault = fault or self.outages.find(incoming.encoded_params, incoming.idempotency_key)
        answer = await self._before(fault) if fault and fault.when == "before" else None
        is_cut = fault is not None and fault.when == "before" and fault.mode in ("refuse", "hang")
        if answer is None and not is_cut:
            answer = await self._answer(incoming, fault)
            is_cut = await self._after(fault, answer)
        self._note(incoming, None if is_cut else answer, fault)
        if is_cut or answer is None:
            return CutConnection()
        return _response(incoming, answer, is_truncated=fault is not None and fault.mode == "truncate")

    async def _read(self, request: Request) -> Incoming:
        is_post = request.method == "POST"
        encoded = (await request.body()).decode("utf-8", "replace") if is_post else request.url.query
        return Incoming(
            request_id=self.identifiers.new("req"),
            method=request.method,
            path=request.url.path,
            encoded_params=encoded,
            authorization=request.headers.get("authorization", ""),
            idempotency_key=request.headers.get("idempotency-key") if is_post else None,
            public_url=self.public_url or str(request.base_url).rstrip("/"),
        )

    async def _before(self, fault: FaultScript) -> Answer | None:
        if fault.mode in ("hang", "slow"):
            await self.faults.pause(fault.seconds)
        return _injected(fault)

    async def _answer(self, incoming: Incoming, fault: FaultScript | None) -> Answer:
        try:
            api_key = _read_api_key(incoming.authorization)
            operation, path_id = self.operations.find(incoming.method, incoming.path)
            params = Parameters.parse(incoming.encoded_params)
            keyed = None
            if incoming.idempotency_key:
                keyed = KeyedRequest.of(
                    api_key=api_key, key=incoming.idempotency_key, endpoint=incoming.path, params=params
                )
                saved = self.keys.find_answer(keyed)
                if saved is not None:
                    replay = Answer(saved.status, saved.body, is_replayed=True, original_request=saved.request_id)
                    return _injected(fault) or replay
        except StripeProblem as problem:
            return _problem_answer(problem)
        with self.keys.hold(keyed):
            if fault is not None and fault.when == "during" and fault.mode in ("hang", "slow"):
                await self.faults.pause(fault.seconds)
            call = Call(
                changes=self._changes(incoming),
                params=params,
                path=incoming.path,
                path_id=path_id,
                public_url=incoming.public_url,
                bank_is_slow=fault is not None and fault.mode == "processing",
            )
            return self._execute(incoming, operation, call, keyed, fault)

    def _execute(
        self,
        incoming: Incoming,
        operation: Operation,
        call: Call,
        keyed: KeyedRequest | None,
        fault: FaultScript | None,
    ) -> Answer:
        injected = _injected(fault) if fault is not None and fault.when != "before" else None
        changes, is_remembered = call.changes, True
        if injected is not None and fault is not None and fault.when == "during":
            answer = injected
        else:
            try:
                body = expand(operation.run(call), call.params.texts("expand") or (), changes)
                answer = injected or Answer(200, _json(body))
            except StripeProblem as problem:
                answer, is_remembered = injected or _problem_answer(problem), problem.is_remembered
                if not problem.keeps_changes:
                    changes = self._changes(incoming)
        saved = None
        if keyed is not None and is_remembered:
            saved = self.keys.answer(keyed, request_id=incoming.request_id, status=answer.status, body=answer.body)
        self.deliveries.enqueue(changes.commit(saved))
        return answer

    async def _after(self, fault: FaultScript | None, answer: Answer) -> bool:
        """Whether the connection is to be cut."""
        if fault is None:
            return False
        if fault.mode in ("hang", "slow") and (fault.when == "after" or answer.is_replayed):
            await self.faults.pause(fault.seconds)
        return fault.mode in ("hang", "lost")

    def _changes(self, incoming: Incoming) -> Changes:
        cause = Cause(request_id=incoming.request_id, idempotency_key=incoming.idempotency_key)
        return Changes(self.store, self.clock, self.identifiers, cause)

    def _note(self, incoming: Incoming, answer: Answer | None, fault: FaultScript | None) -> None:
        try:
            operation, _ = self.operations.find(incoming.method, incoming.path)
            endpoint = f"{operation.method} {operation.path}"
        except StripeProblem:
            endpoint = f"{incoming.method} {incoming.path}"
        self.calls.add(
            CallEntry(
                request_id=incoming.request_id,
                at=self.clock.now().timestamp(),
                endpoint=endpoint,
                path=incoming.path,
                status=answer.status if answer else None,
                idempotency_key=incoming.idempotency_key,
                is_replayed=answer is not None and answer.is_replayed,
                fault=fault.mode if fault else None,
            )
        )


def _read_api_key(authorization: str) -> str:
    scheme, _, value = authorization.partition(" ")
    api_key = value.strip()
    if scheme.lower() == "basic":
        try:
            api_key = base64.b64decode(api_key, validate=True).decode().removesuffix(":")
        except (binascii.Error, UnicodeDecodeError):
            api_key = ""
    if scheme.lower() not in ("bearer", "basic") or not api_key:
        raise Unauthorized(
            "You did not provide an API key. You need to provide your API key in the Authorization header, using "
            "Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY')."
        )
    if not api_key.startswith("sk_"):
        raise Unauthorized(f"Invalid API Key provided: {api_key[:3]}****")
    return api_key


def _injected(fault: FaultScript | None) -> Answer | None:
    if fault is None or fault.mode not in _INJECTED:
        return None
    status, error_type, code, message = _INJECTED[fault.mode]
    error = {"message": message, "type": error_type} | ({"code": code} if code else {})
    retry_after = fault.retry_after_seconds if status == 429 else None
    return Answer(status, _json({"error": error}), retry_after_seconds=retry_after)


def _problem_answer(problem: StripeProblem) -> Answer:
    return Answer(problem.status, _json({"error": problem.error}))


def _json(body: Json) -> str:
    return msgspec.json.encode(body).decode()


def _response(incoming: Incoming, answer: Answer, *, is_truncated: bool) -> Response:
    headers = {"request-id": incoming.request_id, "stripe-version": API_VERSION}
    if incoming.idempotency_key:
        headers["idempotency-key"] = incoming.idempotency_key
    if answer.is_replayed:
        headers |= {"idempotent-replayed": "true", "original-request": answer.original_request or ""}
    if answer.retry_after_seconds is not None:
        headers["retry-after"] = str(answer.retry_after_seconds)
    content = answer.body.encode()
    if is_truncated:
        content = content[: len(content) // 2]
    return Response(content, answer.status, headers, "application/json")
