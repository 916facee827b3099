"""Accounts in the shop's process and database, and in a process and a database of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from app.bootstrap import Shop, build_shop
from app.settings import load_settings
from tests.accountholders import Accounts
from tests.conftest import PATIENCE_SECONDS, Servers
from tests.serving import ServerProcess, serving

SPLIT = ("split_core", "split_accounts")  # databases


@pytest.fixture(scope="session")
async def together(http: httpx.AsyncClient, shop: Shop) -> Accounts:
    """Accounts as they are by default."""
    return Accounts(http, http, shop)


@pytest.fixture(scope="session")
async def split_processes(
    servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[ServerProcess, ServerProcess]]:
    """A core and an account service, each with a database of its own; the service is told of no other."""
    for name in SPLIT:
        servers.postgres.create_database(name)
        shop = build_shop(load_settings(servers.environment(name)))
        await shop.migrate()
        await shop.close()
    core_url, accounts_url = (servers.postgres.url(name) for name in SPLIT)
    async with (
        serving(
            *(servers, tmp_path_factory.mktemp("accounts"), "--only", "accounts"),
            without=["DATABASE_URL", "STRIPE_API_KEY", "STRIPE_API_BASE", "STRIPE_PUBLISHABLE_KEY"],
            ACCOUNTS_DATABASE_URL=accounts_url,
            CARTOGRAPH_AUTH_COOKIES="true",
        ) as accounts,
        serving(
            *(servers, tmp_path_factory.mktemp("core")),
            DATABASE_URL=core_url,
            CARTOGRAPH_ACCOUNTS_URL=accounts.url,
            CARTOGRAPH_SECRET_KEY="another secret than that of the accounts",
        ) as core,
    ):
        yield core, accounts


@pytest.fixture(scope="session")
async def apart(servers: Servers, split_processes: tuple[ServerProcess, ServerProcess]) -> AsyncIterator[Accounts]:
    """Accounts as a service of their own."""
    core, accounts = split_processes
    settings = load_settings(servers.environment(SPLIT[1]))
    shop = build_shop(settings, redis_timeout_seconds=PATIENCE_SECONDS)
    async with (
        httpx.AsyncClient(base_url=core.url, trust_env=False, timeout=30) as core_client,
        httpx.AsyncClient(base_url=accounts.url, trust_env=False, timeout=30) as auth_client,
    ):
        yield Accounts(core_client, auth_client, shop)
    await shop.close()


@pytest.fixture(params=["together", "apart"])
def either(request: pytest.FixtureRequest) -> Accounts:
    """Both ways."""
    found: Accounts = request.getfixturevalue(request.param)
    return found


@pytest.fixture
async def accounts(either: Accounts) -> Accounts:
    """Both ways, with nothing held against anybody."""
    await either.forgive()
    return either
