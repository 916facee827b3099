"""The API's table of contents: which method and path is which operation."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from app.devstack.stripe_emulator import (
    confirmation_tokens,
    customers,
    disputes,
    payment_intents,
    payment_methods,
    reading,
    refunds,
    webhook_endpoints,
)
from app.devstack.stripe_emulator.call import Run
from app.devstack.stripe_emulator.problems import Refused
from app.devstack.stripe_emulator.search import SearchIndex


@dataclass(frozen=True, slots=True)
class Operation:
    """One endpoint; `:id` in its path stands for an id."""

    method: str
    path: str
    run: Run
    pattern: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "pattern", re.compile(re.escape(self.path).replace(":id", "([^/]+)")))


class Operations:
    """Every operation of the API."""

    def __init__(self, search_index: SearchIndex) -> None:
        self._operations = tuple(_operations(search_index))

    def find(self, method: str, path: str) -> tuple[Operation, str]:
        """The operation that a request asks for, with the id in its path.

        Raises Refused with status 404, as Stripe does for a URL it does not know.
        """
        for operation in self._operations:
            match = operation.pattern.fullmatch(path) if operation.method == method else None
            if match is not None:
                return operation, match[1] if match.groups() else ""
        raise Refused(
            f"Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs or we can help at "
            "https://support.stripe.com/.",
            status=404,
        )


def _operations(search_index: SearchIndex) -> Iterable[Operation]:
    intents, methods, endpoints = "/v1/payment_intents", "/v1/payment_methods", "/v1/webhook_endpoints"
    yield Operation("POST", intents, payment_intents.create_payment_intent)
    yield Operation("GET", intents, payment_intents.list_payment_intents)
    yield Operation("GET", f"{intents}/search", search_index.search_payment_intents)
    yield Operation("GET", f"{intents}/:id", payment_intents.retrieve_payment_intent)
    yield Operation("POST", f"{intents}/:id", payment_intents.update_payment_intent)
    yield Operation("POST", f"{intents}/:id/confirm", payment_intents.confirm_payment_intent)
    yield Operation("POST", f"{intents}/:id/capture", payment_intents.capture_payment_intent)
    yield Operation("POST", f"{intents}/:id/cancel", payment_intents.cancel_payment_intent)
    yield Operation("POST", methods, payment_methods.create_payment_method)
    yield Operation("GET", methods, payment_methods.list_payment_methods)
    yield Operation("GET", f"{methods}/:id", payment_methods.retrieve_payment_method)
    yield Operation("POST", f"{methods}/:id", payment_methods.update_payment_method)
    yield Operation("POST", f"{methods}/:id/attach", payment_methods.attach_payment_method)
    yield Operation("POST", f"{methods}/:id/detach", payment_methods.detach_payment_method)
    yield Operation("POST", "/v1/test_helpers/confirmation_tokens", confirmation_tokens.create_confirmation_token)
    yield Operation("GET", "/v1/confirmation_tokens/:id", confirmation_tokens.retrieve_confirmation_token)
    yield Operation("POST", "/v1/refunds", refunds.create_refund)
    yield Operation("GET", "/v1/refunds", refunds.list_refunds)
    yield Operation("GET", "/v1/refunds/:id", refunds.retrieve_refund)
    yield Operation("POST", "/v1/refunds/:id", refunds.update_refund)
    yield Operation("GET", "/v1/disputes", disputes.list_disputes)
    yield Operation("GET", "/v1/disputes/:id", disputes.retrieve_dispute)
    yield Operation("POST", "/v1/disputes/:id", disputes.update_dispute)
    yield Operation("POST", "/v1/disputes/:id/close", disputes.close_dispute)
    yield Operation("GET", "/v1/charges", reading.list_charges)
    yield Operation("GET", "/v1/charges/:id", reading.retrieve_charge)
    yield Operation("GET", "/v1/events", reading.list_events)
    yield Operation("GET", "/v1/events/:id", reading.retrieve_event)
    yield Operation("POST", "/v1/customers", customers.create_customer)
    yield Operation("GET", "/v1/customers", customers.list_customers)
    yield Operation("GET", "/v1/customers/:id", customers.retrieve_customer)
    yield Operation("POST", "/v1/customers/:id", customers.update_customer)
    yield Operation("DELETE", "/v1/customers/:id", customers.delete_customer)
    yield Operation("POST", endpoints, webhook_endpoints.create_webhook_endpoint)
    yield Operation("GET", endpoints, webhook_endpoints.list_webhook_endpoints)
    yield Operation("GET", f"{endpoints}/:id", webhook_endpoints.retrieve_webhook_endpoint)
    yield Operation("POST", f"{endpoints}/:id", webhook_endpoints.update_webhook_endpoint)
    yield Operation("DELETE", f"{endpoints}/:id", webhook_endpoints.delete_webhook_endpoint)
