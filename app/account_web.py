"""The part of a web application about accounts: who may ask how much, and `/api/auth`. See ADR-0031."""

from __future__ import annotations

from app.account_bootstrap import Accounts
from app.core.clock import Clock
from app.core.throttle import Bucket, Throttle
from app.http.auth_api import AuthApi
from app.http.authentication import Authentication
from app.http.caller import CostBuckets
from app.settings import Settings


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
