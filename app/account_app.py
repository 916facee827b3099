"""The web application of accounts alone, which `cartograph serve --only accounts` loads, and its part of the shop's.

See ADR-0031.
"""

from __future__ import annotations

import os

from starlette.types import ASGIApp

from app import telemetry
from app.account_bootstrap import Accounts
from app.bootstrap import Shop, build_shop
from app.core.clock import Clock
from app.core.throttle import Bucket, Throttle
from app.http.account_asgi import AccountWebServices, create_account_asgi
from app.http.auth_api import AuthApi
from app.http.authentication import Authentication
from app.http.caller import CostBuckets
from app.settings import Settings, load_settings


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


def cost_buckets(settings: Settings) -> CostBuckets:
    """The size of a caller's bucket, by who they are."""
    return CostBuckets(
        customer=Bucket(settings.cost_bucket, settings.cost_restored_customer),
        address=Bucket(settings.cost_bucket, settings.cost_restored_address),
    )


def build_auth_api(settings: Settings, accounts: Accounts, throttle: Throttle, clock: Clock) -> AuthApi | None:
    """`/api/auth` for this process; None where another one serves it."""
    if settings.accounts_url:
        return None
    return AuthApi(
        accounts=accounts.service,
        keys=accounts.keys,
        ended=accounts.ended_source,
        authentication=Authentication(accounts.verifier, cookies=settings.auth_cookies),
        throttle=throttle,
        buckets=cost_buckets(settings),
        clock=clock,
        language=settings.language,
        cookies=settings.auth_cookies,
    )
