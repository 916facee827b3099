"""What a person does on the explorer's page: opens it, picks a tab, presses the button, reads the answer.

Each step ends when the page shows its effect, so that the next one meets the page that a person would see.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import Locator, Page, Request, Response, expect


async def open_explorer(page: Page, explorer_url: str) -> None:
    """Go to the explorer."""
    async with loaded(page):
        await page.goto(explorer_url)


@asynccontextmanager
async def loaded(page: Page) -> AsyncIterator[None]:
    """Inside, the page is loaded or reloaded. Afterwards its editors are drawn and it has the schema."""
    async with page.expect_response(answers("IntrospectionQuery")) as introspection:
        yield
    await (await introspection.value).finished()
    await expect(page.locator(".graphiql-query-editor .view-line").first).to_be_visible()


def answers(operation: str) -> Callable[[Response], bool]:
    """Whether a response answers the operation of that name."""
    return lambda response: asks(operation, response.request)


def asks(operation: str, request: Request) -> bool:
    """Whether a request asks for the operation of that name."""
    return f'"operationName":"{operation}"' in (request.post_data or "")


async def open_tab(page: Page, title: str) -> None:
    """Switch to the tab of that title."""
    await tabs(page).get_by_text(title, exact=True).click()
    await expect(active_tab(page)).to_have_text(title)
    await expect(page.locator(".graphiql-query-editor .view-lines")).to_contain_text(f" {title}")


async def close_tab(page: Page, title: str) -> None:
    """Switch to the tab of that title and close it."""
    await open_tab(page, title)
    await page.locator(".graphiql-tab-active").get_by_role("button", name="Close Tab").click()
    await expect(tabs(page).get_by_text(title, exact=True)).to_have_count(0)


async def run_tab(page: Page, title: str) -> Any:
    """Open the tab, press the button, return the data that the server answered and the page shows."""
    await open_tab(page, title)
    return await execute(page, title)


async def execute(page: Page, title: str) -> Any:
    """The same in the tab that is open; to open it again would give up what was written in it a moment ago."""
    async with page.expect_response(answers(title)) as sent:
        await execute_button(page).click()
    answer = await (await sent.value).json()
    assert answer.get("errors") is None, f"{title}: {answer}"
    await expect(shown_answer(page)).to_contain_text(f'"{next(iter(answer["data"]))}": {{')
    return answer["data"]


async def watch_tab(page: Page, title: str) -> None:
    """Open the tab of a subscription and press the button. Afterwards the page shows its first answer."""
    await open_tab(page, title)
    await execute_button(page).click()
    await expect(shown_answer(page)).to_contain_text('"data": {')


async def write(page: Page, editor: str, text: str) -> None:
    """Put a text into an empty editor."""
    await page.locator(f"{editor} .view-lines").click()
    await page.keyboard.insert_text(text)
    await expect(page.locator(f"{editor} .view-lines")).to_contain_text(text)


def execute_button(page: Page) -> Locator:
    """Runs the tab's operation. Not there while a subscription runs."""
    return page.get_by_role("button", name="Execute")


def stop_button(page: Page) -> Locator:
    """Ends a subscription. There while one runs."""
    return page.get_by_role("button", name="Stop")


def tabs(page: Page) -> Locator:
    """The tabs' titles, from left to right."""
    return page.locator(".graphiql-tab-button")


def active_tab(page: Page) -> Locator:
    """The title of the tab whose document is in the editor."""
    return page.locator(".graphiql-tab-active .graphiql-tab-button")


def shown_answer(page: Page) -> Locator:
    """The lines of the answer that are in sight."""
    return page.locator(".result-window .view-lines")
