"""`PaymentGateway` and `RefundGateway` on Stripe, the only module that calls it. See ADR-0005 and ADR-0030.

One payment is one PaymentIntent, created and confirmed in one call whose idempotency key is the attempt's id: however
often the call is repeated, Stripe makes one. The library's own retries use a fresh key each time, so they are off;
ours repeat the same key. What a failure means is decided here, once: a declined card is an outcome, silence is not.
Source: Stripe API, Idempotent requests, Error handling, Finalize payments on the server.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import httpx
import stamina
import stripe

from app import telemetry
from app.core.charging import units_of
from app.core.errors import PaymentsUnavailable
from app.core.fault_points import FaultPoint, reached
from app.core.money import Money
from app.payments.domain import AttemptState, PaymentAttempt, PaymentOutcome
from app.payments.refunds import Refund, RefundOutcome, RefundState
from app.payments.stripe_intents import ATTEMPT_KEY, outcome_of
from app.payments.stripe_records import StripeRecords
from app.payments.stripe_refunds import ORDER_KEY, REFUND_KEY, refund_outcome

if TYPE_CHECKING:
    from stripe.params import PaymentIntentCreateParams, RefundCreateParams

T = TypeVar("T")

CALL_SECONDS = 3.0  # of one call; Stripe's own answers take well under one
RETRIES = 3
RETRY_SECONDS = 8.0  # in all, while a buyer waits; the worker goes on after it

_log = telemetry.logger(__name__)
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_BUYERS_PARAMETERS = frozenset({"payment_method", "confirmation_token"})  # what the client chose


class _Unknown(Exception):
    """No answer that says what happened.

    may_have_run: whether the call may have done something all the same; retry_after_seconds: as the provider asks.
    """

    def __init__(self, cause: str, *, may_have_run: bool = True, retry_after_seconds: float | None = None) -> None:
        super().__init__(cause)
        self.may_have_run = may_have_run
        self.retry_after_seconds = retry_after_seconds


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often a call is repeated, with exponential back-off and full jitter."""

    retries: int = RETRIES
    within_seconds: float = RETRY_SECONDS
    first_wait_seconds: float = 0.3


class _Transport(stripe.HTTPXClient):
    """Stripe's own transport, which notices when the whole of a request has left."""

    def _get_request_args_kwargs(self, *request: Any) -> Any:  # noqa: ANN401  as the library has it
        positional, named = super()._get_request_args_kwargs(*request)
        return positional, {**named, "extensions": {"trace": _trace}}


async def _trace(event: str, _: Mapping[str, Any]) -> None:
    if event == "http11.send_request_body.complete":
        reached(FaultPoint.BYTES_SENT)


class StripeGateway(StripeRecords):
    """`PaymentGateway` on Stripe's API.

    base_url: of an emulator, None for Stripe itself; before_call: waited for before every call, repeated ones too.
    """

    def __init__(
        self,
        api_key: str,
        *,
        base_url: str | None = None,
        policy: RetryPolicy | None = None,
        before_call: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._transport = _Transport(timeout=CALL_SECONDS)
        self._client = stripe.StripeClient(
            api_key,
            base_addresses={"api": base_url} if base_url else {},
            http_client=self._transport,
            max_network_retries=0,
        )
        self._policy = policy or RetryPolicy()
        self._before_call = before_call

    async def charge(self, attempt: PaymentAttempt) -> PaymentOutcome:
        """Create and confirm the payment, or learn what became of it."""
        params: PaymentIntentCreateParams = {
            "amount": units_of(attempt.amount),
            "currency": attempt.amount.currency.lower(),
            "confirm": True,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "metadata": {ATTEMPT_KEY: str(attempt.id), "order_id": str(attempt.order_id)},
            "receipt_email": attempt.receipt_email,
            "expand": ["payment_method"],
        }
        if attempt.method.confirmation_token is not None:
            params["confirmation_token"] = attempt.method.confirmation_token
        elif attempt.method.payment_method_id is not None:
            params["payment_method"] = attempt.method.payment_method_id
        options: Any = {"idempotency_key": str(attempt.id)}

        async def create() -> PaymentOutcome:
            try:
                return outcome_of(await self._client.v1.payment_intents.create_async(params, options))
            except stripe.CardError as error:
                return _declined(error, attempt.amount)
            except stripe.IdempotencyError as error:  # our parameters changed since the first call: ask, do not repeat
                message = "the payment was begun by another version of this program"
                raise PaymentsUnavailable(message, is_away=False) from error
            except stripe.InvalidRequestError as error:  # refused whole, so nothing was charged
                if error.param not in _BUYERS_PARAMETERS:
                    _log.error("payment_refused_as_invalid", order=str(attempt.order_id), param=error.param)
                return _declined(error, attempt.amount)

        return await self._call("charge", create)

    async def find(self, attempt: PaymentAttempt) -> PaymentOutcome | None:
        """What became of an attempt whose answer was lost; None where the provider knows nothing of it."""
        params: Any = {
            "query": f"metadata['{ATTEMPT_KEY}']:'{attempt.id}'",
            "limit": 1,
            "expand": ["data.payment_method"],
        }

        async def search() -> PaymentOutcome | None:
            found = await self._client.v1.payment_intents.search_async(params)
            return outcome_of(found.data[0]) if found.data else None

        return await self._call("find", search, reads=True)

    async def look_up(self, intent_id: str) -> PaymentOutcome:
        """What became of a payment."""

        async def retrieve() -> PaymentOutcome:
            expand: Any = {"expand": ["payment_method"]}
            return outcome_of(await self._client.v1.payment_intents.retrieve_async(intent_id, expand))

        return await self._call("look_up", retrieve, reads=True)

    async def cancel(self, intent_id: str) -> PaymentOutcome:
        """Cancel a payment that waits for the buyer; the outcome says if it was paid before that."""

        async def cancel() -> PaymentOutcome:
            try:
                return outcome_of(await self._client.v1.payment_intents.cancel_async(intent_id))
            except stripe.InvalidRequestError as error:
                if error.code != "payment_intent_unexpected_state":
                    raise
                return outcome_of(await self._client.v1.payment_intents.retrieve_async(intent_id))

        return await self._call("cancel", cancel)

    async def refund(self, refund: Refund) -> RefundOutcome:
        """Give the money back, or learn what became of it."""
        params: RefundCreateParams = {
            "payment_intent": refund.intent_id,
            "amount": units_of(refund.amount),
            "metadata": {REFUND_KEY: str(refund.id), ORDER_KEY: str(refund.order_id)},
        }
        options: Any = {"idempotency_key": str(refund.id)}

        async def create() -> RefundOutcome:
            try:
                return refund_outcome(await self._client.v1.refunds.create_async(params, options))
            except stripe.IdempotencyError as error:  # our parameters changed since the first call: ask, do not repeat
                message = "the refund was begun by another version of this program"
                raise PaymentsUnavailable(message, is_away=False) from error
            except (stripe.InvalidRequestError, stripe.CardError) as error:  # refused whole
                cause = error.code or error.user_message or "refused"
                return RefundOutcome(RefundState.FAILED, refund.amount, None, refund.intent_id, refund.id, cause)

        return await self._call("refund", create)

    async def find_refund(self, refund: Refund) -> RefundOutcome | None:
        """What became of a refund; None where Stripe has none."""

        async def look() -> RefundOutcome | None:
            if refund.provider_id is not None:
                return refund_outcome(await self._client.v1.refunds.retrieve_async(refund.provider_id))
            listed = await self._client.v1.refunds.list_async({"payment_intent": refund.intent_id, "limit": 100})
            async for each in listed.auto_paging_iter():
                outcome = refund_outcome(each)
                if outcome.refund_id == refund.id:
                    return outcome
            return None

        return await self._call("find_refund", look, reads=True)

    async def close(self) -> None:
        """End every connection."""
        await self._transport.close_async()  # type: ignore[no-untyped-call]

    async def _call(self, name: str, call: Callable[[], Awaitable[T]], *, reads: bool = False) -> T:
        failures: list[_Unknown] = []
        now = asyncio.get_running_loop().time
        give_up_at = now() + self._policy.within_seconds

        def again(error: Exception) -> bool | float:
            """Whether to repeat the call, or after how many seconds."""
            pause = error.retry_after_seconds if isinstance(error, _Unknown) else None
            if pause is None:
                return isinstance(error, _Unknown)
            return pause if now() + pause <= give_up_at else False

        try:
            async for attempt in stamina.retry_context(
                on=again,
                attempts=1 + self._policy.retries,
                timeout=self._policy.within_seconds,
                wait_initial=self._policy.first_wait_seconds,
            ):
                with attempt:
                    if self._before_call is not None:
                        await self._before_call()
                    try:
                        outcome = await _translated(call)
                    except _Unknown as error:
                        failures.append(error)
                        raise
        except _Unknown as error:
            telemetry.PAYMENT_CALLS.labels("unknown").inc()
            _log.warning("payment_provider_silent", call=name, cause=str(error))
            message = "the payment provider gave no answer that says what happened"
            may_have_run = not reads and any(failure.may_have_run for failure in failures)
            raise PaymentsUnavailable(message, may_have_run=may_have_run) from error
        telemetry.PAYMENT_CALLS.labels(_label(outcome)).inc()
        return outcome


async def _translated(call: Callable[[], Awaitable[T]]) -> T:
    try:
        async with asyncio.timeout(CALL_SECONDS):  # the transport's own limit is for each read, not for the whole
            return await call()
    except TimeoutError as error:
        raise _Unknown("no answer in time") from error
    except (stripe.APIConnectionError, stripe.RateLimitError, stripe.APIError) as error:
        refused = isinstance(error, stripe.RateLimitError) or isinstance(error.__cause__, _NEVER_SENT)
        cause = f"{type(error).__name__} {error.http_status or ''}".strip()
        raise _Unknown(cause, may_have_run=not refused, retry_after_seconds=_retry_after(error)) from error
    except (stripe.AuthenticationError, stripe.PermissionError) as error:
        _log.error("payment_provider_refused_our_key", status=error.http_status)
        message = "the payment provider does not accept the shop's key"
        raise PaymentsUnavailable(message, may_have_run=False) from error


def _label(outcome: object) -> str:
    if isinstance(outcome, PaymentOutcome):
        return outcome.state.value.lower()
    if isinstance(outcome, RefundOutcome):
        return f"refund_{outcome.state.value}"
    return "not_found" if outcome is None else "read"


def _retry_after(error: stripe.StripeError) -> float | None:
    asked = str((error.headers or {}).get("retry-after", ""))
    return float(asked) if asked.isdecimal() else None


def _declined(error: stripe.StripeError, amount: Money) -> PaymentOutcome:
    details: Any = error.error
    intent = getattr(details, "payment_intent", None)
    return PaymentOutcome(
        state=AttemptState.FAILED,
        intent_id=intent["id"] if intent else None,
        amount=amount,
        decline_code=getattr(details, "decline_code", None),
        failure_message=error.user_message or "The payment was refused.",
    )
