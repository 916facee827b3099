from __future__ import annotations

from typing import Any

import pytest

from app.core.errors import CardDataNotAllowed, ErrorCode
from app.http.card_check import MAX_STEP_CHARACTERS, MAX_STEPS, refuse_card_data, refuse_card_header
from tests.cards import PUBLISHED

VISA = PUBLISHED["Visa"]


def refused(sent: Any) -> CardDataNotAllowed:
    with pytest.raises(CardDataNotAllowed) as refusal:
        refuse_card_data(sent)
    assert "4242" not in str(refusal.value)
    return refusal.value


@pytest.mark.parametrize(
    ("sent", "position"),
    [
        ({"variables": {"input": {"note": VISA}}}, ("variables", "input", "note")),
        ({"query": "{ a }", "variables": {"input": {VISA: 1}}}, ("variables", "input")),
        ({"operationName": VISA}, ("operationName",)),
        ({"extensions": {"persistedQuery": {"sha256Hash": VISA}}}, ("extensions", "persistedQuery", "sha256Hash")),
        ({"documentId": VISA}, ("documentId",)),
        ({VISA: None}, ()),
        ({"query": {"no": VISA}}, ("query", "no")),
        ({"variables": {"query": VISA}}, ("variables", "query")),
        ([{"query": VISA}], ("0", "query")),
        ({"email": "a@example.com", "password": VISA}, ("password",)),
    ],
)
def test_a_number_is_refused_by_its_place(sent: Any, position: tuple[str, ...]) -> None:
    refusal = refused(sent)

    assert (refusal.position, refusal.location) == (position, None)
    assert refusal.code is ErrorCode.CARD_DATA_NOT_ALLOWED


def test_in_a_document_the_place_is_a_line_and_a_column() -> None:
    refusal = refused({"query": f"{{\n  # {VISA}\n  a }}", "variables": {"b": VISA}})

    assert (refusal.position, refusal.location) == (("query",), (2, 5))


def test_what_looks_like_a_number_as_text_and_is_none_in_the_document_hides_nothing_behind_it() -> None:
    document = '{ a(b: "\\u4242424242424242") }'

    assert refused({"query": document, "variables": {"b": VISA}}).position == ("variables", "b")


def test_a_position_is_told_in_bounds() -> None:
    deep: Any = VISA
    for _ in range(MAX_STEPS + 10):
        deep = {"x" * 1_000: deep}

    assert refused(deep).position == ("x" * MAX_STEP_CHARACTERS,) * MAX_STEPS


@pytest.mark.parametrize("sent", [None, 1, "text", {}, {"query": "{ a }", "variables": {"b": "4006381333931"}}])
def test_whatever_has_no_number_passes(sent: Any) -> None:
    refuse_card_data(sent)


def test_a_header_is_refused_by_its_name() -> None:
    refuse_card_header("idempotency-key", None)
    refuse_card_header("idempotency-key", "0d5f7f1e-1f0b-4f0a-9d3a-9a3c2b7a5e11")
    with pytest.raises(CardDataNotAllowed) as refusal:
        refuse_card_header("idempotency-key", f"order-{VISA}")

    assert refusal.value.position == ("headers", "idempotency-key")
