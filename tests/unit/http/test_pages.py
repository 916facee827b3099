"""The pages for people: what they show, which headers guard them, what they refuse."""

from __future__ import annotations

import fcntl
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import msgspec
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from app.http.explorer_assets import BuildState, BuildStatus, ExplorerAssets, lock_file
from app.http.pages import Pages

NOON = datetime(2030, 5, 1, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class StoppedClock:
    def now(self) -> datetime:
        return NOON

    def monotonic(self) -> float:
        return 0.0


@pytest.fixture
def explorer(tmp_path: Path) -> ExplorerAssets:
    folder = tmp_path / "0123456789abcdef"
    folder.mkdir()
    return ExplorerAssets(folder / "dist", folder)


def build(explorer: ExplorerAssets) -> None:
    (explorer.dist / "assets").mkdir(parents=True)
    (explorer.dist / "index.html").write_text("<title>GraphQL explorer</title>")
    (explorer.dist / "assets" / "index-Bx7aQ2_p.js").write_text("export {}")


def report(explorer: ExplorerAssets, state: BuildState, message: str = "") -> None:
    assert explorer.folder is not None
    status = BuildStatus(state, NOON - timedelta(seconds=7), message)
    (explorer.folder / "status.json").write_bytes(msgspec.json.encode(status))


@contextmanager
def builder_at_work(explorer: ExplorerAssets) -> Iterator[None]:
    assert explorer.folder is not None
    with lock_file(explorer.folder).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def browse(
    explorer: ExplorerAssets | None, *, enabled: bool = True, shop_name: str = "Fell & Foss"
) -> httpx.AsyncClient:
    pages = Pages(shop_name=shop_name, explorer_enabled=enabled, explorer=explorer, clock=StoppedClock())
    app = Starlette(routes=[*pages.routes(), Route("/graphql", pages.explorer_page)])
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://shop.example:8000")


async def test_overview_links_to_everything_and_runs_no_script(explorer: ExplorerAssets) -> None:
    async with browse(explorer) as client:
        page = await client.get("/")

    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    for address in ("/graphql", "/graphql/schema.graphql", "/readyz", "/metrics"):
        assert f'<a href="{address}">' in page.text
    assert "<h1>Fell &amp; Foss</h1>" in page.text
    for inline in ("<script", "<style", " style=", " onclick="):
        assert inline not in page.text


async def test_overview_escapes_the_name_of_the_shop(explorer: ExplorerAssets) -> None:
    async with browse(explorer, shop_name="<b>Mugs</b>") as client:
        page = await client.get("/")

    assert "<b>" not in page.text
    assert "&lt;b&gt;Mugs&lt;/b&gt;" in page.text


async def test_overview_shows_a_command_that_a_shell_understands(explorer: ExplorerAssets) -> None:
    async with browse(explorer) as client:
        page = await client.get("/")

    command = page.text.partition("<code>")[2].partition("</code>")[0]
    words = shlex.split(command)
    assert words[:4] == ["curl", "-sG", "http://shop.example:8000/graphql", "--data-urlencode"]
    assert words[4].startswith("query={")
    assert 'products(query: "mug", first: 3)' in words[4]


@pytest.mark.parametrize("host", ["evil.example/';id;'", 'x"><script>', "a b", ""])
async def test_overview_never_repeats_a_host_that_is_not_one(explorer: ExplorerAssets, host: str) -> None:
    async with browse(explorer) as client:
        page = await client.get("/", headers={"host": host})

    assert "http://localhost:8000/graphql" in page.text
    assert "evil" not in page.text
    assert "<script" not in page.text


async def test_overview_hides_the_explorer_where_it_is_off(explorer: ExplorerAssets) -> None:
    async with browse(explorer, enabled=False) as client:
        page = await client.get("/")

    assert '<a href="/graphql">' not in page.text


@pytest.mark.parametrize("path", ["/", "/graphql", "/explorer/index.html", "/static/pages.css", "/favicon.svg"])
async def test_every_page_is_guarded(explorer: ExplorerAssets, path: str) -> None:
    build(explorer)

    async with browse(explorer) as client:
        answer = await client.get(path)

    assert answer.status_code == 200
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    policy = dict(rule.strip().partition(" ")[::2] for rule in answer.headers["content-security-policy"].split(";"))
    assert policy["frame-ancestors"] == "'none'"
    assert policy.get("script-src", "'self'") == "'self'"
    sources = {source for rule in policy.values() for source in rule.split()}
    assert sources <= {"'self'", "'none'", "'unsafe-inline'", "data:", ""}


async def test_only_the_explorer_may_use_inline_styles(explorer: ExplorerAssets) -> None:
    build(explorer)

    async with browse(explorer) as client:
        landing, page = await client.get("/"), await client.get("/graphql")

    assert "unsafe-inline" not in landing.headers["content-security-policy"]
    assert "style-src 'self' 'unsafe-inline'" in page.headers["content-security-policy"]


async def test_explorer_page_is_the_built_one_and_is_asked_for_again_each_time(explorer: ExplorerAssets) -> None:
    build(explorer)

    async with browse(explorer) as client:
        page = await client.get("/graphql")
        asset = await client.get("/explorer/assets/index-Bx7aQ2_p.js")

    assert (page.status_code, page.text) == (200, "<title>GraphQL explorer</title>")
    assert page.headers["cache-control"] == "no-cache"
    assert page.headers["vary"] == "Accept, Accept-Encoding"
    assert asset.headers["content-type"] == "text/javascript; charset=utf-8"
    assert asset.headers["cache-control"] == "public, max-age=31536000, immutable"


async def test_explorer_page_says_that_it_is_being_built_and_reloads_itself(explorer: ExplorerAssets) -> None:
    report(explorer, BuildState.BUILDING, "Fetching Node")

    with builder_at_work(explorer):
        async with browse(explorer) as client:
            page = await client.get("/graphql")

    assert page.status_code == 503
    assert page.headers["retry-after"] == "2"
    assert page.headers["cache-control"] == "no-store"
    assert '<meta http-equiv="refresh" content="2">' in page.text
    assert "Fetching Node … 7 s so far." in page.text


async def test_explorer_page_does_not_believe_a_builder_that_is_gone(explorer: ExplorerAssets) -> None:
    report(explorer, BuildState.BUILDING, "Fetching Node")
    assert explorer.folder is not None
    lock_file(explorer.folder).touch()

    async with browse(explorer) as client:
        page = await client.get("/graphql")

    assert page.status_code == 503
    assert "http-equiv" not in page.text
    assert "./run explorer" in page.text


async def test_explorer_page_tells_why_the_build_failed_and_how_to_try_again(explorer: ExplorerAssets) -> None:
    report(explorer, BuildState.FAILED, "connect <refused>. Fix: plug it in.")

    async with browse(explorer) as client:
        page = await client.get("/graphql")

    assert page.status_code == 503
    assert "connect &lt;refused&gt;. Fix: plug it in." in page.text
    assert "./run explorer" in page.text
    assert "http-equiv" not in page.text


async def test_explorer_page_tells_how_to_build_it(explorer: ExplorerAssets) -> None:
    async with browse(explorer) as client:
        page = await client.get("/graphql")

    assert page.status_code == 503
    assert "The explorer is not built yet" in page.text
    assert "./run explorer" in page.text


async def test_explorer_page_says_that_this_installation_has_none() -> None:
    async with browse(None) as client:
        page, asset = await client.get("/graphql"), await client.get("/explorer/index.html")

    assert page.status_code == 503
    assert "installed without the explorer" in page.text
    assert asset.status_code == 404


async def test_explorer_that_is_off_serves_nothing(explorer: ExplorerAssets) -> None:
    build(explorer)

    async with browse(explorer, enabled=False) as client:
        page, asset = await client.get("/graphql"), await client.get("/explorer/index.html")

    assert page.status_code == 404
    assert asset.status_code == 404


async def test_demo_picture_is_kept_long_and_may_be_shown_by_storefronts(explorer: ExplorerAssets) -> None:
    async with browse(explorer) as client:
        picture = await client.get("/media/demo/trail-mug.svg")

    assert picture.status_code == 200
    assert picture.headers["content-type"] == "image/svg+xml"
    assert picture.headers["cache-control"] == "public, max-age=2592000, immutable"
    assert picture.headers["cross-origin-resource-policy"] == "cross-origin"
    assert picture.headers["content-security-policy"].startswith("default-src 'none'; sandbox")


@pytest.mark.parametrize(
    "name", ["Trail.svg", "a%3Cb.svg", "a_b.svg", ".svg", "trail-mug.png", f"{'a' * 129}.svg", "a/b.svg"]
)
async def test_demo_picture_needs_a_slug(explorer: ExplorerAssets, name: str) -> None:
    async with browse(explorer) as client:
        answer = await client.get(f"/media/demo/{name}")

    assert answer.status_code == 404


@pytest.mark.parametrize("path", ["/", "/explorer/index.html", "/media/demo/trail-mug.svg", "/static/pages.css"])
async def test_pages_answer_head_without_a_body_and_refuse_post(explorer: ExplorerAssets, path: str) -> None:
    build(explorer)

    async with browse(explorer) as client:
        head, post = await client.head(path), await client.post(path)

    assert (head.status_code, head.content) == (200, b"")
    assert post.status_code == 405


async def test_both_icons_are_the_same_picture(explorer: ExplorerAssets) -> None:
    async with browse(explorer) as client:
        icons = [await client.get("/favicon.ico"), await client.get("/favicon.svg")]

    assert {icon.headers["content-type"] for icon in icons} == {"image/svg+xml"}
    assert icons[0].content == icons[1].content
