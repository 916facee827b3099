"""Idempotency keys, per API key: replay, conflict, misuse.

A key is in use from the moment its request begins to execute until its answer is saved; the saved answer, errors
included, is what the key gives for 24 hours. A request that was refused before it executed leaves its key free.
Source: docs.stripe.com, API reference, Idempotent requests.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import msgspec

from app.devstack.stripe_emulator.clock import AdvanceableClock
from app.devstack.stripe_emulator.journal import SavedAnswer
from app.devstack.stripe_emulator.parameters import Parameters
from app.devstack.stripe_emulator.problems import KeyInUse, KeyReused, StripeProblem
from app.devstack.stripe_emulator.store import Store

_MAX_KEY = 255


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """A request as its idempotency key sees it.

    account: a digest of the API key. endpoint: the path. fingerprint: a digest of the parameters.
    """

    account: str
    key: str
    endpoint: str
    fingerprint: str

    @classmethod
    def of(cls, *, api_key: str, key: str, endpoint: str, params: Parameters) -> KeyedRequest:
        """Digest what must repeat; the order of the parameters does not matter."""
        if len(key) > _MAX_KEY:
            raise StripeProblem(f"Idempotency-Key must be at most {_MAX_KEY} characters.")
        canonical = msgspec.json.encode(params.canonical())
        return cls(
            account=hashlib.sha256(api_key.encode()).hexdigest()[:16],
            key=key,
            endpoint=endpoint,
            fingerprint=hashlib.sha256(canonical).hexdigest(),
        )


class IdempotencyKeys:
    """The keys of all accounts."""

    def __init__(self, store: Store, clock: AdvanceableClock) -> None:
        self._store = store
        self._clock = clock
        self._in_use: dict[tuple[str, str], KeyedRequest] = {}

    def find_answer(self, request: KeyedRequest) -> SavedAnswer | None:
        """What this key was answered before; None where the request is to be executed.

        Raises KeyReused when the key came with another endpoint or other parameters, and KeyInUse while its first
        request runs.
        """
        running = self._in_use.get((request.account, request.key))
        if running is not None:
            _check_same(request, running.endpoint, running.fingerprint)
            raise KeyInUse(
                "There is currently another in-progress request using this Idempotent Key (that probably means you "
                "submitted twice, and the other request is still going through): "
                f"{request.key}. Please try again later.",
                code="idempotency_key_in_use",
            )
        answer = self._store.find_answer(request.account, request.key, now=self._clock.timestamp())
        if answer is not None:
            _check_same(request, answer.endpoint, answer.fingerprint)
        return answer

    @contextmanager
    def hold(self, request: KeyedRequest | None) -> Iterator[None]:
        """Keep the key in use while its request executes; without a key, nothing."""
        if request is None:
            yield
            return
        slot = (request.account, request.key)
        self._in_use[slot] = request
        try:
            yield
        finally:
            del self._in_use[slot]

    def answer(self, request: KeyedRequest, *, request_id: str, status: int, body: str) -> SavedAnswer:
        """What is to be saved for this key, together with the changes of its request."""
        return SavedAnswer(
            account=request.account,
            key=request.key,
            endpoint=request.endpoint,
            fingerprint=request.fingerprint,
            request_id=request_id,
            saved_at=self._clock.timestamp(),
            status=status,
            body=body,
        )


def _check_same(request: KeyedRequest, endpoint: str, fingerprint: str) -> None:
    if request.endpoint != endpoint:
        raise KeyReused(
            "Keys for idempotent requests can only be used for the same endpoint they were first used for "
            f"('{request.endpoint}' vs '{endpoint}'). Try using a key other than '{request.key}' if you meant to "
            "execute a different request."
        )
    if request.fingerprint != fingerprint:
        raise KeyReused(
            "Keys for idempotent requests can only be used with the same parameters they were first used with. Try "
            f"using a key other than '{request.key}' if you meant to execute a different request."
        )
