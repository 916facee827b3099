"""Documents by hash and by id over HTTP, as Apollo, urql and Relay ask for them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from app.bootstrap import Shop, build_shop
from app.documents.domain import digest
from app.documents.manifest import Manifest, ManifestEntry
from app.settings import load_settings
from app.web import build_app
from resolvers.document_check import check_document
from resolvers.schema import build_schema
from tests.conftest import Servers
from tests.shopkeeping import new_word

JSON, GRAPHQL_JSON = "application/json", "application/graphql-response+json"
Client = Callable[[str], Any]


def own_query() -> str:
    """A query that no other test has sent."""
    return f"query Shop {{ shop {{ {new_word()}: name }} }}"


def persisted(sha256: str) -> dict[str, Any]:
    return {"persistedQuery": {"version": 1, "sha256Hash": sha256}}


async def post(http: httpx.AsyncClient, *, accept: str = JSON, **body: Any) -> tuple[int, Any]:
    answer = await http.post("/graphql", json=body, headers={"accept": accept})
    return answer.status_code, answer.json()


async def get(http: httpx.AsyncClient, *, accept: str = JSON, **parameters: Any) -> tuple[int, Any]:
    encoded = {name: value if isinstance(value, str) else json.dumps(value) for name, value in parameters.items()}
    answer = await http.get("/graphql", params=encoded, headers={"accept": accept})
    return answer.status_code, answer.json()


def told(answer: tuple[int, Any]) -> tuple[int, str, str]:
    """Status, code and message of a refusal."""
    status, body = answer
    [error] = body["errors"]
    assert "data" not in body
    return status, error["extensions"]["code"], error["message"]


@pytest.fixture
def shop_in(servers: Servers, shop: Shop) -> Callable[[str], Any]:
    """The shop's own database in another mode: `async with shop_in("trusted") as http`."""

    @asynccontextmanager
    async def other(mode: str) -> AsyncIterator[httpx.AsyncClient]:
        other = build_shop(load_settings({**servers.environment(), "CARTOGRAPH_DOCUMENTS": mode}))
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app=build_app(other)), base_url="http://shop.test"
        ) as http:
            yield http
        await other.close()

    return other


async def import_document(shop: Shop, document_id: str, body: str) -> None:
    schema = build_schema()
    outcome = await shop.import_documents(
        [Manifest((ManifestEntry("m.json", document_id, body),))],
        lambda text: check_document(schema, text),
        dry_run=False,
        report_progress=lambda _: None,
    )
    assert outcome.created == 1, outcome


@pytest.mark.parametrize("accept", [JSON, GRAPHQL_JSON])
@pytest.mark.parametrize("send", [post, get])
async def test_a_client_asks_by_hash_teaches_the_text_once_and_then_sends_the_hash_alone(
    http: httpx.AsyncClient, shop_in: Client, send: Any, accept: str
) -> None:
    query = own_query()
    extensions = persisted(digest(query))

    missed = await send(http, accept=accept, extensions=extensions)
    taught = await send(http, accept=accept, extensions=extensions, query=query)
    known = await send(http, accept=accept, extensions=extensions)
    async with shop_in("apq") as other_process:
        elsewhere = await send(other_process, accept=accept, extensions=extensions)

    assert told(missed) == (200, "PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound")
    assert taught[0] == 200
    assert set(taught[1]) == {"data"}
    assert taught == known == elsewhere


async def test_a_text_that_is_not_valid_is_never_kept(http: httpx.AsyncClient) -> None:
    word = new_word()
    wrong = f"{{ {word} }}"
    deep = "{ " + "node(id: 1) { " * 40 + "id" + " }" * 41
    costly = f"{{ {word}: products(first: 100) {{ nodes {{ related(first: 20) {{ name related {{ name }} }} }} }} }}"

    refused = [await post(http, query=each, extensions=persisted(digest(each))) for each in (wrong, deep, costly)]
    after = [await post(http, extensions=persisted(digest(each))) for each in (wrong, deep, costly)]

    assert all("errors" in body for _, body in refused)
    assert [told(each)[1] for each in after] == ["PERSISTED_QUERY_NOT_FOUND"] * 3


async def test_a_hash_of_another_text_is_refused_and_the_text_not_executed(http: httpx.AsyncClient) -> None:
    query, other = own_query(), own_query()

    refused = await post(http, query=query, extensions=persisted(digest(other)))

    assert told(refused) == (400, "BAD_REQUEST", "The query is not the one that sha256Hash was made of.")
    for each in (query, other):
        missed = await post(http, extensions=persisted(digest(each)))
        assert told(missed)[1] == "PERSISTED_QUERY_NOT_FOUND"


async def test_a_persisted_mutation_is_not_executed_by_get(http: httpx.AsyncClient) -> None:
    mutation = f"mutation {{ {new_word()}: cartCreate(input: {{}}) {{ cart {{ id }} }} }}"
    extensions = persisted(digest(mutation))
    created = await post(http, query=mutation, extensions=extensions)

    by_get = await get(http, extensions=extensions)

    assert "errors" not in created[1]
    assert told(by_get) == (405, "BAD_REQUEST", "Send mutations by POST.")


@pytest.mark.parametrize("mode", ["open", "apq", "trusted"])
async def test_an_imported_document_is_executed_in_every_mode(shop: Shop, shop_in: Client, mode: str) -> None:
    query, document_id = own_query(), new_word()
    await import_document(shop, document_id, query)

    async with shop_in(mode) as http:
        answers = [
            await post(http, documentId=document_id),
            await post(http, doc_id=document_id, query=None),
            await get(http, documentId=document_id),
            await post(http, documentId=f"sha256:{digest(query)}"),
            await get(http, extensions=persisted(digest(query))),
            await post(http, query=query),
        ]
        unknown = await post(http, documentId="nothing")

    assert [status for status, _ in answers] == [200] * 6
    assert all(set(body) == {"data"} for _, body in answers)
    assert told(unknown) == (200, "PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound")


async def test_an_imported_document_is_spared_the_limits_on_its_form(shop: Shop, http: httpx.AsyncClient) -> None:
    aliases = " ".join(f"a{number}: name" for number in range(40))
    query, document_id = f"query {new_word()} {{ shop {{ {aliases} }} }}", new_word()
    await import_document(shop, document_id, query)

    by_id = await post(http, documentId=document_id)
    by_text = await post(http, query=query)

    assert len(by_id[1]["data"]["shop"]) == 40
    assert told(by_text)[1] == "GRAPHQL_VALIDATION_FAILED"


async def test_where_only_imported_documents_are_trusted_nothing_else_is_executed(
    http: httpx.AsyncClient, shop_in: Client
) -> None:
    query = own_query()
    extensions = persisted(digest(query))
    await post(http, query=query, extensions=extensions)  # kept, by a process of another mode

    async with shop_in("trusted") as strict:
        plain = await post(strict, query=query)
        spec = await post(strict, query=query, accept=GRAPHQL_JSON)
        introspection = await post(strict, query="{ __schema { queryType { name } } }")
        by_hash = await post(strict, extensions=extensions)

    assert [told(each)[:2] for each in (plain, spec, introspection)] == [
        (200, "QUERY_NOT_IN_SAFELIST"),
        (400, "QUERY_NOT_IN_SAFELIST"),
        (200, "QUERY_NOT_IN_SAFELIST"),
    ]
    assert "cartograph documents import" in told(plain)[2]
    assert told(by_hash)[1] == "PERSISTED_QUERY_NOT_FOUND"


async def test_where_persisted_queries_are_off_clients_are_told_to_send_texts(shop_in: Client) -> None:
    query = own_query()
    extensions = persisted(digest(query))

    async with shop_in("open") as http:
        first = await get(http, extensions=extensions)
        with_text = await post(http, query=query, extensions=extensions)
        again = await get(http, extensions=extensions)

    assert told(first) == told(again) == (200, "PERSISTED_QUERY_NOT_SUPPORTED", "PersistedQueryNotSupported")
    assert set(with_text[1]) == {"data"}
