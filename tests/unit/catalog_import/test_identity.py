from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from app.catalog_import.identity import Keys

Row = tuple[str, str | None, tuple[str, ...]]
NAMES, BRANDS, PATHS = ["Mug", "Map", "Mu"], [None, "Tarn", "g"], [(), ("a",)]
ROWS = st.tuples(st.sampled_from(NAMES), st.sampled_from(BRANDS), st.sampled_from(PATHS))


def derived(rows: Sequence[Row]) -> list[str]:
    keys = Keys()
    return [keys.derive(*row, line=number) for number, row in enumerate(rows, start=1)]


def test_a_derived_key_never_changes_between_versions() -> None:
    # Changing how keys are derived would import every catalogue a second time: this text is a promise.
    assert derived([("Trail Mug", "Pinefold", ("Camp", "Mugs"))]) == ["derived:148eb564a8be0977b267e9b0ddd120b7"]


def test_equal_rows_get_the_same_key_and_their_place_among_each_other() -> None:
    keys = derived([("Mug", None, ()), ("Map", None, ()), ("Mug", None, ()), ("Mug", None, ())])

    assert keys[2] == f"{keys[0]}:2"
    assert keys[3] == f"{keys[0]}:3"
    assert keys[1] != keys[0]


def test_name_brand_and_categories_do_not_run_into_each_other() -> None:
    assert len(set(derived([("a", "b", ()), ("ab", None, ()), ("a", None, ("b",)), ("a", "b", ("",))]))) == 4


def test_an_explicit_key_is_claimed_once() -> None:
    keys = Keys()

    assert keys.claim("mug", line=3) is None
    assert keys.claim("mug", line=9) == 3
    assert keys.claim("map", line=9) is None


def test_a_row_that_names_the_derived_key_of_another_keeps_it() -> None:
    [stem] = derived([("Mug", None, ())])
    keys = Keys()

    assert keys.claim(stem, line=1) is None
    assert keys.derive("Mug", None, (), line=2) == f"{stem}:2"


@given(st.lists(ROWS, max_size=40))
def test_derived_keys_are_all_different_and_the_same_next_time(rows: list[Row]) -> None:
    keys = derived(rows)

    assert len(set(keys)) == len(rows)
    assert derived(rows) == keys
