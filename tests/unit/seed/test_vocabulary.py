from __future__ import annotations

import pytest

from app.seed.vocabulary import MADE_UP_WORDS, made_up_word, plural, real_words


def test_made_up_words_are_all_different_and_can_be_spoken() -> None:
    words = {made_up_word(number) for number in range(MADE_UP_WORDS)}

    assert len(words) == MADE_UP_WORDS > 50_000
    assert all(word.isascii() and word.islower() and 4 <= len(word) <= 11 for word in words)


def test_no_real_word_stands_twice_in_a_list() -> None:
    words = real_words()

    for text in (words.adjectives, words.colours, words.materials, words.styles, words.common):
        assert len(set(text.split())) == len(text.split())


def test_there_are_ten_departments_and_no_noun_stands_twice() -> None:
    categories = real_words().categories
    nouns = [noun for aisles in categories.values() for text in aisles.values() for noun in text.split()]

    assert len(categories) == 10
    assert len(set(nouns)) == len(nouns) > 150


@pytest.mark.parametrize(
    ("noun", "several"),
    [("Mug", "Mugs"), ("Brush", "Brushes"), ("Jeans", "Jeans"), ("Knife", "Knives"), ("Tray", "Trays")],
)
def test_plurals(noun: str, several: str) -> None:
    assert plural(noun) == several
