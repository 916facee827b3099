from __future__ import annotations

from typing import Any

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from app.devstack.ports import pick_port
from app.server import serve
from app.settings import load_settings

ENOUGH = {
    "DATABASE_URL": "postgresql://localhost/shop",
    "REDIS_URL": "redis://localhost",
    "STRIPE_API_KEY": "sk_test_x",
}


async def client_of(options: dict[str, Any], peer: str, forwarded: str) -> str:
    """Whom the application sees when a peer says that it forwards for somebody."""
    seen: list[str] = []

    async def note(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["client"][0])

    config = uvicorn.Config(note, forwarded_allow_ips=options["forwarded_allow_ips"], lifespan="off", log_config=None)
    config.load()
    headers = [(b"x-forwarded-for", forwarded.encode())]
    scope = {"type": "http", "client": (peer, 5), "headers": headers, "scheme": "http"}
    await config.loaded_app(scope, None, None)  # type: ignore[arg-type]
    return seen[0]


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "seen"),
    [
        (None, "127.0.0.1", "203.0.113.5", "203.0.113.5"),
        (None, "192.0.2.1", "203.0.113.5", "192.0.2.1"),
        ("10.0.0.0/8", "10.1.2.3", "203.0.113.5", "203.0.113.5"),
        ("10.0.0.0/8", "10.1.2.3", "198.51.100.9, 203.0.113.5", "203.0.113.5"),
        ("10.0.0.0/8", "10.1.2.3", "203.0.113.5, 10.9.9.9", "203.0.113.5"),
        ("10.0.0.0/8", "127.0.0.1", "203.0.113.5", "127.0.0.1"),
        ("", "127.0.0.1", "203.0.113.5", "127.0.0.1"),
    ],
)
async def test_an_address_is_believed_from_trusted_proxies_only_and_nobody_forges_one_through_them(
    monkeypatch: pytest.MonkeyPatch, trusted: str | None, peer: str, forwarded: str, seen: str
) -> None:
    options: dict[str, Any] = {}
    monkeypatch.setattr(uvicorn, "run", lambda *_, **given: options.update(given))
    environment = {**ENOUGH, "CARTOGRAPH_PORT": str(pick_port())}
    if trusted is not None:
        environment["CARTOGRAPH_TRUSTED_PROXIES"] = trusted

    serve(load_settings(environment))

    assert await client_of(options, peer, forwarded) == seen
