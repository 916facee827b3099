from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.http.negotiation import GRAPHQL_JSON, JSON, answer_type, prefers_html, takes_events

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
URQL = (
    "application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed"
)
APOLLO = "application/graphql-response+json,application/json;q=0.9"


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("", JSON),
        ("   ", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        ("application/json", JSON),
        ("application/graphql-response+json", GRAPHQL_JSON),
        ("APPLICATION/GraphQL-Response+JSON", GRAPHQL_JSON),
        ("application/json; charset=utf-8", JSON),
        ("application/graphql-response+json;charset=utf-8;q=0.5", GRAPHQL_JSON),
        (BROWSER, JSON),
        (URQL, GRAPHQL_JSON),
        (APOLLO, GRAPHQL_JSON),
        # by quality, then by the client's order
        ("application/json, application/graphql-response+json", JSON),
        ("application/graphql-response+json, application/json", GRAPHQL_JSON),
        ("application/json;q=0.8, application/graphql-response+json;q=0.9", GRAPHQL_JSON),
        ("application/json ; q = 0.9 , application/graphql-response+json ; q=0.8", JSON),
        ("*/*;q=0.1, application/graphql-response+json;q=0.2", GRAPHQL_JSON),
        ("text/html, application/json;q=0.1", JSON),
        ("application/json;q=0, application/graphql-response+json;q=0.1", GRAPHQL_JSON),
        ("application/json;q=nonsense, application/graphql-response+json;q=0.1", GRAPHQL_JSON),
        ("application/json;q=nan, application/graphql-response+json;q=0.1", GRAPHQL_JSON),
        (",,application/json,,", JSON),
        # neither
        ("text/html", None),
        ("text/event-stream", None),
        ("application/xml", None),
        ("application/json;q=0", None),
        ("application/json;q=0.0, */*;q=0", None),
        ("application/json;q=-1", None),
        ("json", None),
        ("application", None),
        (",", None),
        (";q=1", None),
    ],
)
def test_the_answer_has_the_media_type_that_the_client_likes_best(accept: str, media_type: str | None) -> None:
    assert answer_type(accept) == media_type


@pytest.mark.parametrize(
    ("accept", "is_page"),
    [
        (BROWSER, True),
        ("text/html", True),
        ("TEXT/HTML", True),
        ("text/html;q=0.1", True),
        ("text/html, application/json", True),
        ("application/json;q=0.9, text/html", True),
        ("application/json, text/html;q=0.9", False),
        ("application/graphql-response+json, text/html;q=0.9", False),
        ("text/html;q=0", False),
        ("application/json", False),
        ("*/*", False),
        ("text/*", False),
        ("", False),
    ],
)
def test_a_page_is_for_who_names_html_and_likes_nothing_better(accept: str, is_page: bool) -> None:
    assert prefers_html(accept) is is_page


@given(st.text(max_size=60) | st.text("/*;,=q.01 aplicton/jsh+gr-", max_size=60))
def test_any_header_has_an_answer(accept: str) -> None:
    assert answer_type(accept) in (JSON, GRAPHQL_JSON, None)
    assert prefers_html(accept) in (True, False)
    if "html" not in accept.lower():
        assert prefers_html(accept) is False


@pytest.mark.parametrize(
    ("accept", "takes"),
    [
        ("text/event-stream", True),
        ("application/json, text/event-stream;q=0.1", True),
        ("text/event-stream;q=0, application/json", False),
        ("TEXT/EVENT-STREAM", True),
        ("text/event-stream; charset=utf-8", True),
        ("*/*", False),
        ("text/*", False),
        ("", False),
    ],
)
def test_a_stream_is_sent_to_those_who_name_it(accept: str, takes: bool) -> None:
    assert takes_events(accept) is takes
