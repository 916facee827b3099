"""Typing errors: which words are near, and which of them is meant."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.catalog.corrections import KnownWord, best_correction, deletions, distance, splits, typos_allowed

WORDS = [KnownWord("samsung", 900), KnownWord("galaxy", 800), KnownWord("headphones", 90), KnownWord("headphone", 10)]
LETTERS = "abcdefghijklmnopqrstuvwxyz"
WORD = st.text(LETTERS, min_size=4, max_size=14)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("samsnug", "samsung"),
        ("samsun", "samsung"),
        ("samsungg", "samsung"),
        ("zamsung", "samsung"),
        ("galxy", "galaxy"),
        ("haedpohnes", "headphones"),
        ("galaxy", None),
        ("gxlxy", None),
        ("gal", None),
        ("s4msung1", None),
    ],
)
def test_the_nearest_word_is_meant(typed: str, meant: str | None) -> None:
    found = best_correction(typed, WORDS)

    assert (found.word if found else None) == meant


def test_of_equally_near_words_the_most_frequent_is_meant() -> None:
    found = best_correction("caze", [KnownWord("cage", 1), KnownWord("case", 50)])

    assert found == KnownWord("case", 50)


@settings(deadline=None)
@given(WORD, WORD)
def test_distance_is_symmetric_and_zero_only_for_equals(one: str, other: str) -> None:
    assert distance(one, other) == distance(other, one)
    assert (distance(one, other) == 0) is (one == other)


@settings(deadline=None)
@given(WORD, st.data())
def test_one_error_is_always_within_reach_of_the_index(word: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(word) - 1))
    letter = data.draw(st.sampled_from(LETTERS))
    kind = data.draw(st.sampled_from(["delete", "insert", "replace", "swap"]))
    typed = {
        "delete": word[:place] + word[place + 1 :],
        "insert": word[:place] + letter + word[place:],
        "replace": word[:place] + letter + word[place + 1 :],
        "swap": word[:place] + word[place : place + 2][::-1] + word[place + 2 :],
    }[kind]

    if typos_allowed(typed) and len(word) < 8 and len(typed) <= 8:
        assert distance(typed, word) <= 1
        assert set(deletions(typed)) & set(deletions(word))


def test_a_word_may_be_two() -> None:
    assert ("moto", "g4") in splits("motog4")
    assert splits("abc") == []
