from __future__ import annotations

import base64

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.errors import ErrorCode, InvalidInput
from app.core.pagination import (
    DEFAULT_PAGE_SIZE,
    MAX_PAGE_SIZE,
    Page,
    PageRequest,
    cut_page,
    decode_cursor,
    encode_cursor,
    fingerprint,
    page_request,
    slice_page,
    slice_sorted,
)

LIST = fingerprint("list")


# ------------------------------------------------------------------------------------------------ arguments


@pytest.mark.parametrize(
    ("arguments", "request_"),
    [
        ((None, None, None, None), PageRequest(20, True, None)),
        ((5, None, None, None), PageRequest(5, True, None)),
        ((5, "c", None, None), PageRequest(5, True, "c")),
        ((None, "c", None, None), PageRequest(20, True, "c")),
        ((None, None, 5, None), PageRequest(5, False, None)),
        ((None, None, 5, "c"), PageRequest(5, False, "c")),
        ((None, None, None, "c"), PageRequest(20, False, "c")),
        ((1, None, None, None), PageRequest(1, True, None)),
        ((100, None, None, None), PageRequest(100, True, None)),
    ],
)
def test_the_arguments_say_where_and_how_many(arguments, request_: PageRequest) -> None:
    assert page_request(*arguments) == request_


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((5, None, 5, None), "Use first and after, or last and before, not both."),
        ((5, None, None, "c"), "Use first and after, or last and before, not both."),
        ((None, "c", 5, None), "Use first and after, or last and before, not both."),
        ((None, "c", None, "c"), "Use first and after, or last and before, not both."),
        ((0, None, 0, None), "Use first and after, or last and before, not both."),
        ((0, None, None, None), "first must be 1 to 100."),
        ((-1, None, None, None), "first must be 1 to 100."),
        ((101, "c", None, None), "first must be 1 to 100."),
        ((None, None, 0, None), "last must be 1 to 100."),
        ((None, None, 101, "c"), "last must be 1 to 100."),
    ],
)
def test_contradictions_and_sizes_out_of_bounds_are_refused(arguments, message: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        page_request(*arguments)

    assert refusal.value.message == message


def test_the_published_sizes_are_the_right_ones() -> None:
    assert (DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE) == (20, 100)


# ------------------------------------------------------------------------------------------------ cursors


@given(st.tuples(st.text(max_size=50), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False) | st.none()))
def test_a_cursor_names_the_place_that_it_was_cut_at(position: tuple[str, int, float | None]) -> None:
    cursor = encode_cursor(LIST, position)

    assert decode_cursor(cursor, LIST, tuple[str, int, float | None]) == position
    assert "=" not in cursor


def test_a_cursor_of_another_list_is_refused() -> None:
    cursor = encode_cursor(fingerprint("mugs", "PRICE_ASC"), (1_800, 7))

    with pytest.raises(InvalidInput, match="another filter or sort") as refusal:
        decode_cursor(cursor, fingerprint("mugs", "PRICE_DESC"), tuple[int, int])

    assert refusal.value.code is ErrorCode.INVALID


def test_lists_made_from_other_parts_have_other_fingerprints() -> None:
    parts = [("a", "b"), ("ab",), ("a", None, "b"), ("b", "a"), ("a",), (), (1, "b"), ("1", "b")]

    assert len({fingerprint(*each) for each in parts}) == len(parts)
    assert fingerprint("a", 1) == fingerprint("a", 1)


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "a",
        "garbage",
        "!!!!",
        "ä" * 8,
        "\ud800",
        "a b c d",
        encode_cursor(LIST, ("text",)),  # another type of place
        encode_cursor(LIST, (1, 2)),  # and of another length
        encode_cursor(LIST, (1,))[:-3],
        encode_cursor(LIST, (1,)) + "\n",
        encode_cursor(LIST, ([[[[1]]]],)),
        pytest.param(encode_cursor(LIST, ("x" * 1_000,)), id="a place too long"),
        pytest.param("A" * 1_000_000, id="a megabyte"),
        base64.urlsafe_b64encode(LIST).decode(),
        base64.urlsafe_b64encode(LIST + b"\xc1").decode(),
        pytest.param(base64.urlsafe_b64encode(LIST + b"\x91" * 700).decode(), id="nested deeply"),
    ],
)
def test_a_malformed_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidInput, match="not a cursor of this list"):
        decode_cursor(cursor, LIST, tuple[int])


@settings(max_examples=200)
@given(st.text(max_size=80) | st.binary(max_size=80).map(lambda raw: base64.urlsafe_b64encode(LIST + raw).decode()))
def test_any_text_is_a_cursor_or_is_refused(cursor: str) -> None:
    try:
        (place,) = decode_cursor(cursor, LIST, tuple[int])
    except InvalidInput:
        return

    assert type(place) is int


# ------------------------------------------------------------------------------------------------ pages


def rows_for(keys: list[int], request: PageRequest) -> list[int]:
    """What a store fetches: up to one more than asked for, walked from the cursor."""
    walked = keys if request.forward else keys[::-1]
    if request.cursor is not None:
        (place,) = decode_cursor(request.cursor, LIST, tuple[int])
        walked = [key for key in walked if (key > place) == request.forward and key != place]
    return walked[: request.limit + 1]


def cut(keys: list[int], request: PageRequest) -> Page[int]:
    return cut_page(rows_for(keys, request), request, lambda key: (key,), LIST)


@pytest.mark.parametrize(
    ("request_", "items", "has_next", "has_previous"),
    [
        (PageRequest(2), (1, 2), True, False),
        (PageRequest(5), (1, 2, 3, 4, 5), False, False),
        (PageRequest(9), (1, 2, 3, 4, 5), False, False),
        (PageRequest(2, cursor=encode_cursor(LIST, (2,))), (3, 4), True, True),
        (PageRequest(2, cursor=encode_cursor(LIST, (3,))), (4, 5), False, True),
        (PageRequest(2, cursor=encode_cursor(LIST, (5,))), (), False, True),
        (PageRequest(2, forward=False), (4, 5), False, True),
        (PageRequest(5, forward=False), (1, 2, 3, 4, 5), False, False),
        (PageRequest(2, False, encode_cursor(LIST, (4,))), (2, 3), True, True),
        (PageRequest(2, False, encode_cursor(LIST, (3,))), (1, 2), True, False),
        (PageRequest(2, False, encode_cursor(LIST, (1,))), (), True, False),
    ],
)
def test_a_page_is_in_the_lists_order_and_knows_its_neighbours(
    request_: PageRequest, items: tuple[int, ...], has_next: bool, has_previous: bool
) -> None:
    page = cut([1, 2, 3, 4, 5], request_)

    assert (page.items, page.has_next, page.has_previous) == (items, has_next, has_previous)
    assert page.cursors == tuple(encode_cursor(LIST, (key,)) for key in items)


def test_a_page_of_nothing_has_no_neighbours() -> None:
    assert cut([], PageRequest(5)) == Page((), (), has_next=False, has_previous=False)


sets_of_keys = st.sets(st.integers(1, 1_000), max_size=40)


@settings(max_examples=100)
@given(sets_of_keys, st.integers(1, 7), st.booleans(), st.lists(sets_of_keys, max_size=10))
def test_a_walk_shows_every_lasting_row_once_whatever_comes_and_goes(
    lasting: set[int], size: int, forward: bool, passing: list[set[int]]
) -> None:
    seen: list[int] = []
    cursor = None
    for step in range(100):
        around = passing[step] if step < len(passing) else set()
        page = slice_page(sorted(lasting | around), PageRequest(size, forward, cursor), lambda key: key, "keys")
        seen += page.items if forward else page.items[::-1]
        if not (page.has_next if forward else page.has_previous) and step >= len(passing):
            break
        if page.items:
            cursor = page.cursors[-1 if forward else 0]

    assert [key for key in seen if key in lasting] == sorted(lasting, reverse=not forward)
    assert len(seen) == len(set(seen))


@given(
    st.sets(st.tuples(st.text("aáB漢", max_size=2), st.integers(0, 3)), max_size=12),
    st.integers(1, 4),
    st.booleans(),
)
def test_a_list_in_memory_is_walked_by_any_rising_position(
    rows: set[tuple[str, int]], size: int, forward: bool
) -> None:
    order = sorted(rows)
    seen: list[tuple[str, int]] = []
    cursor: str | None = None
    while True:
        request = PageRequest(size, forward, cursor)
        page = slice_sorted(order, request, lambda row: row, tuple[str, int], "rows")
        seen += page.items if forward else page.items[::-1]
        if not (page.has_next if forward else page.has_previous):
            break
        cursor = page.cursors[-1 if forward else 0]

    assert seen == (order if forward else order[::-1])


def test_a_slice_refuses_the_cursor_of_another_list() -> None:
    page = slice_page([1, 2, 3], PageRequest(1), lambda key: key, "variants of 7")

    with pytest.raises(InvalidInput, match="another filter or sort"):
        slice_page([1, 2, 3], PageRequest(1, cursor=page.cursors[0]), lambda key: key, "variants of 8")


def test_cursors_are_small() -> None:
    cursor = encode_cursor(LIST, (1.25, "trail mug", 2**31 - 1))

    assert len(cursor) <= 50
    assert msgspec.msgpack.decode(base64.urlsafe_b64decode(cursor + "==")[6:]) == [1.25, "trail mug", 2**31 - 1]
