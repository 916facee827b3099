"""The three formats of manifests, and everything that can be wrong with a file."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.card_data import has_card_number
from app.documents.card_numbers import card_number_in_document
from app.documents.domain import MAX_BODY_CHARACTERS, digest, is_document_id
from app.documents.manifest import APOLLO_FORMAT, MAX_DOCUMENTS, MAX_FILE_BYTES, ManifestEntry, read_manifest

SHOP, SEARCH = "query Shop { shop { name } }", "query Search { products { nodes { name } } }"
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1).filter(
    lambda each: bool(each.strip()) and card_number_in_document(each) is None
)
IDS = st.text(min_size=1, max_size=50).filter(
    lambda each: is_document_id(each) and not each.startswith("sha256:") and not has_card_number(each)
)


def faults(content: object, *, file: str = "m.json") -> list[str]:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    manifest = read_manifest(file, raw)
    return [str(fault) for fault in manifest.faults]


def apollo(*operations: object, **header: Any) -> dict[str, object]:
    return {"format": APOLLO_FORMAT, "version": 1, **header, "operations": list(operations)}


def test_relays_map() -> None:
    content = {"3c8aab5f7c5a1c8a0ab6ab1b1e2a5a0e": SHOP, "anything else": SEARCH}

    manifest = read_manifest("m.json", json.dumps(content, indent=2).encode())

    assert manifest.faults == ()
    assert manifest.entries == tuple(ManifestEntry("m.json", each, body) for each, body in content.items())


def test_codegens_map_of_hashes() -> None:
    content = {f"sha256:{digest(SHOP)}": SHOP, f"sha256:{digest(SEARCH)}": SHOP}

    manifest = read_manifest("m.json", json.dumps(content).encode())

    assert [entry.id for entry in manifest.entries] == [f"sha256:{digest(SHOP)}"]
    assert [str(fault) for fault in manifest.faults] == [
        f"m.json: sha256:{digest(SEARCH)}: its text has another SHA-256"
    ]


def test_apollos_list_of_operations() -> None:
    content = apollo(
        {"id": digest(SHOP), "name": "Shop", "type": "query", "body": SHOP},
        {"id": "of another kind", "name": None, "type": "query", "body": "{ shop { name } }"},
    )

    manifest = read_manifest("m.json", b"\xef\xbb\xbf" + json.dumps(content).encode())

    assert manifest.faults == ()
    assert manifest.entries == (
        ManifestEntry("m.json", digest(SHOP), SHOP, "Shop"),
        ManifestEntry("m.json", "of another kind", "{ shop { name } }"),
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is not valid JSON: Expecting value: line 1 column 1 (char 0)"),
        (b"query { shop { name } }", "is not valid JSON: Expecting value: line 1 column 1 (char 0)"),
        (b'{"a": "b"', "is not valid JSON: Expecting ',' delimiter: line 1 column 10 (char 9)"),
        (b"\xff\xfe{", "is not UTF-8"),
        (b"[" * 100_000, "is nested too deeply for a manifest"),
        (b" " * (MAX_FILE_BYTES + 1), "is larger than 20,000,000 bytes"),
        ([SHOP], "is no manifest: that is a JSON object"),
        (None, "is no manifest: that is a JSON object"),
        ({}, "holds no documents"),
        (apollo(), "holds no documents"),
        ({str(number): SHOP for number in range(MAX_DOCUMENTS + 1)}, "holds more than 10,000 documents: split it"),
        (apollo(*[{}] * (MAX_DOCUMENTS + 1)), "holds more than 10,000 documents: split it"),
        (apollo(version=2), f"is not a manifest of the format '{APOLLO_FORMAT}', version 1"),
        (apollo(version=True), f"is not a manifest of the format '{APOLLO_FORMAT}', version 1"),
        (apollo(format="other"), f"is not a manifest of the format '{APOLLO_FORMAT}', version 1"),
        ({"operations": []}, f"is not a manifest of the format '{APOLLO_FORMAT}', version 1"),
        ({"format": APOLLO_FORMAT, "version": 1, "operations": {}}, "has no list of operations"),
    ],
    ids=range(17),
)
def test_a_file_that_is_no_manifest_is_one_fault(content: object, reason: str) -> None:
    assert faults(content) == [f"m.json: {reason}"]


def test_a_number_of_thousands_of_digits_is_no_crash() -> None:
    [fault] = faults(b'{"a": ' + b"9" * 5_000 + b"}")

    assert fault.startswith("m.json: is not valid JSON: ")


def test_every_fault_is_named_with_its_entry_and_the_rest_is_read() -> None:
    content = {
        "good": SHOP,
        "": SHOP,
        "a\tb": SHOP,
        "c" * 300: SHOP,
        "blank": "  ",
        "number": 5,
        "object": {"body": SHOP},
        "long": "{" * (MAX_BODY_CHARACTERS + 1),
        "nul": SHOP + "\0",
        "surrogate": SHOP + "\ud800",
    }

    manifest = read_manifest("m.json", json.dumps(content).encode())

    assert [entry.id for entry in manifest.entries] == ["good"]
    assert [str(fault) for fault in manifest.faults] == [
        "m.json: an empty id: an id is 1 to 255 printable characters",
        "m.json: a\\tb: an id is 1 to 255 printable characters",
        f"m.json: {'c' * 255}: an id is 1 to 255 printable characters",
        "m.json: blank: has no text",
        "m.json: number: has no text",
        "m.json: object: has no text",
        "m.json: long: its text is longer than 100,000 characters",
        "m.json: nul: its text has characters that cannot be stored",
        "m.json: surrogate: its text has characters that cannot be stored",
    ]


def test_faults_of_apollos_operations_are_named_by_their_place_or_id() -> None:
    content = apollo(
        5, {"name": "Shop", "body": SHOP}, {"id": 7, "body": SHOP}, {"id": "a", "name": 5, "body": SHOP}, {"id": "b"}
    )

    assert faults(content) == [
        "m.json: operation 1: must be an object with an id",
        "m.json: operation 2: must be an object with an id",
        "m.json: operation 3: must be an object with an id",
        "m.json: a: its name must be text",
        "m.json: b: has no text",
    ]


def test_what_stands_twice_is_a_fault_because_readers_differ_on_which_one_counts() -> None:
    twice = json.dumps({"a": SHOP, "b": SEARCH})[:-1] + f', "a": {json.dumps(SEARCH)}' + "}"
    operations = apollo({"id": "a", "body": SHOP}, {"id": "a", "body": SHOP})

    assert faults(twice.encode()) == ["m.json: a: stands twice"]
    assert faults(operations) == ["m.json: a: stands twice"]


def test_nothing_that_a_terminal_would_obey_is_repeated() -> None:
    assert faults({"\x1b[2J": SHOP}, file="a\nb.json") == [
        "a\\nb.json: \\x1b[2J: an id is 1 to 255 printable characters"
    ]


@given(st.dictionaries(IDS, TEXTS, min_size=1).filter(lambda each: not {"format", "operations"} & set(each)))
def test_every_map_of_ids_to_texts_is_read_as_it_is(content: dict[str, str]) -> None:
    manifest = read_manifest("m.json", json.dumps(content).encode())

    assert manifest.faults == ()
    assert {entry.id: entry.body for entry in manifest.entries} == content


@given(st.lists(st.tuples(IDS, TEXTS), min_size=1, unique_by=lambda each: each[0]))
def test_every_list_of_operations_is_read_as_it_is(operations: list[tuple[str, str]]) -> None:
    content = apollo(*({"id": each, "name": "N", "type": "query", "body": body} for each, body in operations))

    manifest = read_manifest("m.json", json.dumps(content).encode())

    assert manifest.faults == ()
    assert [(entry.id, entry.body) for entry in manifest.entries] == operations


@given(st.binary() | st.text().map(lambda each: each.encode("utf-8", "surrogatepass")))
def test_any_file_is_read_or_has_faults(raw: bytes) -> None:
    manifest = read_manifest("m.json", raw)

    assert manifest.entries or manifest.faults


def test_a_card_number_is_named_by_its_entry_and_place_and_not_told() -> None:
    content = {
        "one": 'query A {\n  products(query: "4242 4242 4242 4242") { nodes { id } } }',
        "4242424242424242": SHOP,
    }

    assert faults(content) == [
        "m.json: one: its text has what looks like a payment card number (line 2, column 20)",
        "m.json: [card number]: its id has what looks like a payment card number",
    ]
