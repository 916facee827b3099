from __future__ import annotations

import pytest
import strawberry

from app.core.errors import InvalidInput
from app.core.pagination import Page, PageRequest
from resolvers.connection import Listing, PageMark, Row, asked_page, listing, page_mark

UNSET = strawberry.UNSET
PAGE = Page((7, 8, 9), ("c7", "c8", "c9"), has_next=True, has_previous=False)


def test_a_listing_has_a_row_for_every_record_with_its_cursor() -> None:
    assert listing(PAGE, ["mug", "map", "tin"]) == Listing(
        edges=(Row("mug", "c7"), Row("map", "c8"), Row("tin", "c9")),
        nodes=("mug", "map", "tin"),
        page_info=PageMark(has_next_page=True, has_previous_page=False, start_cursor="c7", end_cursor="c9"),
    )


def test_a_record_that_is_gone_leaves_no_row_and_the_others_keep_their_cursors() -> None:
    connection = listing(PAGE, [None, "map", None])

    assert connection.edges == (Row("map", "c8"),)
    assert connection.nodes == ("map",)


def test_a_walk_goes_on_from_the_pages_own_ends_even_when_their_records_are_gone() -> None:
    connection = listing(PAGE, [None, "map", None])

    assert (connection.page_info.start_cursor, connection.page_info.end_cursor) == ("c7", "c9")


def test_an_empty_page_has_no_cursors() -> None:
    empty: Page[int] = Page((), (), has_next=False, has_previous=True)

    assert page_mark(empty) == PageMark(False, True, None, None)
    assert listing(empty, []) == Listing((), (), PageMark(False, True, None, None))


@pytest.mark.parametrize("records", [["mug"], ["mug", "map", "tin", "pot"]])
def test_a_page_and_its_records_have_to_be_of_one_length(records: list[str]) -> None:
    with pytest.raises(ValueError, match="zip"):
        listing(PAGE, records)


@pytest.mark.parametrize(
    ("arguments", "request_"),
    [
        ((None, None), PageRequest(20)),
        ((UNSET, UNSET), PageRequest(20)),
        ((UNSET, UNSET, UNSET, UNSET), PageRequest(20)),
        ((None, None, None, None), PageRequest(20)),
        ((5, UNSET), PageRequest(5)),
        ((5, "c"), PageRequest(5, True, "c")),
        ((5, "c", UNSET, None), PageRequest(5, True, "c")),
        ((UNSET, None, 5, "c"), PageRequest(5, False, "c")),
        ((UNSET, UNSET, UNSET, "c"), PageRequest(20, False, "c")),
    ],
)
def test_what_is_left_out_and_what_is_null_are_the_same(arguments, request_: PageRequest) -> None:
    assert asked_page(*arguments) == request_


@pytest.mark.parametrize("arguments", [(0, None), (101, UNSET), (5, UNSET, 5), (UNSET, "c", UNSET, "c")])
def test_arguments_that_make_no_sense_are_refused(arguments) -> None:
    with pytest.raises(InvalidInput):
        asked_page(*arguments)
