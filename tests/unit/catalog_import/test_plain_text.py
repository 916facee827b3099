from __future__ import annotations

import time
from html import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.catalog_import.plain_text import description_text, html_to_text, is_blank, single_line


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("  Trail\t Mug\r\n", "Trail Mug"),
        ("Case for Apple&#174; iPhone&#174; 6s", "Case for Apple® iPhone® 6s"),
        ("Plug Life&#153;", "Plug Life™"),
        ("AT&T, R&D and ?a=1&copy=2", "AT&T, R&D and ?a=1&copy=2"),
        ("Cafe\u0301", "Caf\u00e9"),
        ("bell\x07 and\x1b[31m red", "bell and [31m red"),
        ("\ufeffmarked", "marked"),
        ("non\u00a0breaking\u2028line", "non breaking line"),
        ("&#0;", "\ufffd"),
        ("&#" + "9" * 5_000 + ";", "&#" + "9" * 5_000 + ";"),
    ],
)
def test_single_line_keeps_the_words_and_drops_the_rest(written: str, stored: str) -> None:
    assert single_line(written) == stored


@pytest.mark.parametrize(("written", "reason"), [("a\0b", "holds a NUL character"), ("a\ud800b", "is not valid UTF-8")])
def test_text_that_postgresql_cannot_store_is_refused(written: str, reason: str) -> None:
    for clean in (single_line, description_text, html_to_text):
        with pytest.raises(ValueError, match=reason):
            clean(written)


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("<p>One.</p><p>Two.</p>", "One.\n\nTwo."),
        ("One<br>two<br/>three<br><br>four", "One\ntwo\nthree\n\nfour"),
        ("<div>One</div> <div><div>two</div></div>three", "One\ntwo\nthree"),
        ("Made of:<ul>\n<li>wool</li>\n<li>a <b>little</b> silk</li>\n</ul>", "Made of:\n\n• wool\n• a little silk"),
        ("<ul><li><p>deep</p></li><li></li></ul>", "• deep"),
        ("<table><tr><td>1</td><td>2</td></tr><tr><td>3</td></tr></table>", "1 2\n3"),
        ("<p>Tom &amp; Jerry &lt;b&gt;</p>", "Tom & Jerry <b>"),
        ('<img alt="a > b" src="x">after', "after"),
        ("<style>p { color: red }</style><p>seen</p><script>alert('<p>')</script>", "seen"),
        ("<script>never closed <p>x</p>", ""),
        ("<!-- <p>hidden</p> --><p>seen</p>", "seen"),
        ("<p>3 < 5 > 2</p>", "3 < 5 > 2"),
        ("<p>cut off <b", "cut off <b"),
        ("<P>&nbsp;</P><P>upper</P>", "upper"),
    ],
)
def test_html_becomes_paragraphs_and_bullets(written: str, stored: str) -> None:
    assert description_text(written) == stored


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("First.\r\n\r\n\r\n\r\nSecond\tone. ", "First.\n\nSecond one."),
        ("3 < 5 and 7 > 2", "3 < 5 and 7 > 2"),
        ("x<y and <unknown>", "x<y and <unknown>"),
        ("", ""),
    ],
)
def test_a_plain_description_keeps_its_lines(written: str, stored: str) -> None:
    assert description_text(written) == stored


@pytest.mark.parametrize("text", ["", " \t", "\u200b", "\u00ad\u2060"])
def test_text_that_nobody_sees_is_blank(text: str) -> None:
    assert is_blank(text)


@pytest.mark.parametrize("text", ["a", "🙂", " 道 "])
def test_text_that_somebody_sees_is_not_blank(text: str) -> None:
    assert not is_blank(text)


@given(st.text(st.sampled_from(list("ab <>&;\"'/=#•é道\u00a0\u2028\u0301\U0001f642"))).filter(str.strip))
def test_escaped_text_comes_back_as_it_was(text: str) -> None:
    assert html_to_text(f"<div>{escape(text)}</div>") == single_line(escape(text))


PIECES = ["<", ">", "</", "p", "li", "td", "div", "br", "script", "!--", "-->", '"', "=", "&", "#1;", " ", "x", "\n"]


@given(st.lists(st.sampled_from(PIECES)))
def test_no_html_however_broken_fails_or_leaves_gaps(pieces: list[str]) -> None:
    text = html_to_text("".join(pieces))

    assert text == text.strip()
    assert "\n\n\n" not in text
    assert "  " not in text
    assert text == "" or text.replace("\n", "").isprintable()


HOSTILE = ["<!--", "<a ", "<p", "</", '<a href="', "<script>", "<script/>", "&#", "<li>", "<td>", "<div>", '<a ">']


@pytest.mark.parametrize("piece", HOSTILE)
def test_hostile_html_takes_time_in_proportion_to_its_length(piece: str) -> None:
    def seconds(length: int) -> float:
        started = time.process_time()
        html_to_text(piece * (length // len(piece)))
        return time.process_time() - started

    # Quadratic work would take 100 times as long, and HTMLParser takes minutes for some of these.
    assert seconds(400_000) < 40 * max(seconds(40_000), 0.002)
