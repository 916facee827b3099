"""A real Chromium on a running stack, watched for everything that a shopper's browser would not like.

Skipped with a reason where there is no Chromium, or where the explorer cannot be built (no registry in reach).
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.conftest import RunningStack

CHECKOUT = Path(__file__).resolve().parents[2]
WAIT_SECONDS = 30  # for what a page shows in tenths of a second on a machine with nothing else to do
BUILD_SECONDS = 600  # first time, on a slow network: Node and 115 packages
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)
TAKEN_BACK = "net::ERR_ABORTED"  # by the page itself, which was reloaded or closed while a part was still on its way
REPORT_VIOLATIONS = """
    globalThis.violations = [];
    addEventListener('securitypolicyviolation', (event) =>
      violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`));
"""


class Faults(list[str]):
    """What went wrong on a page, as it happens: strange hosts, refused resources, errors on the console."""

    def watch(self, page: Page, origin: str) -> None:
        """Note the page's faults from now on. `origin` is the only one that it may talk to."""
        page.on("request", lambda request: self._note_request(request.url, origin))
        page.on("requestfailed", lambda request: self._note_failure(request.url, request.failure or ""))
        page.on("pageerror", lambda error: self.append(f"exception: {error}"))
        page.on("console", lambda message: self._note_message(message.type, message.text))

    def _note_request(self, url: str, origin: str) -> None:
        if not url.startswith((f"{origin}/", "data:")):
            self.append(f"request to another host: {url}")

    def _note_failure(self, url: str, cause: str) -> None:
        if cause != TAKEN_BACK:
            self.append(f"failed: {url} {cause}")

    def _note_message(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"}:
            self.append(f"console {kind}: {text}")


@pytest.fixture(scope="session")
def shop_url(request: pytest.FixtureRequest) -> str:
    """Where a stack with the demo shop runs: CARTOGRAPH_TEST_URL, or one that the tests start."""
    named = os.environ.get("CARTOGRAPH_TEST_URL")
    return (named or str(request.getfixturevalue("stack_url"))).rstrip("/")


@pytest.fixture(scope="session")
def bank_url(request: pytest.FixtureRequest) -> str:
    """Where the shop's buyers approve payments: the address of the bank's page, up to the payment's id."""
    if os.environ.get("CARTOGRAPH_TEST_URL"):
        pytest.skip("a shop named by CARTOGRAPH_TEST_URL does not tell where its Stripe emulator is")
    stack: RunningStack = request.getfixturevalue("stack")
    return f"{stack.stripe_url}/_emulator/3ds"


@pytest_asyncio.fixture(scope="session")
async def explorer_url(chromium: Browser, shop_url: str) -> str:
    """The explorer's address, once it is built. Asks for the browser first: without one there is no need to build."""
    address = f"{shop_url}/graphql"
    async with httpx.AsyncClient(headers={"accept": "text/html"}) as client:
        if (await client.get(address)).status_code == 503:
            await asyncio.to_thread(_build_explorer)
        answer = await client.get(address)
    if answer.status_code != 200:
        pytest.fail(f"GET {address} answers {answer.status_code} after the explorer was built")
    return address


def _build_explorer() -> None:
    command = [sys.executable, "-m", "app.devstack.explorer", "build"]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False)
    if done.returncode:
        pytest.skip(f"the explorer cannot be built here: {done.stderr.strip()}")


@pytest_asyncio.fixture(scope="session")
async def chromium(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    """The machine's own Chromium, headless, with an empty profile."""
    executable = next(filter(None, map(shutil.which, NAMES)), None)
    if executable is None:
        pytest.skip(f"no Chromium on PATH (looked for {', '.join(NAMES)})")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable, args=QUIET)
        yield browser
        await browser.close()


@pytest_asyncio.fixture
async def faults() -> Faults:
    """The faults of this test's page."""
    return Faults()


@pytest_asyncio.fixture
async def page(chromium: Browser, shop_url: str, faults: Faults) -> AsyncIterator[Page]:
    """An empty page, as of somebody who was never here. Fails the test afterwards if the page had a fault."""
    expect.set_options(timeout=WAIT_SECONDS * 1000)
    context = await chromium.new_context(viewport={"width": 1400, "height": 900})
    context.set_default_timeout(WAIT_SECONDS * 1000)
    await context.add_init_script(REPORT_VIOLATIONS)
    page = await context.new_page()
    parts = urlsplit(shop_url)
    faults.watch(page, f"{parts.scheme}://{parts.netloc}")
    yield page
    violations = await page.evaluate("globalThis.violations")
    await context.close()
    assert violations == []
    assert faults == []
