"""The explorer in a real browser: every example tab, from the first search to the paid order."""

from __future__ import annotations

from pathlib import Path

import pytest
from graphql import build_schema
from playwright.async_api import Page, expect

from tests.browser.explorer_page import (
    active_tab,
    asks,
    close_tab,
    execute_button,
    loaded,
    open_explorer,
    open_tab,
    run_tab,
    shown_answer,
    stop_button,
    tabs,
    watch_tab,
)

CHECKOUT = Path(__file__).parents[2]
EXAMPLES = sorted(path.stem for path in (CHECKOUT / "docs" / "examples").glob("*.graphql"))
TITLES = ["".join(word.capitalize() for word in name.split("-")[1:]) for name in EXAMPLES]
SCHEMA = build_schema((CHECKOUT / "schema.graphql").read_text())
LATE_WRITE = """
    (() => {
      const tabs = localStorage['graphiql:tabState'];
      addEventListener('beforeunload', () => { localStorage['graphiql:tabState'] = tabs; });
    })()
"""  # as GraphiQL does, half a second after a change
PANELS = {  # what is drawn once the panel is open
    "Documentation Explorer": ".graphiql-doc-explorer-root-type",
    "GraphiQL Explorer": ".graphiql-explorer-node",
    "History": ".graphiql-history-header",
    "Sign in": ".sign-in",
}


async def test_the_tabs_buy_something_without_a_value_being_copied(
    page: Page, explorer_url: str, tmp_path: Path
) -> None:
    await open_explorer(page, explorer_url)
    ran: list[str] = []
    page.on("request", lambda request: ran.extend(operation for operation in TITLES if asks(operation, request)))

    found = (await run_tab(page, "Search"))["products"]
    assert found["totalCount"]["value"] > 0
    assert {facet["slug"] for facet in found["facets"]} >= {"brand", "category", "price"}

    product = (await run_tab(page, "Product"))["product"]
    assert product["name"] == "Trail Mug"

    created = (await run_tab(page, "CreateCart"))["cartCreate"]
    assert created["userErrors"] == []
    assert created["cart"]["totalQuantity"] == 2

    addressed = (await run_tab(page, "SetAddress"))["cartUpdate"]
    assert addressed["userErrors"] == []
    assert addressed["cart"]["id"] == created["cart"]["id"]
    assert addressed["cart"]["readiness"]["missing"] == ["DELIVERY_OPTION"]

    ready = (await run_tab(page, "SetDelivery"))["cartUpdate"]
    assert ready["userErrors"] == []
    assert ready["cart"]["readiness"] == {"ready": True, "missing": []}

    declined = (await run_tab(page, "CardDeclined"))["checkoutComplete"]
    assert declined["__typename"] == "CheckoutFailed"
    assert [error["code"] for error in declined["userErrors"]] == ["PAYMENT_DECLINED"]
    assert declined["cart"]["state"] == "ACTIVE"

    paid = (await run_tab(page, "Pay"))["checkoutComplete"]
    assert paid["__typename"] == "CheckoutCompleted"

    order = (await run_tab(page, "Order"))["order"]
    assert order["number"] == paid["order"]["number"]
    assert order["paymentStatus"] == "PAID"
    assert order["cost"]["total"]["formatted"] == ready["cart"]["cost"]["total"]["formatted"]
    await expect(shown_answer(page)).to_contain_text('"paymentStatus": "PAID"')
    await page.screenshot(path=tmp_path / "order.png")

    again = (await run_tab(page, "BuyAgain"))["cartCreate"]
    assert again["userErrors"] == []
    assert again["cart"]["id"] != created["cart"]["id"]
    assert again["cart"]["readiness"]["missing"] == ["DELIVERY_OPTION"]

    approval = (await run_tab(page, "CardApproval"))["checkoutComplete"]
    assert approval["__typename"] == "CheckoutActionRequired"
    assert approval["attempt"]["state"] == "ACTION_REQUIRED"
    assert approval["orderAccessToken"] != paid["orderAccessToken"]

    await watch_tab(page, "WaitForApproval")
    await expect(shown_answer(page)).to_contain_text('"state": "ACTION_REQUIRED"')
    await stop_button(page).click()
    await expect(execute_button(page)).to_be_visible()

    whole = (await run_tab(page, "WholeCart"))["cartCreate"]
    assert whole["userErrors"] == []
    assert whole["cart"]["id"] != again["cart"]["id"]

    at_once = (await run_tab(page, "PayWholeCart"))["checkoutComplete"]
    assert at_once["__typename"] == "CheckoutCompleted"

    assert ran == TITLES


async def test_there_is_one_tab_for_each_example_in_the_order_of_the_files(page: Page, explorer_url: str) -> None:
    await open_explorer(page, explorer_url)

    await expect(tabs(page)).to_have_text(TITLES)


async def test_a_tab_that_is_run_too_early_names_the_one_to_run_first(page: Page, explorer_url: str) -> None:
    await open_explorer(page, explorer_url)
    await open_tab(page, "Pay")

    await execute_button(page).click()

    await expect(shown_answer(page)).to_contain_text("<cartId> is not known yet: run the tab CreateCart first")


async def test_the_editor_completes_from_the_schema(page: Page, explorer_url: str) -> None:
    await open_explorer(page, explorer_url)
    await page.get_by_role("button", name="New tab").click()
    await page.locator(".graphiql-query-editor .monaco-editor").click()

    await page.keyboard.type("{ produ")

    await expect(page.locator(".suggest-widget").get_by_text("products", exact=True)).to_be_visible()


async def test_every_panel_and_tool_works_under_the_policy(page: Page, explorer_url: str) -> None:
    await open_explorer(page, explorer_url)
    buttons = page.locator(".graphiql-sidebar button[aria-label^='Show ']")
    await expect(buttons).to_have_count(len(PANELS))  # one more, of the examples, was open from the start

    for name, content in PANELS.items():
        await page.get_by_role("button", name=f"Show {name}", exact=True).click()
        await expect(page.locator(f".graphiql-plugin {content}").first).to_be_visible()
    await page.get_by_role("button", name="Prettify query").click()
    await page.get_by_role("button", name="Open settings dialog").click()

    await expect(page.get_by_text("Theme").first).to_be_visible()
    await expect(page.get_by_text("Persist headers")).to_have_count(0)


@pytest.mark.parametrize(
    ("deed", "directive"),
    [
        ("fetch('https://elsewhere.example/').catch(() => 0)", "connect-src"),
        ("void (new Image().src = 'https://elsewhere.example/pixel.png')", "img-src"),
        ("void document.body.append(Object.assign(document.createElement('script'), {text: '0'}))", "script-src-elem"),
        ("void new Worker(URL.createObjectURL(new Blob(['0'])))", "worker-src"),
    ],
)
async def test_what_the_policy_forbids_is_refused_and_noticed(
    page: Page, explorer_url: str, faults: list[str], deed: str, directive: str
) -> None:
    await open_explorer(page, explorer_url)

    await page.evaluate(deed)

    await page.wait_for_function("directive => violations.some((each) => each.startsWith(directive))", arg=directive)
    assert any("Content Security Policy" in fault for fault in faults), faults
    await page.evaluate("violations.length = 0")
    faults.clear()


async def test_the_explorer_panel_writes_the_query(page: Page, explorer_url: str) -> None:
    await open_explorer(page, explorer_url)
    await page.get_by_role("button", name="New tab").click()
    await page.get_by_role("button", name="Show GraphiQL Explorer").click()

    await page.locator(".graphiql-explorer-node").get_by_text("shop", exact=True).click()
    await page.locator(".graphiql-explorer-node").get_by_text("currency", exact=True).click()
    await execute_button(page).click()

    await expect(page.locator(".graphiql-query-editor .view-lines")).to_contain_text("currency")
    await expect(shown_answer(page)).to_contain_text('"currency": "')


async def test_the_documentation_panel_explains_a_field(page: Page, explorer_url: str) -> None:
    await open_explorer(page, explorer_url)
    await page.get_by_role("button", name="Show Documentation Explorer").click()

    await page.locator(".graphiql-doc-explorer").get_by_role("link", name="Query", exact=True).click()
    await page.locator(".graphiql-doc-explorer").get_by_role("link", name="products", exact=True).click()

    assert SCHEMA.query_type is not None
    description = SCHEMA.query_type.fields["products"].description
    assert description
    await expect(page.locator(".graphiql-doc-explorer-content")).to_contain_text(description)


async def test_a_closed_example_opens_again_from_the_list(page: Page, explorer_url: str) -> None:
    await open_explorer(page, explorer_url)
    await close_tab(page, "Product")

    await page.locator(".examples").get_by_role("button", name="Open one product").click()

    await expect(active_tab(page)).to_have_text("Product")
    await expect(page.locator(".graphiql-query-editor")).to_contain_text("query Product")


async def test_a_reload_keeps_the_tabs_and_restoring_brings_the_examples_back(page: Page, explorer_url: str) -> None:
    await open_explorer(page, explorer_url)
    await close_tab(page, "Product")
    await page.wait_for_function(
        "count => JSON.parse(localStorage['graphiql:tabState'] ?? '{}').tabs?.length === count", arg=len(EXAMPLES) - 1
    )

    async with loaded(page):
        await page.reload()
    await expect(tabs(page)).to_have_count(len(EXAMPLES) - 1)
    await page.evaluate(LATE_WRITE)
    async with loaded(page):
        await page.get_by_role("button", name="Restore all examples").click()

    await expect(tabs(page)).to_have_count(len(EXAMPLES))


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_explorer_follows_the_colours_of_the_system(page: Page, explorer_url: str, scheme: str) -> None:
    await page.emulate_media(color_scheme=scheme)
    await open_explorer(page, explorer_url)

    colour = await page.evaluate("getComputedStyle(document.querySelector('.graphiql-container')).backgroundColor")

    lightness = max(int(part) for part in colour.removeprefix("rgb(").rstrip(")").split(","))
    assert lightness > 200 if scheme == "light" else lightness < 100
