from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.cart.domain import Cart, CartState, CheckoutRequirement, Shelf
from app.cart.edit_cart import CreateCart, EditCart, ReadCart
from app.cart.edits import AddLines, CartEdit, NewLine, RemoveLines, SetDetails
from app.core.errors import CartClosed, ClientError, ErrorCode, InvalidInput, NotFound, Rejected, VersionConflict
from app.core.ids import CartId, VariantId
from app.core.money import Currency
from tests.unit.fakes import ADDRESS, NOON, USD, MemoryShop, line, usd

V7, V8 = VariantId(7), VariantId(8)
NOBODY = CartId(UUID(int=404))
ABROAD = replace(ADDRESS, country_code="FR")
RENAME = SetDetails(note="Ring twice.")


@pytest.fixture
def shop() -> MemoryShop:
    shop = MemoryShop()
    shop.stock(7, price=1_800)
    shop.stock(8, price=500, requires_shipping=False)
    return shop


@dataclass(frozen=True)
class Interrupted:
    """An edit that somebody is in the middle of."""

    reached: asyncio.Event
    variant_ids: tuple[VariantId, ...] = ()

    def apply(self, cart: Cart, shelf: Shelf, new_line_id: Callable[[], object]) -> Cart:
        self.reached.set()
        raise asyncio.CancelledError


async def refused(shop: MemoryShop, edit: CartEdit, version: int | None = None, *, of: CartId) -> ClientError:
    """Why the edit is refused. The stored cart is untouched by then."""
    before = shop.books.copied()

    with pytest.raises(ClientError) as refusal:
        await EditCart(shop.desk)(of, edit, expected_version=version)

    assert shop.books == before
    return refusal.value


# ------------------------------------------------------------------------------------------------ editing


async def test_an_edit_raises_the_version_by_one_and_starts_the_lifetime_anew(shop: MemoryShop) -> None:
    before = shop.put_cart(line(1, 7), version=4)
    shop.clock.turn(days=10)

    view = await EditCart(shop.desk)(before.id, RENAME, expected_version=4)

    now = NOON + timedelta(days=10)
    stored = shop.books.carts[before.id]
    assert stored == replace(before, version=5, note="Ring twice.", updated_at=now, expires_at=now + timedelta(days=30))
    assert (view.version, view.note, view.updated_at, view.expires_at) == (5, "Ring twice.", now, stored.expires_at)


async def test_the_answer_is_the_stored_cart_at_todays_prices(shop: MemoryShop) -> None:
    before = shop.put_cart(line(1, 7, 2, price=1_500))

    view = await EditCart(shop.desk)(before.id, AddLines((NewLine(V8, 3),)), expected_version=None)

    assert [(each.variant_id, each.quantity, each.unit_price) for each in view.lines] == [
        (V7, 2, usd(1_800)),
        (V8, 3, usd(500)),
    ]
    assert view.cost.total == usd(2 * 1_800 + 3 * 500 + 490)
    assert view == await ReadCart(shop.desk)(before.id, caller=None)


async def test_new_lines_get_ids_from_the_source_of_ids(shop: MemoryShop) -> None:
    before = shop.put_cart()

    view = await EditCart(shop.desk)(before.id, AddLines((NewLine(V7, 1), NewLine(V8, 1))), expected_version=None)

    assert [each.id for each in view.lines] == [UUID(int=1), UUID(int=2)]


async def test_prices_are_read_once_for_what_is_there_and_what_is_added(shop: MemoryShop) -> None:
    before = shop.put_cart(line(1, 8), line(2, 8, engraving="Ada"))

    await EditCart(shop.desk)(before.id, AddLines((NewLine(V7, 1), NewLine(V8, 1))), expected_version=None)

    assert shop.transactions.offers_asked == [[7, 8]]


async def test_no_prices_are_read_for_a_cart_of_nothing(shop: MemoryShop) -> None:
    before = shop.put_cart()

    await EditCart(shop.desk)(before.id, RENAME, expected_version=None)

    assert shop.transactions.offers_asked == []


async def test_edits_of_one_cart_happen_one_after_the_other(shop: MemoryShop) -> None:
    before = shop.put_cart()
    edit = EditCart(shop.desk)
    one_more = AddLines((NewLine(V7, 1),))

    views = await asyncio.gather(*(edit(before.id, one_more, expected_version=None) for _ in range(10)))

    assert sorted(view.version for view in views) == list(range(2, 12))
    assert shop.books.carts[before.id].lines[0].quantity == 10


async def test_of_two_edits_of_one_version_the_second_is_a_conflict(shop: MemoryShop) -> None:
    before = shop.put_cart(version=4)
    edit = EditCart(shop.desk)

    outcomes = await asyncio.gather(
        *(edit(before.id, RENAME, expected_version=4) for _ in range(2)), return_exceptions=True
    )

    assert [type(outcome).__name__ for outcome in outcomes] == ["PricedCart", "VersionConflict"]
    assert shop.books.carts[before.id].version == 5


async def test_an_edit_that_is_cut_short_leaves_the_cart_as_it_was(shop: MemoryShop) -> None:
    before = shop.put_cart(line(1, 7))
    reached = asyncio.Event()

    with pytest.raises(asyncio.CancelledError):
        await EditCart(shop.desk)(before.id, Interrupted(reached), expected_version=None)

    assert reached.is_set()
    assert shop.books.carts == {before.id: before}
    assert shop.transactions.open_now == 0


# ------------------------------------------------------------------------------------------------ refusals


@pytest.mark.parametrize("expected", [3, 5, 0, -1])
async def test_another_version_is_a_conflict_that_names_both(shop: MemoryShop, expected: int) -> None:
    before = shop.put_cart(version=4)

    fault = await refused(shop, RENAME, expected, of=before.id)

    assert isinstance(fault, VersionConflict)
    assert (fault.expected, fault.current, fault.retryable) == (expected, 4, True)
    assert (fault.code, fault.field) == (ErrorCode.VERSION_CONFLICT, ("expectedVersion",))


async def test_an_unknown_cart_is_not_found(shop: MemoryShop) -> None:
    fault = await refused(shop, RENAME, of=NOBODY)

    assert isinstance(fault, NotFound)
    assert (fault.code, fault.field) == (ErrorCode.NOT_FOUND, ("cartId",))


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (CartState.IN_CHECKOUT, ErrorCode.CART_LOCKED),
        (CartState.COMPLETED, ErrorCode.CART_COMPLETED),
        (CartState.EXPIRED, ErrorCode.CART_EXPIRED),
    ],
)
async def test_a_closed_cart_says_why_whatever_version_is_expected(
    shop: MemoryShop, state: CartState, code: ErrorCode
) -> None:
    before = shop.put_cart(state=state, version=4)

    fault = await refused(shop, RENAME, 3, of=before.id)

    assert isinstance(fault, CartClosed)
    assert (fault.code, fault.field) == (code, ("cartId",))


async def test_a_cart_is_closed_from_the_moment_it_expires(shop: MemoryShop) -> None:
    in_time, late = shop.put_cart(id=CartId(UUID(int=5))), shop.put_cart(id=CartId(UUID(int=6)))
    shop.clock.turn(days=30, microseconds=-1)

    await EditCart(shop.desk)(in_time.id, RENAME, expected_version=None)
    shop.clock.turn(microseconds=1)
    fault = await refused(shop, RENAME, of=late.id)

    assert fault.code is ErrorCode.CART_EXPIRED
    assert shop.books.carts[in_time.id].expires_at == NOON + timedelta(days=60, microseconds=-1)


async def test_nothing_of_an_edit_is_stored_when_one_of_its_lines_is_refused(shop: MemoryShop) -> None:
    before = shop.put_cart(line(1, 7))

    fault = await refused(shop, AddLines((NewLine(V8, 1), NewLine(V7, 10))), of=before.id)

    assert isinstance(fault, Rejected)
    assert [each.code for each in fault.faults] == [ErrorCode.INSUFFICIENT_STOCK]


async def test_an_address_that_the_shop_does_not_deliver_to_is_refused(shop: MemoryShop) -> None:
    before = shop.put_cart(line(1, 7))

    fault = await refused(shop, SetDetails(shipping_address=ABROAD), of=before.id)

    assert isinstance(fault, InvalidInput)
    assert fault.message == "The shop does not deliver to FR."
    assert (fault.code, fault.field) == (ErrorCode.ADDRESS_INVALID, ("shippingAddress", "countryCode"))


async def test_what_is_not_shipped_may_go_anywhere(shop: MemoryShop) -> None:
    before = shop.put_cart(line(1, 8), delivery_option_id=None)

    view = await EditCart(shop.desk)(before.id, SetDetails(shipping_address=ABROAD), expected_version=None)

    assert (view.shipping_address, view.readiness.ready) == (ABROAD, True)


async def test_a_billing_address_may_be_anywhere(shop: MemoryShop) -> None:
    before = shop.put_cart(line(1, 7))

    view = await EditCart(shop.desk)(before.id, SetDetails(billing_address=ABROAD), expected_version=None)

    assert (view.billing_address, view.readiness.ready) == (ABROAD, True)


@pytest.mark.parametrize("chosen", [0, 2, -1])
async def test_a_delivery_that_is_not_offered_is_refused(shop: MemoryShop, chosen: int) -> None:
    before = shop.put_cart(line(1, 7))

    fault = await refused(shop, SetDetails(delivery_option_id=chosen), of=before.id)

    assert (fault.code, fault.field) == (ErrorCode.DELIVERY_OPTION_UNAVAILABLE, ("deliveryOptionId",))


async def test_a_cart_whose_delivery_is_gone_can_still_be_edited(shop: MemoryShop) -> None:
    before = shop.put_cart(line(1, 7), line(2, 8), shipping_address=ABROAD, delivery_option_id=9)

    view = await EditCart(shop.desk)(before.id, RemoveLines((before.lines[1].id,)), expected_version=None)

    assert view.version == 2
    assert view.readiness.missing == (CheckoutRequirement.DELIVERY_OPTION, CheckoutRequirement.PROBLEMS_RESOLVED)


# ------------------------------------------------------------------------------------------------ creating, reading


async def test_a_new_cart_holds_what_the_shopper_brings_along(shop: MemoryShop) -> None:
    edits = [AddLines((NewLine(V7, 2),)), SetDetails(email="ada@example.com", shipping_address=ADDRESS)]

    view = await CreateCart(shop.desk, [USD])(edits, currency=USD)

    assert (view.version, view.state, view.currency) == (1, CartState.ACTIVE, USD)
    assert (view.created_at, view.expires_at) == (NOON, NOON + timedelta(days=30))
    assert (view.total_quantity, view.email, view.shipping_address) == (2, "ada@example.com", ADDRESS)
    assert view == await ReadCart(shop.desk)(view.id, caller=None)


async def test_a_new_cart_may_be_empty_and_in_the_shops_currency_by_name(shop: MemoryShop) -> None:
    view = await CreateCart(shop.desk, [USD])([], currency=USD)

    assert (view.lines, view.cost.total) == ((), usd(0))
    assert list(shop.books.carts) == [view.id]


@pytest.mark.parametrize(
    ("edits", "currency", "code"),
    [
        ([], Currency("EUR"), ErrorCode.CURRENCY_MISMATCH),
        ([AddLines((NewLine(V7, 11),))], None, ErrorCode.INSUFFICIENT_STOCK),
        ([AddLines((NewLine(V7, 1),)), SetDetails(email="ada")], None, ErrorCode.EMAIL_INVALID),
        ([AddLines((NewLine(V7, 1),)), SetDetails(shipping_address=ABROAD)], None, ErrorCode.ADDRESS_INVALID),
        (
            [AddLines((NewLine(V7, 1),)), SetDetails(delivery_option_id=2)],
            None,
            ErrorCode.DELIVERY_OPTION_UNAVAILABLE,
        ),
    ],
)
async def test_there_is_no_new_cart_when_anything_is_refused(
    shop: MemoryShop, edits: list[CartEdit], currency: Currency | None, code: ErrorCode
) -> None:
    with pytest.raises(ClientError) as refusal:
        await CreateCart(shop.desk, [USD])(edits, currency=currency or USD)

    assert refusal.value.code is code
    assert shop.books.carts == {}


async def test_reading_changes_nothing_and_an_unknown_cart_is_none(shop: MemoryShop) -> None:
    stored = shop.put_cart(line(1, 7))
    before = shop.books.copied()

    view = await ReadCart(shop.desk)(stored.id, caller=None)

    assert view is not None
    assert (view.id, view.version) == (stored.id, 1)
    assert await ReadCart(shop.desk)(NOBODY, caller=None) is None
    assert shop.books == before


# ------------------------------------------------------------------------------------------------ any edits at all

edits = st.one_of(
    st.lists(
        st.builds(NewLine, st.sampled_from([V7, V8, VariantId(404)]), st.sampled_from([1, 2, 999, 0])), min_size=1
    ).map(lambda lines: AddLines(tuple(lines[:3]))),
    st.builds(SetDetails, email=st.sampled_from([None, "ada@example.com", "ada"]), note=st.sampled_from([None, "x"])),
    st.sampled_from([SetDetails(shipping_address=ABROAD), SetDetails(shipping_address=ADDRESS)]),
    st.sampled_from([SetDetails(delivery_option_id=1), SetDetails(delivery_option_id=2)]),
)


@settings(deadline=None, max_examples=60)
@given(st.lists(edits, max_size=8))
async def test_the_version_counts_the_edits_that_were_made(wanted: list[CartEdit]) -> None:
    shop = MemoryShop()
    shop.stock(7, price=1_800)
    shop.stock(8, price=500, requires_shipping=False)
    stored = shop.put_cart(delivery_option_id=None)
    made = 0

    for edit in wanted:
        before = shop.books.copied()
        try:
            view = await EditCart(shop.desk)(stored.id, edit, expected_version=1 + made)
        except ClientError:
            assert shop.books == before
        else:
            made += 1
            assert view == await ReadCart(shop.desk)(stored.id, caller=None)

    assert shop.books.carts[stored.id].version == 1 + made
