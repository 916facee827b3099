from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.types import Message

from app.core.errors import CardDataNotAllowed
from app.documents.asked_document import AskedDocument
from app.http.body import BadRequest
from app.http.graphql_request import MAX_BODY_BYTES, MAX_QUERY_CHARACTERS, GraphQLRequest, read_request

AS_JSON = {"content-type": "application/json"}


class Chunks:
    """A request's body as it arrives. taken: how many messages were asked for."""

    def __init__(self, chunks: Sequence[bytes], *, breaks_off: bool = False) -> None:
        self._messages: list[Message] = [
            {"type": "http.request", "body": chunk, "more_body": breaks_off or place < len(chunks) - 1}
            for place, chunk in enumerate(chunks)
        ]
        self._messages.append({"type": "http.disconnect"})
        self.taken = 0

    async def __call__(self) -> Message:
        self.taken += 1
        return self._messages.pop(0)


async def read(
    body: bytes | Chunks = b"", *, method: str = "POST", query: str = "", headers: dict[str, str] | None = None
) -> GraphQLRequest:
    scope = {
        "type": "http",
        "method": method,
        "path": "/graphql",
        "query_string": query.encode(),
        "headers": [
            (name.encode(), value.encode()) for name, value in (AS_JSON if headers is None else headers).items()
        ],
    }
    return await read_request(Request(scope, body if isinstance(body, Chunks) else Chunks([body])))


async def refused(body: bytes | Chunks = b"", **request: Any) -> tuple[int, str, str]:
    with pytest.raises(BadRequest) as refusal:
        await read(body, **request)
    return refusal.value.status, refusal.value.code, refusal.value.message


def body(**values: Any) -> bytes:
    return json.dumps(values).encode()


# ------------------------------------------------------------------------------------------------ by POST


async def test_a_post_carries_query_name_and_variables() -> None:
    asked = await read(body(query="{a}", operationName="A", variables={"b": [1, "ä"]}, extensions={"c": 1}, other=1))

    assert asked == GraphQLRequest(AskedDocument("{a}"), "A", {"b": [1, "ä"]})


@pytest.mark.parametrize("absent", [{}, {"operationName": None, "variables": None, "extensions": None}])
async def test_what_is_absent_or_null_is_empty(absent: dict[str, Any]) -> None:
    assert await read(body(query="{a}", **absent)) == GraphQLRequest(AskedDocument("{a}"), None, {})


async def test_an_empty_operation_name_is_none() -> None:
    assert (await read(body(query="{a}", operationName=""))).operation_name is None


async def test_a_body_may_come_in_pieces() -> None:
    whole = body(query="{a}")

    assert (await read(Chunks([whole[:3], b"", whole[3:]]))).document.text == "{a}"


@pytest.mark.parametrize(
    "media_type", ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON", " application/json "]
)
async def test_json_is_taken_however_it_is_announced(media_type: str) -> None:
    assert (await read(body(query="{a}"), headers={"content-type": media_type})).document.text == "{a}"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": ""},
        {"content-type": "text/plain"},
        {"content-type": "application/graphql"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "multipart/form-data; boundary=x"},
        {"content-type": "application/jsonp"},
    ],
)
async def test_another_media_type_is_refused_before_the_body_is_read(headers: dict[str, str]) -> None:
    arriving = Chunks([body(query="{a}")])

    status, code, _ = await refused(arriving, headers=headers)

    assert (status, code) == (415, "BAD_REQUEST")
    assert arriving.taken == 0


async def test_a_compressed_body_is_refused_and_told_what_is_taken() -> None:
    with pytest.raises(BadRequest) as refusal:
        await read(body(query="{a}"), headers={**AS_JSON, "content-encoding": "gzip"})

    assert (refusal.value.status, refusal.value.headers) == (415, {"accept-encoding": "identity"})


async def test_a_body_that_is_encoded_as_nothing_is_taken() -> None:
    assert (await read(body(query="{a}"), headers={**AS_JSON, "content-encoding": "Identity"})).document.text == "{a}"


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        (b"", "The body is not valid JSON."),
        (b"{", "The body is not valid JSON."),
        (b"{a}", "The body is not valid JSON."),
        (b'{"query":"{a}"} x', "The body is not valid JSON."),
        (b'{"query":"{a}"', "The body is not valid JSON."),
        (b'{"query":"\xff"}', "The body is not valid JSON."),
        (b'{"query":"{a}","variables":{"b":NaN}}', "The body has a number that JSON does not have."),
        (b"\x1f\x8b\x08\x00", "The body is not valid JSON."),
        pytest.param(
            b'{"query":"{a}","variables":{"b":' + b"1" * 5_000 + b"}}", "The body is not valid JSON.", id="5000 digits"
        ),
        pytest.param(b"[" * 50_000, "The body is nested too deeply.", id="50000 brackets"),
        (b"null", "The body must be one JSON object; batches are not supported."),
        (b"7", "The body must be one JSON object; batches are not supported."),
        (b'"{a}"', "The body must be one JSON object; batches are not supported."),
        (b"[]", "The body must be one JSON object; batches are not supported."),
        (b'[{"query":"{a}"}]', "The body must be one JSON object; batches are not supported."),
        (b"{}", "The request has no query."),
        (body(query=None), "The request has no query."),
        (body(query=""), "The request has no query."),
        (body(query=" \n\t "), "The request has no query."),
        (body(query=7), "query must be a string."),
        (body(query=["{a}"]), "query must be a string."),
        (body(query="{a}", operationName=7), "operationName must be a string."),
        (body(query="{a}", operationName=["A"]), "operationName must be a string."),
        (body(query="{a}", variables="{}"), "variables must be an object."),
        (body(query="{a}", variables=[1]), "variables must be an object."),
        (body(query="{a}", variables=0), "variables must be an object."),
        (body(query="{a}", variables=False), "variables must be an object."),
        (body(query="{a}", extensions=[]), "extensions must be an object."),
        (body(query="{a}", extensions="x"), "extensions must be an object."),
    ],
)
async def test_a_malformed_body_is_refused(sent: bytes, message: str) -> None:
    assert await refused(sent) == (400, "BAD_REQUEST", message)


@pytest.mark.parametrize("depth", [50, 250, 900, 5_000])
@pytest.mark.parametrize(("opened", "closed"), [("[", "]"), ('{"a":', "}")])
async def test_variables_of_any_depth_are_taken_or_refused(depth: int, opened: str, closed: str) -> None:
    nested = opened * depth + "1" + closed * depth
    sent = f'{{"query":"{{a}}","variables":{{"b":{nested}}}}}'.encode()

    try:
        asked = await read(sent)
    except BadRequest as refusal:
        status = refusal.status
    else:
        status = 200
        assert set(asked.variables) == {"b"}

    assert status in (200, 400)
    assert depth < 250 or status == 400


# ------------------------------------------------------------------------------------------------ sizes


async def test_a_body_has_100_000_bytes_at_most() -> None:
    frame = len(body(query="{a}", extensions={"pad": ""}))
    largest = body(query="{a}", extensions={"pad": "x" * (MAX_BODY_BYTES - frame)})

    assert len(largest) == MAX_BODY_BYTES == 100_000
    assert (await read(largest)).document.text == "{a}"
    assert await refused(largest + b" ") == (413, "BAD_REQUEST", "The body is larger than 100000 bytes.")


async def test_no_more_of_a_large_body_is_read_than_has_to_be() -> None:
    arriving = Chunks([b" " * 60_000] * 100)

    status, _, _ = await refused(arriving)

    assert status == 413
    assert arriving.taken == 2


async def test_a_body_that_breaks_off_is_refused() -> None:
    assert await refused(Chunks([b'{"query":'], breaks_off=True)) == (400, "BAD_REQUEST", "The body ended early.")


async def test_a_query_has_20_000_characters_at_most() -> None:
    longest = "{a}".ljust(MAX_QUERY_CHARACTERS, "ä")

    assert (await read(json.dumps({"query": longest}, ensure_ascii=False).encode())).document.text == longest
    assert await refused(json.dumps({"query": f"{longest}ä"}, ensure_ascii=False).encode()) == (
        413,
        "BAD_REQUEST",
        "The query is longer than 20000 characters.",
    )


@pytest.mark.parametrize("raw", [b'{"query":"\\ud800 lone"}', b'{"query":"{a}","variables":{"\\udfff":[1]}}'])
async def test_half_of_a_surrogate_pair_is_refused(raw: bytes) -> None:
    assert await refused(raw) == (400, "BAD_USER_INPUT", "Text must not have half of a surrogate pair.")


@pytest.mark.parametrize(
    "raw", [b'{"query":"{a}","query":"{b}"}', b'{"query":"{a}","variables":{"b":[{"c":1,"c":1}]}}']
)
async def test_a_key_that_stands_twice_in_one_object_is_refused(raw: bytes) -> None:
    assert await refused(raw) == (400, "BAD_REQUEST", "The body has a key twice in one object.")


# ------------------------------------------------------------------------------------------------ NUL


@pytest.mark.parametrize(
    "sent",
    [
        {"query": '{a(b: "\0")}'},
        {"query": r'{a(b: "\u0000")}'},
        {"query": r'{a(b: "\u{0}")}'},
        {"query": r'{a(b: "\u{000000}")}'},
        {"query": "{a}", "variables": {"b": "x\0y"}},
        {"query": "{a}", "variables": {"b": {"c": [1, ["\0"]]}}},
        {"query": "{a}", "variables": {"b\0": 1}},
        {"query": "{a}", "variables": {"b": {"c\0": 1}}},
    ],
)
async def test_nul_is_refused_wherever_it_hides(sent: dict[str, Any]) -> None:
    assert await refused(body(**sent)) == (400, "BAD_USER_INPUT", "Text must not have NUL characters.")


@pytest.mark.parametrize("text", [r"\u0001", r"\u0041", r"\u{10}", r"\u{1}", "0", r"\n"])
async def test_other_escapes_are_taken(text: str) -> None:
    query = f'{{a(b: "{text}")}}'

    assert (await read(body(query=query))).document.text == query


# ------------------------------------------------------------------------------------------------ by GET


async def test_a_get_carries_the_same_in_its_query_string() -> None:
    variables = quote(json.dumps({"b": [1, "ä"]}))

    asked = await read(
        method="GET", query=f"query={quote('{a}')}&operationName=A&variables={variables}&extensions=%7B%7D"
    )

    assert asked == GraphQLRequest(AskedDocument("{a}"), "A", {"b": [1, "ä"]})


@pytest.mark.parametrize("absent", ["", "&operationName=", "&variables=null", "&extensions=null&other=1"])
async def test_what_is_absent_in_a_query_string_is_empty(absent: str) -> None:
    assert await read(method="GET", query=f"query=%7Ba%7D{absent}") == GraphQLRequest(AskedDocument("{a}"), None, {})


async def test_a_get_needs_no_content_type_and_its_body_is_not_read() -> None:
    arriving = Chunks([b"\xff" * 200_000])

    asked = await read(arriving, method="GET", query="query=%7Ba%7D", headers={})

    assert asked.document.text == "{a}"
    assert arriving.taken == 0


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("", "The request has no query."),
        ("query=", "The request has no query."),
        ("variables=%7B%7D", "The request has no query."),
        ("query=%7Ba%7D&variables=%7B", "variables is not valid JSON."),
        ("query=%7Ba%7D&variables=%FF", "variables is not valid JSON."),
        ("query=%7Ba%7D&variables=%22%7B%7D%22", "variables must be an object."),
        ("query=%7Ba%7D&variables=[1]", "variables must be an object."),
        ("query=%7Ba%7D&extensions=x", "extensions is not valid JSON."),
        ("query=%7Ba%7D&extensions=7", "extensions must be an object."),
    ],
)
async def test_a_malformed_query_string_is_refused(query: str, message: str) -> None:
    assert await refused(method="GET", query=query) == (400, "BAD_REQUEST", message)


async def test_nul_in_a_query_string_is_refused() -> None:
    assert (await refused(method="GET", query="query=%7Ba%00%7D"))[:2] == (400, "BAD_USER_INPUT")


# ------------------------------------------------------------------------------------------------ documents by name

HASH = "f" * 64
PERSISTED = {"persistedQuery": {"version": 1, "sha256Hash": HASH}}


@pytest.mark.parametrize(
    ("values", "document"),
    [
        ({"extensions": PERSISTED}, AskedDocument(sha256=HASH)),
        ({"extensions": PERSISTED, "query": "{a}"}, AskedDocument("{a}", sha256=HASH)),
        ({"documentId": "shop-v1"}, AskedDocument(document_id="shop-v1")),
    ],
)
async def test_a_document_may_be_named_instead_of_sent(values: dict[str, Any], document: AskedDocument) -> None:
    parameters = "&".join(
        f"{name}={quote(value if isinstance(value, str) else json.dumps(value))}" for name, value in values.items()
    )

    by_post = await read(body(**values, variables={"b": 1}))
    by_get = await read(method="GET", query=f"{parameters}&variables={quote(json.dumps({'b': 1}))}")

    assert by_post == by_get == GraphQLRequest(document, None, {"b": 1})


async def test_a_document_that_is_named_wrongly_is_refused() -> None:
    half = {"persistedQuery": {"version": 1, "sha256Hash": HASH[1:]}}
    message = "extensions.persistedQuery.sha256Hash must be a SHA-256, 64 hexadecimal digits."

    assert await refused(body(extensions=half)) == (400, "BAD_REQUEST", message)
    assert (await refused(method="GET", query=f"extensions={quote(json.dumps(half))}"))[2] == message


# ------------------------------------------------------------------------------------------------ anything at all

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
fields = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("query", "operationName", "variables", "extensions", "documentId", "id"), anything)
)


@settings(deadline=None, max_examples=150)
@given(
    st.binary(max_size=60) | anything.map(lambda value: json.dumps(value).encode()) | fields.map(lambda f: body(**f))
)
async def test_any_body_is_a_request_or_a_refusal(sent: bytes) -> None:
    try:
        asked = await read(sent)
    except BadRequest as refusal:
        status = refusal.status
    except CardDataNotAllowed:
        status = 400
    else:
        status = 200
        assert asked.document != AskedDocument()
        assert "\0" not in (asked.document.text or asked.document.document_id or "")

    assert status in (200, 400)


@settings(deadline=None, max_examples=100)
@given(st.text(max_size=60) | st.text("query=variables&%7B00D", max_size=60))
async def test_any_query_string_is_a_request_or_a_refusal(query: str) -> None:
    try:
        asked = await read(method="GET", query=query.encode("utf-8", "replace").decode())
    except BadRequest as refusal:
        status = refusal.status
    except CardDataNotAllowed:
        status = 400
    else:
        status = 200
        assert asked.document != AskedDocument()

    assert status in (200, 400)
