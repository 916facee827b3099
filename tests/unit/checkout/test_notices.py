from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest

from app.checkout.notices import Notices
from app.core.ids import decode
from app.mail.contents import OrderCanceled, PaymentActionRequired, PaymentFailed, Refunded, content_of
from app.mail.storefront import Storefront
from app.orders.access_token import OrderAccessTokens
from app.orders.domain import Order
from app.payments.domain import AttemptState, PaymentAttempt
from tests.unit.fakes import FixedClock, MemoryShop, line, outcome, request, usd

TOTAL = 2 * 1_800 + 490
TOKENS = OrderAccessTokens(b"signs access tokens in these tests", FixedClock())
NOTICES = Notices(Storefront("https://shop.example"), TOKENS, "de")
HOUR = timedelta(hours=1)
NO_ONE_IS_TOLD = None


@pytest.fixture
async def placed() -> tuple[Order, PaymentAttempt]:
    """An order whose payment began at noon, and that attempt."""
    shop = MemoryShop()
    shop.stock(7, on_hand=10)
    cart = shop.put_cart(line(1, 7, 2))
    shop.gateway.answers.append(outcome(AttemptState.PROCESSING, usd(TOTAL)))
    attempt = await shop.place_order(request(cart, TOTAL))
    return shop.books.orders[attempt.order_id], attempt


QUEUED = {"queued_at": True}
LATE = {"late": True}
UNWANTED = {"unwanted": True}


@pytest.mark.parametrize(
    ("state", "history", "template"),
    [
        (AttemptState.PENDING, {}, NO_ONE_IS_TOLD),
        (AttemptState.QUEUED, QUEUED, "payment_delayed"),
        (AttemptState.ACTION_REQUIRED, {}, NO_ONE_IS_TOLD),
        (AttemptState.ACTION_REQUIRED, QUEUED, "payment_action_required"),
        (AttemptState.PROCESSING, {}, NO_ONE_IS_TOLD),
        (AttemptState.PROCESSING, QUEUED, NO_ONE_IS_TOLD),
        (AttemptState.SUCCEEDED, {}, "order_confirmed"),
        (AttemptState.SUCCEEDED, LATE, "order_confirmed"),
        (AttemptState.SUCCEEDED, QUEUED, "payment_succeeded"),
        (AttemptState.FAILED, {}, NO_ONE_IS_TOLD),
        (AttemptState.FAILED, LATE, "payment_failed"),
        (AttemptState.FAILED, QUEUED, "payment_failed"),
        (AttemptState.CANCELED, {}, NO_ONE_IS_TOLD),
        (AttemptState.CANCELED, LATE, "payment_failed"),
        (AttemptState.CANCELED, QUEUED, "payment_failed"),
        (AttemptState.CANCELED, QUEUED | UNWANTED, "order_canceled"),
        (AttemptState.FAILED, UNWANTED, "order_canceled"),
        (AttemptState.SUCCEEDED, QUEUED | UNWANTED, "order_canceled"),
        (AttemptState.ACTION_REQUIRED, QUEUED | UNWANTED, NO_ONE_IS_TOLD),
    ],
)
async def test_buyers_are_told_what_they_cannot_have_seen(
    placed: tuple[Order, PaymentAttempt], state: AttemptState, history: dict[str, bool], template: str | None
) -> None:
    order, attempt = placed
    attempt = replace(
        attempt,
        state=state,
        queued_at=attempt.created_at if "queued_at" in history else None,
        updated_at=attempt.created_at + (HOUR if "late" in history else timedelta(seconds=2)),
        cancel_requested_at=attempt.created_at if "unwanted" in history else None,
    )

    message = NOTICES.of_payment(order, attempt)

    if template is NO_ONE_IS_TOLD:
        assert message is None
    else:
        assert message is not None
        assert (message.template, message.key) == (template, f"{template}:{attempt.id}")
        assert (message.recipient, message.language) == (order.email, "de")


async def test_news_of_a_payment_take_the_place_of_what_was_said_before(placed: tuple[Order, PaymentAttempt]) -> None:
    order, attempt = placed
    delayed = f"payment_delayed:{attempt.id}"
    asked = f"payment_action_required:{attempt.id}"

    def superseded(state: AttemptState, *, queued: bool = True) -> tuple[str, ...]:
        now = replace(attempt, state=state, queued_at=attempt.created_at if queued else None)
        message = NOTICES.of_payment(order, now)
        assert message is not None
        return message.supersedes

    assert superseded(AttemptState.QUEUED) == (asked,)
    assert superseded(AttemptState.ACTION_REQUIRED) == (delayed,)
    assert superseded(AttemptState.SUCCEEDED) == superseded(AttemptState.FAILED) == (delayed, asked)
    assert superseded(AttemptState.SUCCEEDED, queued=False) == ()


async def test_an_order_is_shown_as_it_was_placed_and_its_link_opens_it(placed: tuple[Order, PaymentAttempt]) -> None:
    order, attempt = placed
    order = replace(order, lines=(replace(order.lines[0], discount=usd(100), total=usd(3_500)),))

    message = NOTICES.of_payment(order, replace(attempt, state=AttemptState.SUCCEEDED))

    assert message is not None
    shown = content_of(message).order
    assert (shown.number, shown.subtotal, shown.total) == (order.number, order.cost.subtotal, usd(TOTAL))
    assert [(each.quantity, each.total) for each in shown.lines] == [(2, usd(3_600))]  # as the subtotal counts them
    assert (shown.shipping, shown.shipping_name) == (usd(490), order.delivery.name)
    (token,) = parse_qs(urlsplit(shown.link).query)["token"]
    assert shown.link.startswith("https://shop.example/order?")
    assert TOKENS.verify(token) == order.id


async def test_an_order_without_delivery_shows_no_price_of_it(placed: tuple[Order, PaymentAttempt]) -> None:
    order, _ = placed

    content = content_of(NOTICES.of_cancellation(replace(order, delivery=None), refund=None))

    assert content.order.shipping is None


async def test_whoever_must_confirm_is_told_where_and_until_when(placed: tuple[Order, PaymentAttempt]) -> None:
    order, attempt = placed
    attempt = replace(attempt, state=AttemptState.ACTION_REQUIRED, queued_at=attempt.created_at)

    content = content_of(NOTICES.of_payment(order, attempt))

    assert isinstance(content, PaymentActionRequired)
    (public_id,) = parse_qs(urlsplit(content.payment_link).query)["attempt"]
    assert decode(public_id)[1] == attempt.id
    assert content.until == attempt.expires_at


async def test_whoever_gave_up_what_was_paid_all_the_same_is_told_what_is_given_back(
    placed: tuple[Order, PaymentAttempt],
) -> None:
    order, attempt = placed
    unwanted = replace(attempt, cancel_requested_at=attempt.created_at)

    told = {
        state: content_of(NOTICES.of_payment(order, replace(unwanted, state=state)))
        for state in (AttemptState.SUCCEEDED, AttemptState.CANCELED)
    }

    assert {state: content.refund for state, content in told.items()} == {
        AttemptState.SUCCEEDED: usd(TOTAL),
        AttemptState.CANCELED: None,
    }


async def test_a_failed_payment_leads_back_to_the_cart(placed: tuple[Order, PaymentAttempt]) -> None:
    order, attempt = placed

    content = content_of(
        NOTICES.of_payment(order, replace(attempt, state=AttemptState.FAILED, queued_at=attempt.created_at))
    )

    assert isinstance(content, PaymentFailed)
    assert content.cart_link == "https://shop.example/cart"


async def test_each_refund_is_told_once_and_a_cancellation_says_what_comes_back(
    placed: tuple[Order, PaymentAttempt],
) -> None:
    order, _ = placed

    first, second = (NOTICES.of_refund(order, UUID(int=number), usd(500)) for number in (1, 2))
    canceled = NOTICES.of_cancellation(order, refund=usd(TOTAL))

    assert (first.key, second.key) == (f"refunded:{UUID(int=1)}", f"refunded:{UUID(int=2)}")
    assert content_of(first) == Refunded(content_of(first).order, usd(500))
    assert canceled.key == f"order_canceled:{order.id}"
    assert content_of(canceled) == OrderCanceled(content_of(canceled).order, usd(TOTAL))
