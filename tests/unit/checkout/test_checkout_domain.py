from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from app.cart.domain import Cart, CartLine, PricedCart, Shelf
from app.cart.pricing import price_cart
from app.cart.quote import Terms
from app.checkout.domain import CheckoutRequest, check_payable, next_check, order_of
from app.core.errors import ClientError, ErrorCode, InvalidInput, OutOfStock, PriceChange, PriceChanged, Rejected
from app.core.ids import AttemptId, CartId, OrderId, VariantId
from app.core.money import Currency, Money
from app.core.place import Place
from app.core.stock import StockPolicy
from app.inventory.domain import StockLevel
from app.orders.domain import Delivery, FulfillmentStatus, OrderCost, OrderStatus, PaymentStatus
from app.payments.domain import AttemptState, PaymentAttempt, PaymentMethod
from app.shipping.domain import FlatRate
from app.taxes.domain import NoTaxes
from tests.unit.fakes import ADDRESS, NOON, CountingIds, cart, line, offer, request, usd

READY = {"email": "ada@example.com", "shipping_address": ADDRESS, "delivery_option_id": 1}
ELSEWHERE = replace(ADDRESS, line1="2 Other Road")
SHELF = Shelf(
    {
        VariantId(7): offer(7, price=1_800),
        VariantId(8): offer(8, price=None),
        VariantId(9): offer(9, price=500, requires_shipping=False),
        VariantId(10): offer(10, price=0, requires_shipping=False),
    },
    {VariantId(each): StockLevel(VariantId(each), StockPolicy.DENY, 10, 0) for each in (7, 8, 9, 10)},
)


def priced(of: Cart) -> PricedCart:
    return price_cart(
        of, SHELF, Terms(FlatRate(usd(490), 3, frozenset({"US"})).to(of.place or Place("US")), NoTaxes()), NOON
    )


def refusal_of(of: Cart, total: int, **values: Any) -> ClientError:
    with pytest.raises(ClientError) as refusal:
        check_payable(priced(of), request(of, total, **values))
    return refusal.value


# ------------------------------------------------------------------------------------------------ what can be paid


@pytest.mark.parametrize(
    ("of", "total", "method"),
    [
        (cart(line(1, 7, 2), **READY), 4_090, PaymentMethod(confirmation_token="ctoken_1")),
        (cart(line(1, 7, 2), **READY), 4_090, PaymentMethod(payment_method_id="pm_1")),
        (cart(line(1, 7, 10), **READY), 18_490, PaymentMethod(payment_method_id="pm_1")),
        (cart(line(1, 7, 1, price=9_900), **READY), 2_290, PaymentMethod(payment_method_id="pm_1")),  # cheaper now
        (cart(line(1, 9), email="ada@example.com"), 500, PaymentMethod(payment_method_id="pm_1")),
        (cart(line(1, 10), email="ada@example.com"), 0, None),
        (cart(line(1, 10), email="ada@example.com"), 0, PaymentMethod(payment_method_id="pm_1")),
    ],
)
def test_a_ready_cart_at_the_accepted_total_can_be_paid(of: Cart, total: int, method: PaymentMethod | None) -> None:
    assert priced(of).readiness.ready
    assert check_payable(priced(of), request(of, total, method=method)) is None


@pytest.mark.parametrize(
    ("of", "faults"),
    [
        (cart(email="ada@example.com"), [("REQUIRED", ("cartId",), "The cart is empty.")]),
        (
            cart(line(1, 9)),
            [("REQUIRED", ("cartId",), "The cart has no e-mail address.")],
        ),
        (
            cart(line(1, 7), **READY | {"shipping_address": None}),
            [("REQUIRED", ("cartId",), "The cart has no shipping address.")],
        ),
        (
            cart(line(1, 7), **READY | {"delivery_option_id": None}),
            [("DELIVERY_OPTION_UNAVAILABLE", ("deliveryOptionId",), "No delivery option is chosen.")],
        ),
        (
            cart(line(1, 7), **READY | {"delivery_option_id": 9}),
            [("DELIVERY_OPTION_UNAVAILABLE", ("deliveryOptionId",), "No delivery option is chosen.")],
        ),
        (cart(line(1, 8), **READY), [("VARIANT_UNAVAILABLE", ("cartId",), "Some lines cannot be bought.")]),
        (
            cart(line(1, 7, 11), **READY),
            [("INSUFFICIENT_STOCK", ("cartId",), "Only 10 of the 11 units asked for are available.")],
        ),
        (
            cart(line(1, 7, 11), line(2, 8)),
            [
                ("REQUIRED", ("cartId",), "The cart has no e-mail address."),
                ("REQUIRED", ("cartId",), "The cart has no shipping address."),
                ("DELIVERY_OPTION_UNAVAILABLE", ("deliveryOptionId",), "No delivery option is chosen."),
                ("INSUFFICIENT_STOCK", ("cartId",), "Only 10 of the 11 units asked for are available."),
                ("VARIANT_UNAVAILABLE", ("cartId",), "Some lines cannot be bought."),
            ],
        ),
    ],
)
def test_everything_that_keeps_a_cart_from_being_paid_is_named_at_once(
    of: Cart, faults: list[tuple[str, tuple[str, ...], str]]
) -> None:
    refusal = refusal_of(of, 1)

    assert isinstance(refusal, Rejected)
    assert [(fault.code.value, fault.field, fault.message) for fault in refusal.faults] == faults


def test_lines_that_are_short_say_how_many_units_each_could_have() -> None:
    lines = [line(1, 7, 6), line(2, 7, 7, engraving="Ada"), line(3, 9, 11)]

    refusal = refusal_of(cart(*lines, **READY), 1)

    assert isinstance(refusal, Rejected)
    short = [fault for fault in refusal.faults if isinstance(fault, OutOfStock)]
    assert [(fault.line_id, fault.variant_id, fault.requested, fault.available) for fault in short] == [
        (lines[1].id, 7, 7, 4),
        (lines[2].id, 9, 11, 10),
    ]


@pytest.mark.parametrize("accepted", [4_089, 4_091, 0, -4_090, 3_600])
def test_another_total_than_the_accepted_one_is_refused_with_every_change(accepted: int) -> None:
    of = cart(line(1, 7, 2, price=1_500), line(2, 9, 1, price=500), **READY)

    refusal = refusal_of(of, accepted)

    assert isinstance(refusal, PriceChanged)
    assert (refusal.expected, refusal.actual) == (usd(accepted), usd(4_590))
    assert refusal.changes == (PriceChange(7, usd(1_500), usd(1_800)),)
    assert (refusal.code, refusal.field, refusal.retryable) == (ErrorCode.PRICE_CHANGED, ("expectedTotal",), True)


def test_the_same_number_in_another_currency_is_refused() -> None:
    refusal = refusal_of(cart(line(1, 7, 2), **READY), 0, expected_total=Money(4_090, Currency("EUR")))

    assert isinstance(refusal, InvalidInput)
    assert (refusal.code, refusal.field) == (ErrorCode.CURRENCY_MISMATCH, ("expectedTotal", "currencyCode"))


def test_an_order_that_costs_something_needs_a_payment_method() -> None:
    refusal = refusal_of(cart(line(1, 7, 2), **READY), 4_090, method=None)

    assert isinstance(refusal, InvalidInput)
    assert (refusal.message, refusal.field) == (
        "The order costs 40.90 USD: give a payment method.",
        ("payment", "free"),
    )


# ------------------------------------------------------------------------------------------------ the order


def test_an_order_is_a_copy_of_the_cart_as_it_was_accepted() -> None:
    lines = [line(1, 7, 2, price=1_500, engraving="Ada", ribbon="red"), line(2, 9, 1)]
    of = cart(*lines, **READY, note="Ring twice.", billing_address=ELSEWHERE)

    order = order_of(priced(of), OrderId(UUID(int=99)), CountingIds().new_uuid, NOON)

    assert (order.id, order.cart_id) == (UUID(int=99), of.id)
    assert (order.status, order.payment_status) == (OrderStatus.PENDING, PaymentStatus.PENDING)
    assert order.fulfillment_status is FulfillmentStatus.UNFULFILLED
    assert (order.email, order.note, order.placed_at) == ("ada@example.com", "Ring twice.", NOON)
    assert (order.shipping_address, order.billing_address) == (ADDRESS, ELSEWHERE)
    assert order.delivery == Delivery(1, "Standard delivery", usd(490), 3)
    assert order.cost == OrderCost(usd(4_100), usd(0), usd(490), usd(0), usd(4_590))
    first, second = order.lines
    assert (first.id, second.id) == (UUID(int=1), UUID(int=2))
    assert (first.product_name, first.variant_name, first.sku) == ("Product 7", "Blue", "SKU-7")
    assert (first.quantity, first.unit_price, first.discount, first.total) == (2, usd(1_800), usd(0), usd(3_600))
    assert first.attributes == (("engraving", "Ada"), ("ribbon", "red"))
    assert [(each.variant_id, each.position) for each in order.lines] == [(7, 0), (9, 1)]


def test_a_bill_goes_where_the_parcel_goes_unless_the_buyer_says_otherwise() -> None:
    order = order_of(priced(cart(line(1, 7), **READY)), OrderId(UUID(int=99)), CountingIds().new_uuid, NOON)

    assert order.billing_address == ADDRESS


def test_an_order_of_downloads_has_no_delivery_and_costs_none() -> None:
    of = cart(line(1, 9), email="ada@example.com")

    order = order_of(priced(of), OrderId(UUID(int=99)), CountingIds().new_uuid, NOON)

    assert (order.delivery, order.shipping_address, order.billing_address) == (None, None, None)
    assert (order.cost.shipping, order.cost.tax, order.cost.total) == (usd(0), usd(0), usd(500))


# ------------------------------------------------------------------------------------------------ the request

PLAIN = CheckoutRequest(
    cart_id=CartId(UUID(int=1)),
    idempotency_key="key-1",
    expected_total=usd(4_090),
    method=PaymentMethod(confirmation_token="ctoken_1"),
    delivery_option_id=1,
    expected_version=2,
)


@pytest.mark.parametrize(
    "values",
    [
        {"cart_id": CartId(UUID(int=2))},
        {"expected_total": usd(4_091)},
        {"expected_total": Money(4_090, Currency("EUR"))},
        {"method": None},
        {"method": PaymentMethod(confirmation_token="ctoken_2")},
        {"method": PaymentMethod(payment_method_id="ctoken_1")},
        {"delivery_option_id": 2},
        {"delivery_option_id": None},
        {"expected_version": 3},
        {"expected_version": None},
    ],
)
def test_the_digest_tells_any_two_requests_apart(values: dict[str, Any]) -> None:
    assert replace(PLAIN, **values).digest != PLAIN.digest


def test_the_digest_is_of_everything_but_the_key() -> None:
    assert replace(PLAIN, idempotency_key="key-2").digest == PLAIN.digest
    assert len(PLAIN.digest) == 32


# ------------------------------------------------------------------------------------------------ when to look again


@pytest.mark.parametrize(
    ("age_seconds", "wait_seconds"),
    [(0, 2), (1, 2), (20, 2), (21, 2.1), (100, 10), (599, 59.9), (36_000, 3_600), (86_400, 3_600)],
)
def test_an_open_payment_is_looked_at_soon_and_then_at_a_tenth_of_its_age(
    attempt: PaymentAttempt, age_seconds: float, wait_seconds: float
) -> None:
    now = NOON + timedelta(seconds=age_seconds)

    assert next_check(attempt, now) == now + timedelta(seconds=wait_seconds)


@pytest.fixture
def attempt() -> PaymentAttempt:
    return PaymentAttempt(
        id=AttemptId(UUID(int=1)),
        order_id=OrderId(UUID(int=2)),
        cart_id=CartId(UUID(int=3)),
        idempotency_key="key-1",
        input_digest=b"",
        state=AttemptState.PENDING,
        amount=usd(1),
        method=PaymentMethod(),
        receipt_email="ada@example.com",
        created_at=NOON,
        updated_at=NOON,
        expires_at=NOON,
        check_at=None,
    )


def test_an_open_payment_is_looked_at_when_its_time_is_up(attempt: PaymentAttempt) -> None:
    now = NOON + timedelta(minutes=29)

    assert next_check(replace(attempt, expires_at=NOON + timedelta(minutes=30)), now) == NOON + timedelta(minutes=30)


def test_lines_of_one_variant_are_lines_of_the_order_of_their_own() -> None:
    lines: list[CartLine] = [line(1, 7, 1), line(2, 7, 2, engraving="Ada")]

    order = order_of(priced(cart(*lines, **READY)), OrderId(UUID(int=99)), CountingIds().new_uuid, NOON)

    assert [(each.variant_id, each.quantity, each.attributes) for each in order.lines] == [
        (7, 1, ()),
        (7, 2, (("engraving", "Ada"),)),
    ]
