"""A server in a process of its own, for what only a socket can show, and a shop of its own, whose terms tests set."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import httpx
import pytest
import structlog

from app.bootstrap import Shop
from app.seed.logins import DEMO_CUSTOMERS
from tests.conftest import Servers
from tests.market import Market, open_market
from tests.serving import ServerProcess, serving
from tests.shopkeeping import Api, Shopkeeper, new_word, variant_public_id


@pytest.fixture(scope="package", autouse=True)
def plain_logs() -> Iterator[None]:
    """Log lines as in production: drawing a traceback with colours takes longer than the test that causes it."""
    processors = structlog.get_config()["processors"]
    plain = [
        structlog.processors.add_log_level,
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(),
    ]
    structlog.configure(processors=plain)
    yield
    structlog.configure(processors=processors)


@pytest.fixture(scope="session")
async def server(
    servers: Servers, shop: Shop, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[ServerProcess]:
    """A server on the tests' shop."""
    async with serving(servers, tmp_path_factory.mktemp("server")) as process:
        yield process


@pytest.fixture(scope="session")
async def two_processes(
    servers: Servers, server: ServerProcess, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Api, Api]]:
    """Two servers of one shop, each in a process of its own."""
    async with serving(servers, tmp_path_factory.mktemp("second-server")) as second, AsyncExitStack() as clients:
        addresses = [f"http://127.0.0.1:{process.port}" for process in (server, second)]
        one, two = [
            Api(await clients.enter_async_context(httpx.AsyncClient(base_url=url, trust_env=False, timeout=30)))
            for url in addresses
        ]
        yield one, two


@pytest.fixture
async def customers(http: httpx.AsyncClient) -> AsyncIterator[tuple[Api, Api]]:
    """Two customers who are signed in."""
    async with AsyncExitStack() as clients:
        signed_in = []
        for email, password, _ in DEMO_CUSTOMERS[:2]:
            answer = await http.post("/api/auth/login", json={"email": email, "password": password})
            headers = {"authorization": f"Bearer {answer.json()['token']}"}
            client = httpx.AsyncClient(transport=http._transport, base_url=http.base_url, headers=headers)
            signed_in.append(Api(await clients.enter_async_context(client)))
        yield signed_in[0], signed_in[1]


@pytest.fixture(scope="session")
async def own_shop(servers: Servers, emulator_url: str) -> AsyncIterator[Market]:
    """The shop that `market` cleans."""
    async with open_market(servers) as market:
        yield market


@pytest.fixture
async def market(own_shop: Market) -> Market:
    """A shop of its own, with products perhaps, without any terms."""
    await own_shop.forget_terms()
    return own_shop


@pytest.fixture(scope="session")
async def known(api: Api, keeper: Shopkeeper) -> dict[str, str]:
    """Arguments that find something, by field."""
    word = new_word()
    mug = await keeper.stock(f"Mug {word}", category_path=(f"Shelf {word}",), brand="Brand")
    await keeper.stock(f"Cup {word}", category_path=(f"Shelf {word}",), brand="Brand")
    outcome = await api.checkout(await api.ready_cart((mug.variant_id, 1)))
    cart = await api.ready_cart((mug.variant_id, 1))
    product = await api.data(
        "query ($s: String!) { variant(by: {sku: $s}) { product { id slug category { id } } } }", s=mug.sku
    )
    found = product["variant"]["product"]
    ids = [
        variant_public_id(mug.variant_id),
        found["id"],
        found["category"]["id"],
        cart["id"],
        outcome["attempt"]["id"],
    ]
    return {
        "Query.node": f'id: "{cart["id"]}"',
        "Query.nodes": "ids: [" + ", ".join(f'"{each}"' for each in ids) + "]",
        "Query.product": f'by: {{id: "{found["id"]}"}}',
        "Query.variant": f'by: {{sku: "{mug.sku}"}}',
        "Query.category": f'by: {{id: "{found["category"]["id"]}"}}',
        "Query.cart": f'id: "{cart["id"]}"',
        "Query.order": f'by: {{accessToken: "{outcome["orderAccessToken"]}"}}',
        "Query.checkoutAttempt": f'id: "{outcome["attempt"]["id"]}"',
        "Query.searchSuggestions": f'query: "{word}"',
        "Product.variantFor": "options: []",
    }
