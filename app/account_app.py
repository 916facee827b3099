"""The web application of accounts alone: what `cartograph serve --only accounts` loads. See ADR-0031."""

from __future__ import annotations

import os

from starlette.types import ASGIApp

from app import telemetry
from app.account_web import build_auth_api
from app.bootstrap import Shop, build_shop
from app.http.account_asgi import AccountWebServices, create_account_asgi
from app.settings import load_settings


def build_account_app(shop: Shop) -> ASGIApp:
    """The web application of a shop's accounts alone; it closes the shop when it is shut down."""
    auth_api = build_auth_api(shop.settings, shop.accounts, shop.throttle, shop.clock)
    assert auth_api is not None, "a process of accounts alone asks no other one"
    return create_account_asgi(
        AccountWebServices(auth_api, shop.not_ready, shop.ids, shop.settings.allowed_origins, shop.close)
    )


def create_account_app() -> ASGIApp:
    """The web application of accounts alone for the environment's settings."""
    settings = load_settings(os.environ)
    telemetry.configure_logging(settings.log_level)
    return build_account_app(build_shop(settings))
