"""What breaks inside stays inside: a code, a message that says nothing, a request id."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, NoReturn

import httpx
import pytest

from app.bootstrap import Shop, build_shop
from app.core.errors import Bug, ClientError, DatabaseUnavailable, OperationalError
from app.settings import load_settings
from app.web import build_app
from tests.conftest import Servers
from tests.shopkeeping import Answer, Api

SECRET = "SELECT password FROM /etc/shadow WHERE key = 'sk_live_1'"
SEARCH = '{ shop { name } searchSuggestions(query: "x") { queries } }'


class Broken:
    """Search, a reader and an authenticator that fail with one error."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    async def _fail(self, *_: object, **__: object) -> NoReturn:
        raise self._error

    page = count = facets = suggest = __call__ = _fail


@asynccontextmanager
async def served(shop: Shop) -> AsyncIterator[Api]:
    transport = httpx.ASGITransport(app=build_app(shop))
    async with httpx.AsyncClient(transport=transport, base_url="http://broken.test") as client:
        yield Api(client)


async def ask(shop: Shop, error: BaseException, query: str = SEARCH) -> Answer:
    """The answer of a shop whose search fails."""
    broken: Any = Broken(error)
    async with served(replace(shop, services=replace(shop.services, search=broken, read_cart=broken))) as api:
        return await api(query, {"x-request-id": "request-of-the-test"})


@pytest.mark.parametrize(
    "error",
    [
        ValueError(SECRET),
        KeyError(SECRET),
        AssertionError(SECRET),
        RecursionError(SECRET),
        MemoryError(SECRET),
        Bug(SECRET),
        ZeroDivisionError(SECRET),
        UnicodeDecodeError("utf-8", b"x", 0, 1, SECRET),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_an_unexpected_error_is_masked(shop: Shop, error: Exception) -> None:
    answer = await ask(shop, error)

    assert answer.status == 200
    assert answer.data is None
    assert answer.errors == [
        {
            "message": "Something went wrong on our side.",
            "extensions": {
                "code": "INTERNAL_SERVER_ERROR",
                "requestId": "request-of-the-test",
                "retryable": True,
            },
            "locations": [{"line": 1, "column": 17}],
            "path": ["searchSuggestions"],
        }
    ]


async def test_what_can_be_null_leaves_the_rest_of_the_answer(shop: Shop) -> None:
    cart = 'cart(id: "cart_1111111111111111111111") { id }'

    answer = await ask(shop, ValueError(SECRET), f"{{ shop {{ name }} {cart} }}")

    assert answer.data == {"shop": {"name": "Cartograph"}, "cart": None}
    assert answer.codes() == ["INTERNAL_SERVER_ERROR"]
    assert SECRET not in str(answer)


@pytest.mark.parametrize("error", [DatabaseUnavailable(SECRET), OperationalError(SECRET)])
async def test_an_outage_says_when_to_try_again_and_not_what_is_out(shop: Shop, error: Exception) -> None:
    answer = await ask(shop, error)

    assert answer.errors == [
        {
            "message": "The shop cannot answer this right now: try again soon.",
            "extensions": {
                "code": "SERVICE_UNAVAILABLE",
                "requestId": "request-of-the-test",
                "retryable": True,
                "retryAfterMs": 5_000,
            },
            "locations": [{"line": 1, "column": 17}],
            "path": ["searchSuggestions"],
        }
    ]


async def test_an_expected_error_keeps_its_message(shop: Shop) -> None:
    answer = await ask(shop, ClientError("Words for the client."))

    assert [(error["message"], error["extensions"]["code"]) for error in answer.errors] == [
        ("Words for the client.", "BAD_USER_INPUT")
    ]


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [(ValueError(SECRET), 500, "INTERNAL_SERVER_ERROR"), (DatabaseUnavailable(SECRET), 503, "SERVICE_UNAVAILABLE")],
)
async def test_what_breaks_outside_of_graphql_is_masked_too(
    shop: Shop, error: Exception, status: int, code: str
) -> None:
    broken: Any = SimpleNamespace(sign_in=Broken(error))
    async with served(replace(shop, accounts=replace(shop.accounts, service=broken))) as api:
        answer = await api.http.post("/api/auth/login", json={"email": "a@example.com", "password": "x"})

    assert answer.status_code == status
    told = answer.json()
    codes = [each["extensions"]["code"] for each in told["errors"]] if status == 500 else [told["error"]["code"]]
    assert codes == [code]
    assert SECRET not in answer.text
    if status == 500:
        assert told["errors"][0]["extensions"]["requestId"] == answer.headers["x-request-id"]
    assert answer.headers.get("retry-after") == ("5" if status == 503 else None)


async def test_a_shop_that_keeps_its_schema_to_itself(shop: Shop, servers: Servers) -> None:
    closed = build_shop(load_settings({**servers.environment(), "CARTOGRAPH_INTROSPECTION": "false"}))
    async with served(closed) as api:
        answers = [
            await api(query) for query in ("{ __schema { types { name } } }", '{ __type(name: "Shop") { name } }')
        ]
        name = await api.data("{ shop { name } __typename }")
        schema = await api.http.get("/graphql/schema.graphql")
    await closed.close()

    assert [set(answer.codes()) for answer in answers] == [{"GRAPHQL_VALIDATION_FAILED"}] * 2
    assert [answer.data for answer in answers] == [None, None]
    assert name == {"shop": {"name": "Cartograph"}, "__typename": "Query"}
    assert schema.status_code == 404


async def test_a_shop_without_a_schema_in_its_database_is_not_ready_and_says_why(servers: Servers) -> None:
    servers.postgres.create_database("not_migrated")
    empty = build_shop(load_settings(servers.environment("not_migrated")))
    async with served(empty) as api:
        ready = await api.http.get("/readyz")
        alive = await api.http.get("/livez")
    await empty.close()
    servers.postgres.drop_database("not_migrated")

    assert (ready.status_code, ready.headers["retry-after"]) == (503, "1")
    assert ready.text == "the database has no schema yet: run `cartograph migrate`\n"
    assert alive.status_code == 200
