"""What graphql-codegen makes of the example documents, and a program in TypeScript that compiles on it and runs."""

from __future__ import annotations

import pytest

from tests.clients.conftest import Clients
from tests.serving import ServerProcess


@pytest.fixture(scope="module")
def types(clients: Clients) -> None:
    """What the client preset makes of `docs/examples`."""
    done = clients.run("node_modules/@graphql-codegen/cli/cjs/bin.js", "--config", "codegen.ts")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.usefixtures("types")
def test_a_storefront_compiles_under_strict_rules(clients: Clients) -> None:
    done = clients.run("node_modules/typescript/bin/tsc")

    assert done.returncode == 0, done.stdout


@pytest.mark.usefixtures("types")
def test_a_mistake_in_a_storefront_does_not_compile(clients: Clients) -> None:
    program = (clients.folder / "typed" / "storefront.ts").read_text()
    mistaken = clients.folder / "typed" / "mistaken.ts"
    mistaken.write_text(program.replace("slug: string", "slug: number"))

    done = clients.run("node_modules/typescript/bin/tsc")
    mistaken.unlink()

    assert "typed/mistaken.ts" in done.stdout
    assert "TS2322" in done.stdout


@pytest.mark.usefixtures("types")
def test_the_storefront_buys_something(clients: Clients, open_server: ServerProcess) -> None:
    done = clients.run("typed/storefront.ts", SHOP_URL=open_server.url)

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("paid ")
    assert done.stdout.endswith(": PAID\n")
