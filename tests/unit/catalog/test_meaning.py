"""A query in the words of the index: synonyms, languages, phrases across words that are not indexed."""

from __future__ import annotations

import pytest

from app.catalog.meaning import WordFacts, combine, completed, lexemes_in, runs_of_words
from app.catalog.query_text import parse

FACTS = {
    "tv": WordFacts((("tv",),), True, 10, 20),
    "television": WordFacts((("televis",),), True, 5, 8),
    "red": WordFacts((("red",),), True, 100, 300),
    "the": WordFacts(((),)),
    "case": WordFacts((("case",),), True, 40, 50),
    "wifi": WordFacts((("wifi",),)),
    "wi": WordFacts((("wi",),)),
    "fi": WordFacts((("fi",),)),
    "o'k": WordFacts((("o'k",),)),
    "rot": WordFacts((("de/rot",), ("rot",))),
}


@pytest.mark.parametrize(
    ("query", "tsqueries"),
    [
        ("tv", ["'tv'"]),
        ("red tv", ["'tv'", "'red'"]),
        ("red tv case", ["'tv'", "'red' & 'case'"]),
        ("red the", ["'red'"]),
        ("the", []),
        ("red or tv", ["('red' | 'tv')"]),
        ("red -tv", ["'red' & !'tv'"]),
        ("red case -tv -television", ["'case'", "'red' & !'tv' & !'televis'"]),
        ('"red tv"', ["(('red' <1> 'tv'))"]),
        ('"case the red"', ["(('case' <2> 'red'))"]),
        ("wi-fi", ["(('wi' & 'fi') | 'wifi')"]),
        ("rot", ["('de/rot' | 'rot')"]),
    ],
)
def test_a_query_becomes_a_tsquery_of_its_rarest_word_and_one_of_the_others(query: str, tsqueries: list[str]) -> None:
    meaning = combine(parse(query), FACTS, {})

    assert list(meaning.queries(meaning.text_counts)) == tsqueries


def test_synonyms_stand_beside_the_words_and_the_longest_run_wins() -> None:
    synonyms = {"tv": ["television"], "red tv": ["case"]}

    assert combine(parse("tv red"), FACTS, synonyms).parts == ("('tv' | 'televis')", "'red'")
    assert combine(parse("red tv"), FACTS, synonyms).parts == ("(('red' & 'tv') | 'case')",)
    assert runs_of_words(parse("red tv case")) == ["red", "red tv", "red tv case", "tv", "tv case", "case"]


def test_what_may_match_is_bounded_by_the_rarest_word() -> None:
    meaning = combine(parse("red tv"), FACTS, {})

    assert (min(meaning.name_counts), min(meaning.text_counts)) == (10, 20)
    assert combine(parse("red or tv"), FACTS, {}).text_counts == (320,)


def test_a_half_typed_word_may_become_any_of_its_completions() -> None:
    before = combine(parse("red"), FACTS, {})

    assert completed(before, ["tv", "television"], FACTS).parts == ("'red'", "('tv' | 'televis')")


def test_what_is_left_out_stays_so_when_the_last_word_is_completed() -> None:
    before = combine(parse("red -case"), FACTS, {})

    assert completed(before, ["tv"], FACTS).queries((1, 2)) == ("'red'", "'tv' & !'case'")


def test_the_lexemes_of_a_query_are_those_it_looks_for() -> None:
    assert lexemes_in(combine(parse("red -tv"), FACTS, {}).parts) == ["red"]
    assert lexemes_in(("'o''k'", "'red' & 'tv'")) == ["o'k", "red", "tv"]


@pytest.mark.parametrize(
    ("query", "synonyms", "lexemes"),
    [
        ("red tv", {}, (("red",), ("tv",))),
        ("red or tv", {}, (("red", "tv"),)),
        ("red -tv", {}, (("red",),)),
        ("rot", {}, (("de/rot", "rot"),)),
        ("wi-fi", {}, (("wi", "wifi"),)),
        ('"case the red"', {}, (("case",),)),
        ("tv", {"tv": ["red case", "television"]}, (("tv", "case", "televis"),)),  # the rarer one of two words
    ],
)
def test_what_is_found_has_one_of_the_lexemes_of_every_part(
    query: str, synonyms: dict[str, list[str]], lexemes: tuple[tuple[str, ...], ...]
) -> None:
    assert combine(parse(query), FACTS, synonyms).lexemes == lexemes


def test_a_word_that_is_half_typed_is_a_part_of_its_own() -> None:
    meaning = combine(parse("red"), FACTS, {})

    assert completed(meaning, ["tv", "television"], FACTS).lexemes == (("red",), ("tv", "televis"))


def test_a_phrase_has_a_lexeme_of_every_language_that_indexes_one_of_its_words() -> None:
    facts = {**FACTS, "die": WordFacts(((), ("die",)))}  # no word in the first language, and one in the second

    assert combine(parse('"die rot"'), facts, {}).lexemes == (("de/rot", "die"),)
