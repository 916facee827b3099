"""Serving a folder: types, encodings, validators, and paths that lead out of it."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.http.static_files import StaticFolder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "public"
    folder.mkdir()
    (folder / "index.html").write_text("plain")
    (folder / "index.html.br").write_text("brotli")
    (folder / "index.html.gz").write_text("gzip")
    (folder / "font-AbCdEf12.woff2").write_bytes(b"wOF2")
    (folder / "notes.exe").write_text("no")
    (tmp_path / "secret.txt").write_text("secret")
    return folder


@pytest.fixture
def client(folder: Path) -> httpx.AsyncClient:
    async def serve(request: Request) -> Response:
        return await StaticFolder(folder).respond(request.path_params["path"], request)

    app = Starlette(routes=[Route("/files/{path:path}", serve)])
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://shop.example")


@pytest.mark.parametrize(
    ("accepted", "encoding", "body"),
    [
        ("gzip, deflate, br", "br", b"brotli"),
        ("gzip;q=1.0, br;q=0", "gzip", b"gzip"),
        ("*", "br", b"brotli"),
        ("GZIP", "gzip", b"gzip"),
        ("identity", None, b"plain"),
        ("br;q=nonsense", None, b"plain"),
        ("", None, b"plain"),
    ],
)
async def test_the_best_accepted_variant_is_sent(
    client: httpx.AsyncClient, accepted: str, encoding: str | None, body: bytes
) -> None:
    async with client.stream("GET", "/files/index.html", headers={"accept-encoding": accepted}) as answer:
        sent = b"".join([chunk async for chunk in answer.aiter_raw()])

    assert answer.headers.get("content-encoding") == encoding
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert sent == body


async def test_each_variant_has_its_own_validator(client: httpx.AsyncClient) -> None:
    tags = set()
    for accepted in ("br", "gzip", "identity"):
        async with client.stream("GET", "/files/index.html", headers={"accept-encoding": accepted}) as answer:
            tags.add(answer.headers["etag"])

    assert len(tags) == 3


@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', "*"])
async def test_a_known_file_is_not_sent_again(client: httpx.AsyncClient, form: str) -> None:
    first = await client.get("/files/font-AbCdEf12.woff2")

    again = await client.get(
        "/files/font-AbCdEf12.woff2", headers={"if-none-match": form.format(first.headers["etag"])}
    )

    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]


async def test_only_a_name_with_a_hash_is_kept_for_good(client: httpx.AsyncClient) -> None:
    font, page = await client.get("/files/font-AbCdEf12.woff2"), await client.head("/files/index.html")

    assert font.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert font.headers["content-type"] == "font/woff2"
    assert page.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "path",
    [
        "../secret.txt",
        "..%2Fsecret.txt",
        "%2e%2e/secret.txt",
        "a/../../secret.txt",
        "..%5csecret.txt",
        "/etc/hosts.txt",
        "//etc/hosts.txt",
        "index.html%00.txt",
        "index.html.br",
        "notes.exe",
        ".hidden.txt",
        "missing.html",
        "",
        "a" * 5000 + ".html",
    ],
)
async def test_whatever_is_not_a_public_file_is_not_found(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(httpx.URL(scheme="http", host="shop.example", raw_path=f"/files/{path}".encode()))

    assert answer.status_code == 404
    assert "secret" not in answer.text
