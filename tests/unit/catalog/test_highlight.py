"""What of a text a query is about, marked for a page."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.catalog.highlight import SNIPPET_LENGTH, marked, words_in


@pytest.mark.parametrize(
    ("text", "matched", "expected"),
    [
        ("Trail Mug", {"mug"}, "Trail <em>Mug</em>"),
        ("Trail Mug", {"trail", "mug"}, "<em>Trail Mug</em>"),
        ("Trail Mug", {"cup"}, None),
        ("Crème <b> & mug", {"creme"}, "<em>Crème</em> &lt;b&gt; &amp; mug"),
        ('A 5.5" screen', {"5.5in"}, "A <em>5.5&quot;</em> screen"),
        ("A Wi-Fi cable", {"fi"}, "A Wi-<em>Fi</em> cable"),
        ("Straße", {"strasse"}, "<em>Straße</em>"),
    ],
)
def test_words_are_marked_and_the_rest_is_escaped(text: str, matched: set[str], expected: str | None) -> None:
    assert marked(text, matched) == expected


def test_a_long_text_is_shortened_around_the_first_match() -> None:
    text = "word " * 100 + "needle " + "tail " * 100

    found = marked(text, {"needle"})

    assert found is not None
    assert found.startswith("…word")
    assert "<em>needle</em>" in found
    assert found.endswith("…")
    assert len(found) < SNIPPET_LENGTH + 30


@settings(deadline=None)
@given(st.text(max_size=400))
def test_nothing_of_a_text_is_ever_a_tag(text: str) -> None:
    found = marked(text, set(words_in(text)[:2])) or ""

    assert not re.search(r"<(?!/?em>)", found)
    assert found.count("<em>") == found.count("</em>")
