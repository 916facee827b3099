"""The page of e-mails in development: what it shows, what guards it, what it refuses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from app.http.mail_pages import MailPages
from app.http.pages import Pages
from app.mail.domain import Email
from app.mail.folder_mailer import MailFolder
from tests.unit.fakes import FixedClock

NOON = datetime(2030, 5, 1, 12, 0, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def folder(tmp_path: Path) -> MailFolder:
    return MailFolder(tmp_path, "shop@cartograph.test", "Shop")


def browse(folder: MailFolder | None) -> httpx.AsyncClient:
    mail = MailPages(folder) if folder else None
    pages = Pages(shop_name="Shop", explorer_enabled=False, explorer=None, clock=FixedClock(), mail=mail)
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=Starlette(routes=pages.routes())), base_url="http://shop.test"
    )


async def file_email(folder: MailFolder, subject: str, *, minutes: int = 0) -> str:
    at = NOON + timedelta(minutes=minutes)
    page = f"<p>{subject}</p><script>alert(1)</script>"
    await folder.send(Email(f"<{minutes}@shop.test>", at, "ada@buyers.test", "en", subject, f"Text {HOSTILE}", page))
    return (await folder.newest(limit=1))[0].name


async def test_the_overview_links_to_e_mails_where_they_are_files_and_only_there(folder: MailFolder) -> None:
    async with browse(folder) as client:
        assert '<a href="/mail">' in (await client.get("/")).text
    async with browse(None) as client:
        assert "/mail" not in (await client.get("/")).text
        for path in ("/mail", "/mail/x.html", "/storefront/order"):
            assert (await client.get(path)).status_code == 404


async def test_e_mails_are_shown_newest_first_with_their_text(folder: MailFolder) -> None:
    await file_email(folder, "An older one")
    name = await file_email(folder, f"The newest {HOSTILE}", minutes=1)

    async with browse(folder) as client:
        page = await client.get("/mail")

    assert page.status_code == 200
    assert page.headers["cache-control"] == "no-store"
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert page.text.index("The newest") < page.text.index("An older one")
    assert f'<a href="/mail/{name}.html">' in page.text
    assert "To ada@buyers.test, <time>2030-05-01 12:01:00</time> UTC" in page.text
    assert "<script" not in page.text
    assert "Text &lt;script&gt;" in page.text


async def test_an_empty_folder_says_so(folder: MailFolder) -> None:
    async with browse(folder) as client:
        assert "Nobody has been written to yet." in (await client.get("/mail")).text


async def test_an_e_mail_is_shown_as_it_is_and_may_run_and_load_nothing(folder: MailFolder) -> None:
    name = await file_email(folder, "Hello")

    async with browse(folder) as client:
        page, message = await client.get(f"/mail/{name}.html"), await client.get(f"/mail/{name}.eml")

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.text.startswith("<p>Hello</p>")
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; sandbox")
    assert "allow-scripts" not in policy
    assert message.headers["content-type"] == "message/rfc822"
    assert b"Subject: Hello" in message.content


@pytest.mark.parametrize(
    "file", ["..%2f..%2fetc%2fpasswd", "x.eml", "a.html", "a%00.eml", "20300501T120000000000-0.txt"]
)
async def test_nothing_but_e_mails_is_served(folder: MailFolder, file: str) -> None:
    await file_email(folder, "Hello")

    async with browse(folder) as client:
        assert (await client.get(f"/mail/{file}")).status_code == 404


async def test_a_link_of_an_e_mail_leads_to_what_the_storefront_would_ask(folder: MailFolder) -> None:
    async with browse(folder) as client:
        order = await client.get("/storefront/order", params={"token": "abc-_9"})
        reset = await client.get("/storefront/reset-password", params={"token": "abc"})
        hostile = await client.get("/storefront/order", params={"token": '"}) { id } }<script>'})

    assert "accessToken: &quot;abc-_9&quot;" in order.text
    assert "CARTOGRAPH_STOREFRONT_URL" in reset.text
    assert "<pre" not in hostile.text
    assert "script" not in hostile.text
    async with browse(folder) as client:
        assert (await client.get("/storefront/nowhere")).status_code == 404
