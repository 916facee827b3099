"""What a request says of its document, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.documents.asked_document import AskedDocument, asked_document, sha256_in_id
from app.documents.domain import NoSuchDocument, Refusal, digest

TEXT = "{ shop { name } }"
HASH = digest(TEXT)
EXTENSION = {"persistedQuery": {"version": 1, "sha256Hash": HASH}}
NAMES = st.sampled_from(
    ["query", "documentId", "id", "doc_id", "extensions", "persistedQuery", "sha256Hash", "version"]
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("a{ \0\ud800", max_size=8) | st.just(HASH),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=3),
)


@pytest.mark.parametrize(
    ("values", "asked"),
    [
        ({"query": TEXT}, AskedDocument(text=TEXT)),
        ({"query": TEXT, "extensions": EXTENSION}, AskedDocument(text=TEXT, sha256=HASH)),
        ({"query": TEXT, "extensions": {}}, AskedDocument(text=TEXT)),
        ({"query": TEXT, "extensions": {"persistedQuery": None}}, AskedDocument(text=TEXT)),
        ({"query": TEXT, "id": 7, "doc_id": "a"}, AskedDocument(text=TEXT)),
        ({"extensions": EXTENSION}, AskedDocument(sha256=HASH)),
        ({"query": None, "extensions": EXTENSION}, AskedDocument(sha256=HASH)),
        ({"query": "", "extensions": EXTENSION}, AskedDocument(sha256=HASH)),
        ({"documentId": "a"}, AskedDocument(document_id="a")),
        ({"id": "a"}, AskedDocument(document_id="a")),
        ({"doc_id": "a", "query": None}, AskedDocument(document_id="a")),
        ({"documentId": "a", "id": "a", "doc_id": ""}, AskedDocument(document_id="a")),
        ({"documentId": "a", "extensions": EXTENSION}, AskedDocument(document_id="a")),
        ({}, AskedDocument()),
        ({"query": "  "}, AskedDocument()),
    ],
)
def test_a_request_says_what_it_wants_executed(values: dict[str, Any], asked: AskedDocument) -> None:
    assert asked_document(values) == asked


@pytest.mark.parametrize("spelling", [HASH.upper(), f"sha256:{HASH}", f"SHA256:{HASH.upper()}"])
def test_a_hash_is_read_in_every_usual_spelling(spelling: str) -> None:
    asked = asked_document({"extensions": {"persistedQuery": {"version": 1, "sha256Hash": spelling, "miss": True}}})

    assert asked.sha256 == HASH


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"query": 5}, "query must be a string."),
        ({"query": TEXT, "extensions": []}, "extensions must be an object."),
        ({"query": TEXT, "documentId": "a"}, "Send either query or documentId, not both."),
        ({"documentId": 5}, "documentId must be text."),
        ({"documentId": "a", "doc_id": "b"}, "documentId and doc_id name different documents."),
        ({"id": "a\0b"}, "The id of a document is 1 to 255 printable characters."),
        ({"id": "\ud800"}, "The id of a document is 1 to 255 printable characters."),
        ({"id": "a" * 256}, "The id of a document is 1 to 255 printable characters."),
        ({"extensions": {"persistedQuery": HASH}}, "extensions.persistedQuery must be an object."),
        ({"extensions": {"persistedQuery": {"sha256Hash": HASH}}}, "extensions.persistedQuery.version must be 1."),
        (
            {"extensions": {"persistedQuery": {"version": True, "sha256Hash": HASH}}},
            "extensions.persistedQuery.version must be 1.",
        ),
        (
            {"query": TEXT, "extensions": {"persistedQuery": {"version": 2, "sha256Hash": HASH}}},
            "extensions.persistedQuery.version must be 1.",
        ),
    ],
)
def test_what_is_malformed_is_refused_with_its_cause(values: dict[str, Any], message: str) -> None:
    with pytest.raises(NoSuchDocument) as refused:
        asked_document(values)

    assert (refused.value.message, refused.value.refusal) == (message, Refusal.MALFORMED)


@pytest.mark.parametrize("given_hash", [None, "", 5, HASH[1:], HASH + "0", HASH + "\n", HASH[:-1] + "g", "٠" * 64])
def test_what_is_no_hash_is_refused(given_hash: object) -> None:
    with pytest.raises(NoSuchDocument, match="64 hexadecimal digits"):
        asked_document({"extensions": {"persistedQuery": {"version": 1, "sha256Hash": given_hash}}})


@given(st.dictionaries(NAMES, ANYTHING))
def test_anything_is_read_or_refused(values: dict[str, Any]) -> None:
    try:
        asked = asked_document(values)
    except NoSuchDocument as refused:
        reason = refused.refusal
    else:
        reason = None
        assert asked.text is None or asked.document_id is None
        assert asked.document_id is None or asked.document_id.isprintable()

    assert reason in (None, Refusal.MALFORMED)


def test_an_id_may_say_the_hash_of_its_text() -> None:
    assert sha256_in_id(f"sha256:{HASH}") == HASH
    assert [sha256_in_id(each) for each in (HASH, "sha256:", "sha256:12", "md5:12", "")] == [None] * 5
