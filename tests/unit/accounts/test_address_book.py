"""Address books: whatever is done to one, it has exactly one default of each kind while it has any address at all."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.accounts.address_book import MAX_SAVED, AddressChange, Book, with_change, with_new, without
from app.core.contact import Address
from app.core.errors import InvalidInput, NotFound
from app.core.ids import AddressId

NOW = datetime(2026, 1, 31, tzinfo=UTC)
HOME = Address("Ada Marsh", "1 Contour Road", "Portland", "US", region="OR", postal_code="97205")
WISHES = st.sampled_from([None, True, False])
STEPS = st.lists(st.tuples(st.sampled_from("cud"), st.integers(0, 6), WISHES, WISHES), max_size=40)


def key(number: int) -> AddressId:
    return AddressId(UUID(int=number))


def book_of(size: int) -> Book:
    book: Book = ()
    for number in range(size):
        book = with_new(book, key(number), AddressChange(HOME), now=NOW)
    return book


def defaults(book: Book) -> tuple[list[AddressId], list[AddressId]]:
    return [each.id for each in book if each.is_default_shipping], [each.id for each in book if each.is_default_billing]


@given(STEPS)
def test_a_book_that_is_not_empty_has_one_default_of_each_kind(steps: list[tuple[str, int, bool, bool]]) -> None:
    book: Book = ()
    for number, (step, at, shipping, billing) in enumerate(steps):
        before = book
        try:
            if step == "c":
                book = with_new(book, key(100 + number), AddressChange(HOME, shipping, billing), now=NOW)
            elif step == "u":
                book = with_change(
                    book, book[at].id if at < len(book) else key(1), AddressChange(None, shipping, billing)
                )
            else:
                book = without(book, book[at].id if at < len(book) else key(1))
        except (NotFound, InvalidInput):
            assert book == before
        assert [len(each) for each in defaults(book)] == ([1, 1] if book else [0, 0])


def test_the_first_address_is_the_default_of_both_kinds_whatever_is_asked() -> None:
    book = with_new((), key(1), AddressChange(HOME, False, False), now=NOW)

    assert defaults(book) == ([key(1)], [key(1)])


def test_another_default_takes_the_place_of_the_first() -> None:
    book = with_new(book_of(1), key(1), AddressChange(HOME, is_default_billing=True), now=NOW)

    assert defaults(book) == ([key(0)], [key(1)])


def test_of_a_default_that_is_deleted_the_newest_takes_the_place() -> None:
    assert defaults(without(book_of(3), key(0))) == ([key(2)], [key(2)])
    assert defaults(without(book_of(3), key(1))) == ([key(0)], [key(0)])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (AddressChange(is_default_shipping=False), "isDefaultShipping"),
        (AddressChange(is_default_billing=False), "isDefaultBilling"),
    ],
)
def test_the_only_default_stays_one(change: AddressChange, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        with_change(book_of(2), key(0), change)

    assert refused.value.field == (field,)
    assert with_change(book_of(2), key(1), change) == book_of(2)


def test_a_changed_address_keeps_its_place_and_what_it_is_for() -> None:
    moved = replace(HOME, line1="2 Ridge Way")

    book = with_change(book_of(2), key(0), AddressChange(moved))

    assert [each.address.line1 for each in book] == ["2 Ridge Way", "1 Contour Road"]
    assert defaults(book) == ([key(0)], [key(0)])


def test_a_wrong_address_names_its_field() -> None:
    with pytest.raises(InvalidInput) as refused:
        with_new((), key(1), AddressChange(replace(HOME, postal_code=None)), now=NOW)

    assert refused.value.field == ("address", "postalCode")


def test_a_full_book_takes_no_more() -> None:
    with pytest.raises(InvalidInput, match="room for 50"):
        with_new(book_of(MAX_SAVED), key(99), AddressChange(HOME), now=NOW)
