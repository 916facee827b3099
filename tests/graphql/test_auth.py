"""Signing in over HTTP, and what a token is good for."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from app.accounts.domain import Role
from app.accounts.secret_ports import TokenFor
from app.bootstrap import Shop
from app.core.ids import CustomerId, SessionId
from tests.shopkeeping import Api, ManualClock, Shopkeeper, variant_public_id

ADA = {"email": "ada@example.com", "password": "follow-the-contour"}
ME = "{ me { id email name } }"
NOBODY = CustomerId(UUID(int=1))


@pytest.fixture(autouse=True)
async def forgiven(shop: Shop) -> None:
    """Whatever other tests have tried."""
    async with shop.accounts_database.write() as connection:
        await connection.execute(text("DELETE FROM accounts.sign_in_try"))


@pytest.fixture
async def signed_in(http: httpx.AsyncClient) -> dict[str, Any]:
    answer = await http.post("/api/auth/login", json=ADA)
    assert answer.status_code == 200
    return answer.json()


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


async def test_a_sign_in_gives_a_token_for_ten_minutes(api: Api, clock: ManualClock, signed_in: dict[str, Any]) -> None:
    answer = await api(ME, bearer(signed_in["token"]))

    assert signed_in["user"] == {"id": signed_in["user"]["id"], "email": "ada@example.com", "name": "Ada Marsh"}
    assert answer.data == {"me": signed_in["user"]}
    assert (await api(ME, {"authorization": f"bearer {signed_in['token']}"})).data == {"me": signed_in["user"]}
    expires_at = datetime.fromisoformat(signed_in["expiresAt"])
    assert timedelta(minutes=9) < expires_at - datetime.now(UTC) <= timedelta(minutes=10)
    with clock.turned(timedelta(minutes=9)):
        assert (await api(ME, bearer(signed_in["token"]))).data == {"me": signed_in["user"]}
    with clock.turned(timedelta(minutes=10, seconds=1)):
        assert (await api(ME, bearer(signed_in["token"]))).status == 401


@pytest.mark.parametrize("email", ["ADA@example.com", " ada@example.com ", "Ada@Example.Com\n"])
async def test_case_and_space_around_an_address_do_not_matter(http: httpx.AsyncClient, email: str) -> None:
    assert (await http.post("/api/auth/login", json={**ADA, "email": email})).status_code == 200


@pytest.mark.parametrize(
    "credentials",
    [
        {"email": "ada@example.com", "password": "wrong"},
        {"email": "ada@example.com", "password": ""},
        {"email": "ada@example.com", "password": "Follow-the-contour"},
        {"email": "ada@example.com", "password": "follow-the-contour "},
        {"email": "ada@example.com", "password": "north-by-northwest"},
        {"email": "ada@example.com", "password": "x" * 5_000},
        {"email": "nobody@example.com", "password": "follow-the-contour"},
        {"email": "", "password": ""},
        {"email": "' OR 1=1 --", "password": "' OR 1=1 --"},
        {"email": "ada@example.com%", "password": "follow-the-contour"},
        {"email": "🦊@example.com", "password": "🦊"},
    ],
)
async def test_wrong_credentials_are_refused_alike(http: httpx.AsyncClient, credentials: dict[str, str]) -> None:
    answer = await http.post("/api/auth/login", json=credentials)

    assert answer.status_code == 401
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json() == {
        "error": {"code": "CREDENTIALS_INVALID", "message": "The e-mail address or the password is wrong."}
    }


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"1",
        b"{}",
        b"{",
        b'{"email": "ada@example.com"}',
        b'{"email": 1, "password": "x"}',
        b'{"email": null, "password": null}',
        b'{"email": ["ada@example.com"], "password": "x"}',
        b'{"email": "\xff", "password": "x"}',
        b"[" * 9_000,
        b'{"email": "ada@example.com", "email": "ada@example.com", "password": "follow-the-contour"}',
        b'{"email": "ada@example.com", "password": NaN}',
        b'{"email": "ada@example.com", "password": ' + b"9" * 5_000 + b"}",
        b'\xef\xbb\xbf{"email": "ada@example.com", "password": "follow-the-contour"}',
        b"email=ada@example.com&password=follow-the-contour",
    ],
)
async def test_a_malformed_sign_in_is_a_400(http: httpx.AsyncClient, body: bytes) -> None:
    answer = await http.post("/api/auth/login", content=body, headers={"content-type": "application/json"})

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "BAD_REQUEST"


@pytest.mark.parametrize(
    "body",
    [
        b'{"email": "\\ud800", "password": "x"}',
        b'{"email": "a", "password": "\\udfff"}',
        b'{"email": "a\\u0000b", "password": "x"}',
        b'{"email": "ada@example.com", "password": "a\\u0000b"}',
        b'{"email": "a", "password": "x", "note": {"\\u0000": 1}}',
    ],
)
async def test_text_that_is_none_is_a_400(http: httpx.AsyncClient, body: bytes) -> None:
    answer = await http.post("/api/auth/login", content=body, headers={"content-type": "application/json"})

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BAD_USER_INPUT")


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "application/json", "content-encoding": "gzip"},
    ],
)
async def test_a_sign_in_that_is_not_plain_json_is_a_415(http: httpx.AsyncClient, headers: dict[str, str]) -> None:
    answer = await http.post("/api/auth/login", content=json.dumps(ADA), headers=headers)

    assert (answer.status_code, answer.json()["error"]["code"]) == (415, "BAD_REQUEST")


async def test_a_sign_in_larger_than_10_kilobytes_is_refused(http: httpx.AsyncClient) -> None:
    answer = await http.post("/api/auth/login", json={"email": "a" * 10_000, "password": "x"})

    assert answer.status_code == 413


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_signing_in_is_a_post(http: httpx.AsyncClient, method: str) -> None:
    answer = await http.request(method, "/api/auth/login")

    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"


async def test_without_a_token_everybody_is_a_guest(api: Api) -> None:
    assert await api.data(ME) == {"me": None}


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Bearer nonsense",
        "Bearer a.b.c",
        "Bearer " + "x" * 5_000,
        "Bearer ünïcode".encode().decode("latin-1"),
        "Basic YWRhOng=",
        "nonsense",
        "",
        "Bearer null",
        "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.",
    ],
)
async def test_a_bad_token_is_a_401_and_not_a_guest(http: httpx.AsyncClient, header: str) -> None:
    answer = await http.post(
        "/graphql", json={"query": "{ shop { name } }"}, headers=[(b"authorization", header.encode("latin-1"))]
    )

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    body = answer.json()
    assert "data" not in body
    assert [error["extensions"]["code"] for error in body["errors"]] == ["UNAUTHENTICATED"]


def _encoded(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


async def test_no_change_of_a_genuine_token_is_accepted(api: Api, signed_in: dict[str, Any]) -> None:
    header, claims, signature = signed_in["token"].split(".")
    decoded = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    plain_header = json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))
    forged = {
        "other signature": f"{header}.{claims}.{signature[:-4]}AAAA",
        "no signature": f"{header}.{claims}.",
        "other subject": f"{header}.{_encoded({**decoded, 'sub': str(NOBODY)})}.{signature}",
        "longer life": f"{header}.{_encoded({**decoded, 'exp': decoded['exp'] + 9_999})}.{signature}",
        "no algorithm": f"{_encoded({**plain_header, 'alg': 'none'})}.{claims}.",
        "other algorithm": f"{_encoded({**plain_header, 'alg': 'HS256'})}.{claims}.{signature}",
        "other type": f"{_encoded({**plain_header, 'typ': 'JWT'})}.{claims}.{signature}",
    }

    statuses = {name: (await api(ME, bearer(token))).status for name, token in forged.items()}

    assert statuses == dict.fromkeys(forged, 401)
    assert (await api(ME, bearer(signed_in["token"]))).status == 200


async def test_the_token_of_an_account_that_is_gone_belongs_to_nobody(api: Api, shop: Shop) -> None:
    token, _ = await shop.accounts.tokens.issue(TokenFor(NOBODY, SessionId(UUID(int=2)), Role.CUSTOMER))

    answer = await api(ME, bearer(token))

    assert (answer.status, answer.errors, answer.data) == (200, [], {"me": None})


async def test_an_order_token_is_no_access_token(api: Api, keeper: Shopkeeper) -> None:
    mug = await keeper.stock("Mug")
    outcome = await api.checkout(await api.ready_cart((mug.variant_id, 1)))

    assert (await api(ME, bearer(outcome["orderAccessToken"]))).status == 401


async def test_a_signed_in_customer_shops_like_a_guest(api: Api, keeper: Shopkeeper, signed_in: dict[str, Any]) -> None:
    mug = await keeper.stock("Mug")
    query = "mutation ($i: CartCreateInput!) { cartCreate(input: $i) { cart { totalQuantity } } }"

    answer = await api(
        query, bearer(signed_in["token"]), i={"lines": [{"variantId": variant_public_id(mug.variant_id)}]}
    )

    assert answer.data == {"cartCreate": {"cart": {"totalQuantity": 1}}}


async def test_passwords_are_stored_as_argon2id_hashes_of_the_agreed_cost(shop: Shop) -> None:
    async with shop.database.read_fresh() as connection:
        rows = (await connection.execute(text("SELECT password_hash FROM accounts.customer"))).scalars().all()

    assert len(rows) >= 2
    assert {row.rpartition("$")[0].rpartition("$")[0] for row in rows} == {"$argon2id$v=19$m=19456,t=2,p=1"}
