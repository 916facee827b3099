"""The errors that Stripe answers, each raised as what it is.

InvalidParameter  400, nothing ran: dropped with its changes and not remembered under the idempotency key
Refused           400 or 404, the request makes no sense in the present state: remembered
CardRefused       402, the card: its changes are kept and it is remembered
KeyReused         400, the idempotency key belongs to another request
KeyInUse          409, the first request with this key is still running
Unauthorized      401, no secret API key

Source: docs.stripe.com, API reference, Errors; Error codes.
"""

from __future__ import annotations

from app.devstack.stripe_emulator.records import Json


class StripeProblem(Exception):
    """An answer other than 200.

    status: the HTTP status. error: the object under `error` in the answer's body.
    """

    status = 400
    error_type = "invalid_request_error"
    is_remembered = False
    keeps_changes = False

    def __init__(self, message: str, *, code: str | None = None, **facts: object) -> None:
        super().__init__(message)
        self.error: dict[str, object] = {"message": message, "type": self.error_type}
        if code is not None:
            self.error |= {"code": code, "doc_url": doc_url(code)}
        self.error |= {name: fact for name, fact in facts.items() if fact is not None}


class InvalidParameter(StripeProblem):
    """A parameter is missing, unknown, malformed or out of its bounds."""

    def __init__(self, message: str, *, param: str, code: str | None = None) -> None:
        super().__init__(message, code=code, param=param)


class Refused(StripeProblem):
    """The request is well-formed, but not possible now."""

    is_remembered = True

    def __init__(self, message: str, *, status: int = 400, code: str | None = None, **facts: object) -> None:
        super().__init__(message, code=code, **facts)
        self.status = status


class CardRefused(StripeProblem):
    """The card was declined or cannot be one."""

    status = 402
    error_type = "card_error"
    is_remembered = True
    keeps_changes = True


class KeyReused(StripeProblem):
    """The idempotency key came before with another endpoint or other parameters."""

    error_type = "idempotency_error"


class KeyInUse(StripeProblem):
    """The first request with this idempotency key has not been answered yet."""

    status = 409
    error_type = "idempotency_error"


class Unauthorized(StripeProblem):
    """No secret API key came with the request."""

    status = 401


def doc_url(code: str) -> str:
    """The page about an error code."""
    return f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"


def missing(param: str) -> InvalidParameter:
    """A required parameter was not sent."""
    return InvalidParameter(f"Missing required param: {param}.", param=param, code="parameter_missing")


def no_such(kind: str, record_id: str, *, param: str, status: int) -> Refused:
    """An id names nothing."""
    return Refused(f"No such {kind}: '{record_id}'", status=status, code="resource_missing", param=param)


def unexpected_state(message: str, payment_intent: Json | None = None) -> Refused:
    """A PaymentIntent is past, or short of, what was asked of it."""
    return Refused(message, code="payment_intent_unexpected_state", payment_intent=payment_intent)
