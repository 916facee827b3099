from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from app.cart.domain import Cart, CartState
from app.cart.edit_cart import EditCart
from app.cart.edits import AddLines, NewLine
from app.checkout.domain import CheckoutRequest
from app.core.errors import (
    Bug,
    ClientError,
    ErrorCode,
    NotFound,
    OutOfStock,
    PaymentsUnavailable,
    PriceChanged,
    Rejected,
)
from app.core.ids import CartId, PromotionId, VariantId
from app.core.stock import StockPolicy
from app.inventory.domain import ReservationState, StockLevel
from app.orders.domain import OrderStatus, PaymentStatus
from app.payments.domain import AttemptState, PaymentAttempt, PaymentMethod
from app.promotions.domain import CartPromotion, Percent
from tests.unit.fakes import ADDRESS, NOON, Books, MemoryShop, line, outcome, request, usd

V7, V8 = VariantId(7), VariantId(8)
SILENCE = PaymentsUnavailable("no answer")
SUCCEEDED, FAILED, CANCELED = AttemptState.SUCCEEDED, AttemptState.FAILED, AttemptState.CANCELED
QUEUED = AttemptState.QUEUED
PENDING, ACTION_REQUIRED, PROCESSING = AttemptState.PENDING, AttemptState.ACTION_REQUIRED, AttemptState.PROCESSING
TOTAL = 2 * 1_800 + 490


@pytest.fixture
def shop() -> MemoryShop:
    shop = MemoryShop()
    shop.stock(7, on_hand=10, price=1_800)
    shop.stock(8, on_hand=10, price=500, requires_shipping=False)
    return shop


@pytest.fixture
def ready(shop: MemoryShop) -> Cart:
    """A cart of two units that costs TOTAL."""
    return shop.put_cart(line(1, 7, 2))


async def place(shop: MemoryShop, of: Cart, *answers: Any, key: str = "key-1", total: int = TOTAL) -> PaymentAttempt:
    """Place an order whose payment the provider answers like this."""
    shop.gateway.answers += answers
    return await shop.place_order(request(of, total, key=key))


async def refused(shop: MemoryShop, asked: CheckoutRequest) -> ClientError:
    """Why the checkout is refused. Nothing is stored and nobody is charged by then."""
    before, calls = shop.books.copied(), list(shop.gateway.calls)

    with pytest.raises(ClientError) as refusal:
        await shop.place_order(asked)

    assert shop.books == before
    assert shop.gateway.calls == calls
    return refusal.value


def the_order(shop: MemoryShop) -> tuple[OrderStatus, PaymentStatus]:
    (order,) = shop.books.orders.values()
    return order.status, order.payment_status


def events(shop: MemoryShop) -> list[str]:
    return [event.kind for event in shop.books.events]


# ------------------------------------------------------------------------------------------------ outcomes


async def test_a_paid_order_is_confirmed_its_units_sold_and_its_cart_completed(shop: MemoryShop, ready: Cart) -> None:
    paid = outcome(SUCCEEDED, usd(TOTAL), card_brand="visa", card_last4="4242")

    attempt = await place(shop, ready, paid)

    assert (attempt.state, attempt.amount, attempt.check_at) == (SUCCEEDED, usd(TOTAL), None)
    assert (attempt.intent_id, attempt.card_brand, attempt.card_last4) == ("pi_1", "visa", "4242")
    assert the_order(shop) == (OrderStatus.CONFIRMED, PaymentStatus.PAID)
    assert shop.level(V7) == (8, 0)
    assert shop.books.carts[ready.id] == replace(ready, state=CartState.COMPLETED, version=3)
    assert events(shop) == ["placed", "paid"]
    assert shop.gateway.calls == [("charge", attempt.id)]
    assert shop.books.attempts == {attempt.id: attempt}


async def test_a_declined_card_gives_the_units_back_and_opens_the_cart_again(shop: MemoryShop, ready: Cart) -> None:
    declined = outcome(
        FAILED, usd(TOTAL), decline_code="insufficient_funds", failure_message="Your card has insufficient funds."
    )

    attempt = await place(shop, ready, declined)

    assert (attempt.state, attempt.check_at) == (FAILED, None)
    assert attempt.decline_code == "insufficient_funds"
    assert attempt.failure_message == "Your card has insufficient funds."
    assert the_order(shop) == (OrderStatus.CANCELED, PaymentStatus.FAILED)
    assert shop.level(V7) == (10, 0)
    assert shop.books.carts[ready.id] == replace(ready, version=3)
    assert events(shop) == ["placed", "payment_failed"]


async def test_after_a_declined_card_another_one_pays_for_a_second_order(shop: MemoryShop, ready: Cart) -> None:
    await place(shop, ready, outcome(FAILED, usd(TOTAL)))

    attempt = await place(shop, ready, outcome(SUCCEEDED, usd(TOTAL)), key="key-2")

    assert attempt.state is SUCCEEDED
    assert [order.status for order in shop.books.orders.values()] == [OrderStatus.CANCELED, OrderStatus.CONFIRMED]
    assert shop.level(V7) == (8, 0)
    assert shop.books.carts[ready.id].state is CartState.COMPLETED


@pytest.mark.parametrize(
    ("state", "payment_status", "event"),
    [
        (ACTION_REQUIRED, PaymentStatus.ACTION_REQUIRED, "payment_action_required"),
        (PROCESSING, PaymentStatus.PENDING, "payment_processing"),
    ],
)
async def test_a_payment_under_way_keeps_the_units_and_the_cart(
    shop: MemoryShop, ready: Cart, state: AttemptState, payment_status: PaymentStatus, event: str
) -> None:
    attempt = await place(shop, ready, outcome(state, usd(TOTAL), client_secret="pi_1_secret"))

    assert (attempt.state, attempt.intent_id, attempt.client_secret) == (state, "pi_1", "pi_1_secret")
    assert (attempt.check_at, attempt.expires_at) == (NOON + timedelta(seconds=2), NOON + timedelta(minutes=30))
    assert the_order(shop) == (OrderStatus.PENDING, payment_status)
    assert shop.level(V7) == (10, 2)
    assert shop.books.carts[ready.id] == replace(ready, state=CartState.IN_CHECKOUT, version=2)
    assert events(shop) == ["placed", event]


async def test_without_an_answer_the_payment_is_queued_for_the_worker(shop: MemoryShop, ready: Cart) -> None:
    attempt = await place(shop, ready, SILENCE)

    assert (attempt.state, attempt.tries, attempt.sent_at, attempt.queued_at) == (QUEUED, 1, NOON, NOON)
    assert attempt.check_at is not None
    assert NOON + timedelta(seconds=12) <= attempt.check_at <= NOON + timedelta(seconds=18)
    assert the_order(shop) == (OrderStatus.PENDING, PaymentStatus.DELAYED)
    assert shop.level(V7) == (10, 2)
    assert shop.books.carts[ready.id].state is CartState.IN_CHECKOUT
    assert events(shop) == ["placed", "payment_delayed"]


async def test_a_payment_that_the_provider_has_not_confirmed_yet_stays_pending_for_the_worker(
    shop: MemoryShop, ready: Cart
) -> None:
    attempt = await place(shop, ready, outcome(PENDING, usd(TOTAL)))

    assert (attempt.state, attempt.check_at) == (PENDING, NOON + timedelta(seconds=2))
    assert the_order(shop) == (OrderStatus.PENDING, PaymentStatus.PENDING)
    assert events(shop) == ["placed"]


async def test_an_attempt_is_stored_before_the_provider_is_asked(shop: MemoryShop, ready: Cart) -> None:
    with pytest.raises(ZeroDivisionError):
        await place(shop, ready, lambda _: 1 // 0)  # as if the process had died there

    (attempt,) = shop.books.attempts.values()
    assert (attempt.state, attempt.check_at) == (PENDING, NOON + timedelta(seconds=17))
    assert attempt.receipt_email == "ada@example.com"
    assert attempt.method == PaymentMethod(confirmation_token="ctoken_1")
    assert the_order(shop) == (OrderStatus.PENDING, PaymentStatus.PENDING)
    assert shop.level(V7) == (10, 2)


async def test_what_costs_nothing_is_confirmed_without_the_provider(shop: MemoryShop) -> None:
    shop.stock(9, on_hand=3, price=0, requires_shipping=False)
    free = shop.put_cart(line(1, 9, 2), delivery_option_id=None)

    attempt = await shop.place_order(request(free, 0, method=None))

    assert (attempt.state, attempt.amount, attempt.intent_id) == (SUCCEEDED, usd(0), None)
    assert the_order(shop) == (OrderStatus.CONFIRMED, PaymentStatus.PAID)
    assert shop.level(VariantId(9)) == (1, 0)
    assert shop.gateway.calls == []


async def test_units_are_held_over_all_lines_of_a_variant(shop: MemoryShop) -> None:
    several = shop.put_cart(line(1, 7, 2), line(2, 7, 3, engraving="Ada"), line(3, 8, 1))

    attempt = await place(shop, several, SILENCE, total=5 * 1_800 + 500 + 490)

    assert shop.books.reservations == {
        (attempt.order_id, V7): (5, ReservationState.HELD),
        (attempt.order_id, V8): (1, ReservationState.HELD),
    }
    assert (shop.level(V7), shop.level(V8)) == ((10, 5), (10, 1))


async def test_the_delivery_that_is_chosen_on_the_way_is_paid_and_kept(shop: MemoryShop) -> None:
    undecided = shop.put_cart(line(1, 7, 2), delivery_option_id=None)
    shop.gateway.answers.append(outcome(FAILED, usd(TOTAL)))

    attempt = await shop.place_order(request(undecided, TOTAL, delivery_option_id=1))

    assert attempt.amount == usd(TOTAL)
    assert shop.books.carts[undecided.id].delivery_option_id == 1


async def test_an_order_keeps_its_price_whatever_becomes_of_the_catalogue(shop: MemoryShop, ready: Cart) -> None:
    attempt = await place(shop, ready, SILENCE)
    shop.stock(7, price=9_900)
    shop.clock.turn(minutes=1)

    shop.gateway.answers += [None, outcome(SUCCEEDED, usd(TOTAL))]
    await shop.check_payments()
    again = await shop.place_order(request(ready, TOTAL))

    assert (again.id, again.amount, again.state) == (attempt.id, usd(TOTAL), SUCCEEDED)


# ------------------------------------------------------------------------------------------------ the same key


@pytest.mark.parametrize("state", [SUCCEEDED, FAILED, CANCELED, ACTION_REQUIRED, PROCESSING])
async def test_the_same_request_again_is_the_same_attempt_and_charges_nothing(
    shop: MemoryShop, ready: Cart, state: AttemptState
) -> None:
    first = await place(shop, ready, outcome(state, usd(TOTAL)))
    stored = shop.books.copied()
    shop.clock.turn(days=3)

    again = await shop.place_order(request(ready, TOTAL))

    assert again == first
    assert shop.books == stored
    assert shop.gateway.calls == [("charge", first.id)]


async def test_the_same_request_after_silence_leaves_the_provider_to_the_worker(shop: MemoryShop, ready: Cart) -> None:
    first = await place(shop, ready, SILENCE)

    again = await shop.place_order(request(ready, TOTAL))

    assert again == first
    assert shop.gateway.calls == [("charge", first.id)]
    assert len(shop.books.orders) == 1
    assert shop.level(V7) == (10, 2)


async def test_the_same_request_after_a_crash_waits_some_seconds_and_tells_that_the_payment_is_pending(
    shop: MemoryShop, ready: Cart
) -> None:
    with pytest.raises(ZeroDivisionError):
        await place(shop, ready, lambda _: 1 // 0)  # as if the process had died there

    again = await shop.place_order(request(ready, TOTAL))

    assert again.state is PENDING
    assert NOON + timedelta(seconds=12) <= shop.clock.now() < NOON + timedelta(seconds=13)
    assert len(shop.gateway.calls) == 1


async def test_the_same_request_at_the_same_time_is_one_order_and_one_payment(shop: MemoryShop, ready: Cart) -> None:
    shop.gateway.answers.append(outcome(SUCCEEDED, usd(TOTAL)))

    attempts = await asyncio.gather(*(shop.place_order(request(ready, TOTAL)) for _ in range(5)))

    assert {(attempt.id, attempt.state) for attempt in attempts} == {(attempts[0].id, SUCCEEDED)}
    assert shop.gateway.calls == [("charge", attempts[0].id)]
    assert len(shop.books.orders) == len(shop.books.attempts) == 1
    assert shop.level(V7) == (8, 0)
    assert events(shop) == ["placed", "paid"]


@pytest.mark.parametrize(
    "values",
    [
        {"expected_total": usd(1)},
        {"method": PaymentMethod(confirmation_token="ctoken_2")},
        {"method": None},
        {"delivery_option_id": 1},
        {"expected_version": 1},
    ],
)
@pytest.mark.parametrize("answer", [SILENCE, outcome(FAILED, usd(TOTAL)), outcome(SUCCEEDED, usd(TOTAL))])
async def test_the_same_key_with_another_request_is_refused(
    shop: MemoryShop, ready: Cart, answer: Any, values: dict[str, Any]
) -> None:
    await place(shop, ready, answer)

    fault = await refused(shop, request(ready, **({"total": TOTAL} | values)))

    assert (fault.code, fault.field) == (ErrorCode.IDEMPOTENCY_KEY_REUSED, ("idempotencyKey",))


async def test_a_key_belongs_to_its_cart(shop: MemoryShop, ready: Cart) -> None:
    other = shop.put_cart(line(1, 7, 2), id=CartId(UUID(int=5)))

    first = await place(shop, ready, outcome(SUCCEEDED, usd(TOTAL)))
    second = await place(shop, other, outcome(SUCCEEDED, usd(TOTAL)))

    assert first.id != second.id
    assert shop.level(V7) == (6, 0)


@pytest.mark.parametrize("length", [1, 255])
async def test_a_key_has_1_to_255_characters(shop: MemoryShop, ready: Cart, length: int) -> None:
    attempt = await place(shop, ready, outcome(SUCCEEDED, usd(TOTAL)), key="k" * length)

    assert attempt.idempotency_key == "k" * length


@pytest.mark.parametrize("length", [0, 256])
async def test_a_key_of_another_length_is_refused(shop: MemoryShop, ready: Cart, length: int) -> None:
    fault = await refused(shop, request(ready, TOTAL, key="k" * length))

    assert (fault.code, fault.field) == (ErrorCode.INVALID, ("idempotencyKey",))


# ------------------------------------------------------------------------------------------------ refusals


async def test_an_unknown_cart_is_not_found(shop: MemoryShop, ready: Cart) -> None:
    fault = await refused(shop, request(replace(ready, id=CartId(UUID(int=404))), TOTAL))

    assert isinstance(fault, NotFound)
    assert fault.field == ("cartId",)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (SILENCE, ErrorCode.CART_LOCKED),
        (outcome(ACTION_REQUIRED, usd(TOTAL)), ErrorCode.CART_LOCKED),
        (outcome(PROCESSING, usd(TOTAL)), ErrorCode.CART_LOCKED),
        (outcome(SUCCEEDED, usd(TOTAL)), ErrorCode.CART_COMPLETED),
    ],
)
async def test_another_key_cannot_pay_for_a_cart_that_is_being_paid_or_has_been(
    shop: MemoryShop, ready: Cart, answer: Any, code: ErrorCode
) -> None:
    await place(shop, ready, answer)

    fault = await refused(shop, request(ready, TOTAL, key="key-2"))

    assert fault.code is code


async def test_of_two_keys_at_the_same_time_one_pays(shop: MemoryShop, ready: Cart) -> None:
    shop.gateway.answers.append(outcome(SUCCEEDED, usd(TOTAL)))

    outcomes = await asyncio.gather(
        *(shop.place_order(request(ready, TOTAL, key=key)) for key in ("key-1", "key-2")), return_exceptions=True
    )

    assert sorted(type(each).__name__ for each in outcomes) == ["CartClosed", "PaymentAttempt"]
    assert len(shop.gateway.calls) == 1


async def test_the_last_units_go_to_one_of_two_carts(shop: MemoryShop) -> None:
    shop.stock(7, on_hand=3)
    carts = [shop.put_cart(line(1, 7, 2), id=CartId(UUID(int=number))) for number in (5, 6)]
    shop.gateway.answers.append(outcome(SUCCEEDED, usd(TOTAL)))

    outcomes = await asyncio.gather(*(shop.place_order(request(each, TOTAL)) for each in carts), return_exceptions=True)

    assert sorted(type(each).__name__ for each in outcomes) == ["PaymentAttempt", "Rejected"]
    assert shop.level(V7) == (1, 0)


async def test_an_expired_cart_is_refused(shop: MemoryShop, ready: Cart) -> None:
    shop.clock.turn(days=30)

    fault = await refused(shop, request(ready, TOTAL))

    assert fault.code is ErrorCode.CART_EXPIRED


async def test_another_version_than_the_expected_one_is_refused(shop: MemoryShop, ready: Cart) -> None:
    await EditCart(shop.desk)(ready.id, AddLines((NewLine(V8, 1),)), expected_version=1)

    fault = await refused(shop, request(ready, TOTAL + 500, expected_version=1))

    assert fault.code is ErrorCode.VERSION_CONFLICT


async def test_another_total_than_the_accepted_one_is_refused(shop: MemoryShop, ready: Cart) -> None:
    shop.stock(7, price=1_900)

    fault = await refused(shop, request(ready, TOTAL))

    assert isinstance(fault, PriceChanged)
    assert (fault.expected, fault.actual) == (usd(TOTAL), usd(TOTAL + 200))


async def test_a_cart_that_lacks_something_is_refused(shop: MemoryShop) -> None:
    bare = shop.put_cart(line(1, 7, 2), email=None, shipping_address=None, delivery_option_id=None)

    fault = await refused(shop, request(bare, 3_600))

    assert isinstance(fault, Rejected)
    assert [each.code for each in fault.faults] == [
        ErrorCode.REQUIRED,
        ErrorCode.REQUIRED,
        ErrorCode.DELIVERY_OPTION_UNAVAILABLE,
    ]


async def test_a_delivery_that_is_not_offered_is_refused(shop: MemoryShop, ready: Cart) -> None:
    fault = await refused(shop, request(ready, TOTAL, delivery_option_id=2))

    assert (fault.code, fault.field) == (ErrorCode.DELIVERY_OPTION_UNAVAILABLE, ("deliveryOptionId",))


async def test_an_address_that_is_not_delivered_to_is_refused(shop: MemoryShop) -> None:
    abroad = shop.put_cart(line(1, 7, 2), shipping_address=replace(ADDRESS, country_code="FR"))

    fault = await refused(shop, request(abroad, 3_600))

    assert fault.code is ErrorCode.DELIVERY_OPTION_UNAVAILABLE


async def test_more_units_than_there_are_are_refused(shop: MemoryShop) -> None:
    greedy = shop.put_cart(line(1, 7, 11))

    fault = await refused(shop, request(greedy, 11 * 1_800 + 490))

    assert isinstance(fault, Rejected)
    assert [type(each) for each in fault.faults] == [OutOfStock]


async def test_units_that_a_rival_takes_in_between_are_not_promised_twice(shop: MemoryShop) -> None:
    basket = shop.put_cart(line(1, 8, 1), line(2, 7, 2))

    def rival(books: Books) -> None:
        books.levels[V7] = StockLevel(V7, StockPolicy.DENY, 10, 9)

    shop.transactions.before_hold = rival

    fault = await refused(shop, request(basket, TOTAL + 500))

    assert isinstance(fault, Rejected)
    (short,) = fault.faults
    assert isinstance(short, OutOfStock)
    assert (short.variant_id, short.requested, short.available) == (7, 2, 1)
    assert shop.books.carts[basket.id] == basket


async def test_the_provider_charging_another_amount_breaks_loudly_and_confirms_nothing(
    shop: MemoryShop, ready: Cart
) -> None:
    with pytest.raises(Bug, match=r"for 40\.90 USD, the provider says 40\.89 USD"):
        await place(shop, ready, outcome(SUCCEEDED, usd(TOTAL - 1)))

    assert the_order(shop) == (OrderStatus.PENDING, PaymentStatus.PENDING)
    assert shop.level(V7) == (10, 2)


async def test_a_promotion_is_used_by_the_order_and_given_back_when_the_payment_fails(shop: MemoryShop) -> None:
    ten = CartPromotion(PromotionId(1), "Ten", Percent(100_000), code="TEN", usage_limit=1)
    shop.books.promotions[ten.id] = ten
    cart = shop.put_cart(line(1, 7, 2), discount_codes=("TEN",))

    attempt = await place(shop, cart, SILENCE, total=TOTAL - 360)
    while_open = shop.books.promotions[ten.id].used
    await shop.settle(attempt.id, outcome(FAILED, attempt.amount))

    assert while_open == 1
    assert (shop.books.promotions[ten.id].used, shop.books.uses) == (0, [])


async def test_a_code_that_no_longer_applies_is_named_beside_the_new_total(shop: MemoryShop) -> None:
    ten = CartPromotion(PromotionId(1), "Ten", Percent(100_000), code="TEN", usage_limit=1, used=1)
    shop.books.promotions[ten.id] = ten
    cart = shop.put_cart(line(1, 7, 2), discount_codes=("TEN",))

    error = await refused(shop, request(cart, TOTAL - 360))

    assert isinstance(error, Rejected)
    assert [fault.code for fault in error.faults] == [ErrorCode.DISCOUNT_NOT_APPLICABLE, ErrorCode.PRICE_CHANGED]
