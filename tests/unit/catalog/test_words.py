"""Words: the same from what is indexed as from what is typed, however it is written."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.catalog.query_text import MAX_TERMS, parse
from app.catalog.words import MAX_WORD_LENGTH, as_tokens, fold, indexed, plain, words_of


@pytest.mark.parametrize(
    ("texts", "word"),
    [
        (('5.5"', "5.5-inch", "5.5 inches", "5.5in", "5.5”", "5,5 inch"), "5.5in"),
        (("32GB", "32 GB", "32-gb", "32 gigabytes"), "32gb"),
        (("6'", "6 ft", "6-foot", "6 feet", "6’"), "6ft"),
        (("3000mAh", "3000 mAh", "3,000 mAh"), "3000mah"),
        (("4K", "4k"), "4k"),
        (("12W", "12 watts"), "12w"),
        (("6s", "6S"), "6s"),
        (("crème", "CRÈME", "cre\u0300me", "Creme"), "creme"),
        (("straße", "STRASSE"), "strasse"),
        (("Ærø",), "aero"),
        (("Insignia™", "insignia®"), "insignia"),
        (("kids'", "kids"), "kids"),
        (("Lantern's", "lanterns"), "lanterns"),
    ],
)
def test_every_way_to_write_a_word_gives_the_same(texts: tuple[str, ...], word: str) -> None:
    assert {plain(text) for text in texts} == {word}


@pytest.mark.parametrize(
    ("text", "words", "joined", "numbers"),
    [
        ("SM-G930F", "sm g930f", {"smg930f"}, set()),
        ("Wi-Fi T-Shirt", "wi fi t shirt", {"wifi", "tshirt"}, set()),
        ("Lightning-to-3.5mm", "lightning to 3.5mm", {"lightningto3.5mm"}, {"3.5"}),
        ("Drive 4G-S", "drive 4g s", {"4gs"}, set()),
        ("6/6s", "6 6s", set(), set()),
        ('iPhone 6s 5.5"', "iphone 6s 5.5in", set(), {"5.5"}),
        ("登山杖", "登山 山杖", set(), set()),
        ("$35 top-up", "35 top up", {"topup"}, set()),
    ],
)
def test_compounds_are_found_with_and_without_what_joins_them(
    text: str, words: str, joined: set[str], numbers: set[str]
) -> None:
    found = indexed([text])

    assert " ".join(found.words) == words
    assert (set(found.joined), set(found.numbers)) == (joined, numbers)


@settings(deadline=None)
@given(st.text(max_size=200))
def test_any_text_gives_words_that_are_ones(text: str) -> None:
    words = [word.text for word in words_of(fold(text))]

    assert all(word and len(word) <= MAX_WORD_LENGTH and not word.isspace() for word in words)
    assert plain(" ".join(words)).split() == plain(plain(text)).split()
    assert "'" not in as_tokens(words)


@settings(deadline=None)
@given(st.lists(st.from_regex(r"[a-z]{1,12}", fullmatch=True), max_size=8))
def test_plain_sentences_take_the_quick_way_to_the_same_words(words: list[str]) -> None:
    sentence = " ".join(words).capitalize() + "."

    assert list(indexed([sentence]).words) == [word.text for word in words_of(fold(sentence))]


@pytest.mark.parametrize(
    ("query", "groups", "left_out"),
    [
        ("blue mug", [["blue"], ["mug"]], []),
        ('"trail mug" blue', [["trail mug"], ["blue"]], []),
        ('blue "trail mug', [["blue"], ["trail mug"]], []),
        ("“trail mug”", [["trail mug"]], []),
        ("mug or cup blue", [["mug", "cup"], ["blue"]], []),
        ("mug -blue", [["mug"]], ["blue"]),
        ('mug -"navy blue"', [["mug"]], ["navy blue"]),
        ('5.5" phone', [["5.5in"], ["phone"]], []),
        ('phone 5.5"', [["phone"], ["5.5in"]], []),
        ('"galaxy s7"', [["galaxy s7"]], []),
        ("32 gb phone", [["32gb"], ["phone"]], []),
        ("mug mug", [["mug"]], []),
        ("or or", [["or"]], []),
        ("mug or", [["mug"]], []),
        ("t-shirt", [["t shirt"]], []),
        ("- \" ''", [], []),
    ],
)
def test_a_query_is_taken_apart(query: str, groups: list[list[str]], left_out: list[str]) -> None:
    parsed = parse(query)

    assert [[" ".join(term.words) for term in group] for group in parsed.groups] == groups
    assert [" ".join(term.words) for term in parsed.left_out] == left_out


@settings(deadline=None)
@given(st.text(max_size=600))
def test_any_query_is_taken_apart_into_a_bounded_number_of_terms(query: str) -> None:
    parsed = parse(query)

    assert len(parsed.groups) <= MAX_TERMS
    assert len(parsed.left_out) <= MAX_TERMS
    assert all(term.words for group in parsed.groups for term in group)
