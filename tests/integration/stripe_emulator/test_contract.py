"""The emulator's answers against stripe-python's declarations: every field, its type, and what is left out.

stripe-python is generated from Stripe's own description of its API, so its annotations are the nearest thing to a
contract. They are read from the source, because many of them name classes that only a type checker imports.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
import stripe
from stripe import params as stripe_params

from app.devstack.stripe_emulator import confirmation, customers, limits, payment_intents, refunds

if TYPE_CHECKING:
    from stripe_emulator.conftest import Emulator

Scope = tuple[ast.ClassDef, ...]
Pay = Callable[..., Awaitable[stripe.PaymentIntent]]
CLASSES = {
    "payment_intent": "PaymentIntent",
    "charge": "Charge",
    "refund": "Refund",
    "dispute": "Dispute",
    "payment_method": "PaymentMethod",
    "confirmation_token": "ConfirmationToken",
    "customer": "Customer",
    "event": "Event",
    "webhook_endpoint": "WebhookEndpoint",
}
SCALARS = {"str": str, "int": int, "bool": bool, "float": (int, float)}


@cache
def declaration(name: str) -> ast.ClassDef:
    """The source of one of stripe-python's classes."""
    source = Path(inspect.getsourcefile(getattr(stripe, name)) or "").read_text()
    return next(node for node in ast.parse(source).body if isinstance(node, ast.ClassDef) and node.name == name)


def declared_fields(node: ast.ClassDef) -> dict[str, ast.expr]:
    """The annotated fields of a class."""
    return {
        item.target.id: item.annotation
        for item in node.body
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name) and item.target.id.islower()
    }


def faults_of(value: object, annotation: ast.expr, scope: Scope, path: str) -> Iterator[str]:
    """Where a JSON value is not what an annotation says."""
    match annotation:
        case ast.Subscript(ast.Name(generic), inner):
            yield from GENERICS[generic](value, inner, scope, path)
        case ast.Constant(str() as name):
            yield from object_faults(value, (declaration(name),), path)
        case ast.Name("Any"):
            return
        case ast.Name(name) if name in SCALARS:
            if not isinstance(value, SCALARS[name]) or (isinstance(value, bool) and name != "bool"):
                yield f"{path}: {value!r} is not {name}"
        case ast.Name(name):
            yield from object_faults(value, (*scope, nested(name, scope)), path)
        case _:
            yield f"{path}: {ast.unparse(annotation)} is an annotation that this test cannot read"


def optional_faults(value: object, inner: ast.expr, scope: Scope, path: str) -> Iterator[str]:
    if value is not None:
        yield from faults_of(value, inner, scope, path)


def literal_faults(value: object, inner: ast.expr, _scope: Scope, path: str) -> Iterator[str]:
    items = inner.elts if isinstance(inner, ast.Tuple) else [inner]
    if value not in [item.value for item in items]:
        yield f"{path}: {value!r} is not one of Stripe's values"


def union_faults(value: object, inner: ast.expr, scope: Scope, path: str) -> Iterator[str]:
    """stripe-python writes `Literal[…] | str`, for values that Stripe may add: those of today are the contract."""
    options = [option for option in inner.elts if isinstance(option, ast.Subscript)] or inner.elts
    if all(list(faults_of(value, option, scope, path)) for option in options):
        yield f"{path}: {value!r} fits none of {[ast.unparse(option)[:60] for option in options]}"


def list_faults(value: object, inner: ast.expr, scope: Scope, path: str) -> Iterator[str]:
    if not isinstance(value, list):
        yield f"{path}: {value!r} is not a list"
        return
    for index, item in enumerate(value):
        yield from faults_of(item, inner, scope, f"{path}[{index}]")


def mapping_faults(value: object, inner: ast.expr, scope: Scope, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path}: {value!r} is not an object"
        return
    for key, item in value.items():
        yield from faults_of(item, inner, scope, f"{path}.{key}")


def reference_faults(value: object, inner: ast.expr, scope: Scope, path: str) -> Iterator[str]:
    if not isinstance(value, str):
        yield from faults_of(value, inner, scope, path)


GENERICS = {
    "Optional": optional_faults,
    "Literal": literal_faults,
    "Union": union_faults,
    "List": list_faults,
    "UntypedStripeObject": mapping_faults,
    "ExpandableField": reference_faults,
}


def nested(name: str, scope: Scope) -> ast.ClassDef:
    """The class that a name means inside these classes, the innermost first."""
    for outer in reversed(scope):
        for item in outer.body:
            if isinstance(item, ast.ClassDef) and item.name == name:
                return item
    raise AssertionError(f"{name} is not declared")


def object_faults(value: object, scope: Scope, path: str) -> Iterator[str]:
    """Where a JSON object is not what its class says: invented, missing and mistyped fields."""
    if not isinstance(value, dict):
        yield f"{path}: {value!r} is not an object"
        return
    fields = declared_fields(scope[-1])
    for name in value.keys() - fields.keys():
        yield f"{path}.{name} is not a field of Stripe's"
    for name, annotation in fields.items():
        if name in value:
            yield from faults_of(value[name], annotation, scope, f"{path}.{name}")
        elif not ast.unparse(annotation).startswith(("Optional[", "ClassVar[")):
            yield f"{path}.{name} is missing"


@pytest_asyncio.fixture(scope="session")
async def every_kind(shared_emulator: Emulator, shared_api: stripe.V1Services) -> dict[str, list[dict]]:
    """Objects of every kind, in every state that they can be in, as plain JSON."""
    emulator, api = shared_emulator, shared_api
    ada = await api.customers.create_async({"name": "Ada", "address": {"city": "Bern"}, "shipping": {"name": "Ada"}})
    base = {"amount": 2000, "currency": "eur", "confirm": True, "customer": ada.id, "metadata": {"a": "1"}}
    base |= {"shipping": {"name": "Ada", "address": {"city": "Bern"}}, "return_url": "https://shop.test"}
    token = await api.test_helpers.confirmation_tokens.create_async(
        {"payment_method": "pm_card_visa", "shipping": base["shipping"], "return_url": "https://shop.test"}
    )
    given = [
        {"payment_method": "pm_card_visa", "setup_future_usage": "off_session"},
        {"payment_method": "pm_card_visa", "capture_method": "manual"},
        {"payment_method": "pm_card_visa", "capture_method": "manual", "description": "to be canceled"},
        {"payment_method": "pm_card_authenticationRequired"},
        {"payment_method": "pm_card_authenticationRequired", "use_stripe_sdk": True},
        {"payment_method": "pm_card_authenticationRequired", "description": "to be authenticated"},
        {"payment_method": "pm_card_authenticationRequired", "description": "not to be authenticated"},
        {"payment_method": "pm_card_visa_chargeDeclinedInsufficientFunds"},
        {"payment_method": "pm_card_radarBlock"},
        {"confirmation_token": token.id},
        {"payment_method": "pm_card_pendingRefund"},
        {"payment_method": "pm_card_refundFail"},
        {"payment_method": "pm_card_createDispute"},
        {"payment_method": "pm_card_createDisputeProductNotReceived"},
        {"payment_method": "pm_card_createDisputeInquiry"},
    ]
    intents = []
    for params in given:
        with suppress(stripe.CardError):
            intents.append(await api.payment_intents.create_async({**base, **params}))
    await api.refunds.create_async({"payment_intent": intents[0].id, "amount": 500, "reason": "duplicate"})
    await api.payment_intents.cancel_async(intents[2].id, {"cancellation_reason": "abandoned"})
    await emulator.raw("POST", f"/_emulator/3ds/{intents[5].id}?outcome=succeed")
    await emulator.raw("POST", f"/_emulator/3ds/{intents[6].id}?outcome=fail")
    await every_refund_and_dispute(emulator, api, intents[-5:])
    await emulator.fault(mode="processing", match="POST /v1/payment_intents")
    await api.payment_intents.create_async({**base, "payment_method": "pm_card_visa"})
    await api.payment_intents.create_async({"amount": 50, "currency": "usd", "allowed_payment_method_types": ["card"]})
    await api.payment_intents.create_async({"amount": 50, "currency": "usd", "payment_method": "pm_card_visa"})
    await api.webhook_endpoints.create_async({"url": "http://127.0.0.1:9/never", "enabled_events": ["review.opened"]})
    lists = {
        "payment_intent": "payment_intents?limit=100",
        "charge": "charges?limit=100",
        "refund": "refunds?limit=100",
        "dispute": "disputes?limit=100",
        "payment_method": f"payment_methods?limit=100&customer={ada.id}",
        "customer": "customers?limit=100",
        "event": "events?limit=100",
        "webhook_endpoint": "webhook_endpoints?limit=100",
    }
    rows = {kind: (await emulator.read(path))["data"] for kind, path in lists.items()}
    return rows | {"confirmation_token": [await emulator.read(f"confirmation_tokens/{token.id}")]}


async def every_refund_and_dispute(
    emulator: Emulator, api: stripe.V1Services, paid: list[stripe.PaymentIntent]
) -> None:
    """Refunds that wait and fail, and disputes that are won, lost and closed."""
    pending, failing, won, lost, inquiry = paid
    await api.refunds.create_async({"payment_intent": pending.id})
    refund = await api.refunds.create_async({"payment_intent": failing.id})
    await emulator.control("POST", f"refunds/{refund.id}/settle", {"outcome": "fail"})
    for intent, outcome in ((inquiry, "lost"), (lost, "lost"), (won, "won")):
        dispute = (await api.disputes.list_async({"payment_intent": intent.id})).data[0]
        await api.disputes.update_async(dispute.id, {"metadata": {"seen": "yes"}})
        await emulator.control("POST", f"disputes/{dispute.id}/close", {"outcome": outcome})
    await api.payment_intents.create_async(
        {"amount": 50, "currency": "usd", "confirm": True, "payment_method": "pm_card_createDispute"}
        | {"return_url": "https://shop.test"}
    )


@pytest.mark.parametrize("kind", CLASSES)
def test_answers_are_what_stripe_python_declares(every_kind: dict[str, list[dict]], kind: str) -> None:
    faults = [
        fault
        for row in every_kind[kind]
        for fault in object_faults(row, (declaration(CLASSES[kind]),), f"{kind}({row['id']})")
    ]

    assert every_kind[kind]
    assert faults == []


def test_every_state_was_looked_at(every_kind: dict[str, list[dict]]) -> None:
    intents = every_kind["payment_intent"]
    states = {row["status"] for row in intents}
    actions = {row["next_action"]["type"] for row in intents if row["next_action"]}
    errors = {row["last_payment_error"]["type"] for row in intents if row["last_payment_error"]}
    events = {row["type"] for row in every_kind["event"]}

    assert states == {
        *("requires_payment_method", "requires_confirmation", "requires_action", "processing", "requires_capture"),
        *("succeeded", "canceled"),
    }
    assert {row["status"] for row in every_kind["charge"]} == {"pending", "succeeded", "failed"}
    assert actions == {"redirect_to_url", "use_stripe_sdk"}
    assert errors == {"card_error", "invalid_request_error"}
    assert events >= {"payment_intent.succeeded", "charge.failed", "refund.created", "charge.pending"}
    assert events >= {f"charge.dispute.{name}" for name in ("created", "updated", "closed", "funds_withdrawn")}
    assert events >= {"charge.dispute.funds_reinstated", "charge.refunded", "refund.updated", "refund.failed"}
    assert {row["status"] for row in every_kind["refund"]} == {"pending", "succeeded", "failed"}
    assert {row["status"] for row in every_kind["dispute"]} == {"needs_response", "won", "lost", "warning_closed"}


@pytest.mark.parametrize("kind", CLASSES)
def test_the_fields_that_are_left_out_are_the_listed_ones(every_kind: dict[str, list[dict]], kind: str) -> None:
    declared = declared_fields(declaration(CLASSES[kind])).keys()

    left_out = {frozenset(declared - row.keys()) for row in every_kind[kind]}

    assert left_out == {limits.NOT_EMULATED_FIELDS[kind]}


def test_every_kind_of_object_in_an_event_is_as_declared(every_kind: dict[str, list[dict]]) -> None:
    objects = [row["data"]["object"] for row in every_kind["event"]]
    faults = [
        fault for item in objects for fault in object_faults(item, (declaration(CLASSES[item["object"]]),), item["id"])
    ]

    assert {item["object"] for item in objects} >= {"payment_intent", "charge", "refund", "dispute", "customer"}
    assert faults == []


async def test_a_declines_error_is_as_declared(pay: Pay) -> None:
    with pytest.raises(stripe.CardError) as refusal:
        await pay("pm_card_chargeDeclined")

    error = refusal.value.json_body["error"]
    assert error.keys() - declared_fields(declaration("ErrorObject")).keys() == set()
    assert list(object_faults(error["payment_intent"], (declaration("PaymentIntent"),), "payment_intent")) == []
    assert list(object_faults(error["payment_method"], (declaration("PaymentMethod"),), "payment_method")) == []


def test_the_checker_finds_what_is_wrong() -> None:
    scope = (declaration("Refund"),)
    good = {"id": "re_1", "object": "refund", "amount": 1, "created": 1, "currency": "eur"}

    assert list(object_faults(good, scope, "r")) == []
    for change in (
        {"amount": "1"},
        {"amount": True},
        {"object": "charge"},
        {"reason": "mood"},
        {"invented": 1},
        {"metadata": {"a": 1}},
        {"destination_details": {"card": {"type": "refund"}}},
        {"charge": 5},
    ):
        assert len(list(object_faults({**good, **change}, scope, "r"))) == 1, change
    assert list(object_faults({"id": "re_1"}, scope, "r")) != []


@pytest.mark.parametrize(
    ("params_class", "accepted"),
    [
        ("PaymentIntentCreateParams", payment_intents.CREATE_PARAMETERS),
        ("PaymentIntentConfirmParams", confirmation.CONFIRM_PARAMETERS),
        ("PaymentIntentUpdateParams", payment_intents.UPDATE_PARAMETERS),
        ("PaymentIntentCaptureParams", payment_intents.CAPTURE_PARAMETERS),
        ("PaymentIntentCancelParams", ("cancellation_reason",)),
        ("RefundCreateParams", refunds.CREATE_PARAMETERS),
        ("CustomerCreateParams", customers.CREATE_PARAMETERS),
    ],
)
def test_every_parameter_of_stripes_is_accepted_ignored_or_refused_on_purpose(
    params_class: str, accepted: tuple[str, ...]
) -> None:
    declared = (
        getattr(stripe_params, params_class).__annotations__.keys() - stripe.RequestOptions.__annotations__.keys()
    )
    declared = declared - {"expand"}

    assert set(accepted) - declared == set()
    assert declared - set(accepted) - limits.IGNORED_PARAMETERS - limits.UNSUPPORTED_PARAMETERS == set()
    assert set(accepted) & limits.IGNORED_PARAMETERS == set()


def test_the_version_is_stripe_pythons() -> None:
    assert stripe.api_version == limits.API_VERSION
