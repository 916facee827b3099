"""What of the user's environment reaches the children of a stack."""

from __future__ import annotations

from pathlib import Path

from app.devstack.environment import StackAddresses, child_environment, stack_settings

ADDRESSES = StackAddresses(
    database_url="postgresql://postgres@127.0.0.1:1/cartograph",
    redis_url="redis://127.0.0.1:2/0",
    stripe_url="http://127.0.0.1:3",
    webhook_secret="whsec_0",
    secret_key="00",
    folder=Path("/stack"),
)
OUTER = {
    "PATH": "/bin",
    "PGHOST": "db.example.com",
    "PGPASSWORD": "real",
    "DATABASE_URL": "postgresql://db.example.com/real",
    "DATABASE_REPLICA_URL": "postgresql://db2.example.com/real",
    "REDIS_URL": "redis://cache.example.com",
    "STRIPE_API_KEY": "sk_live_real",
    "STRIPE_ACCOUNT": "acct_real",
    "CARTOGRAPH_CURRENCY": "EUR",
    "CARTOGRAPH_PORT": "80",
    "CARTOGRAPH_ENVIRONMENT": "production",
    "WEB_CONCURRENCY": "9",
}


def test_servers_of_the_user_are_out_and_the_kind_of_shop_is_in() -> None:
    environment = child_environment(stack_settings(ADDRESSES, OUTER), OUTER)

    assert not [name for name, value in environment.items() if "example.com" in value or "real" in value]
    assert environment.keys().isdisjoint({"DATABASE_REPLICA_URL", "CARTOGRAPH_PORT", "WEB_CONCURRENCY"})
    assert environment["PATH"] == "/bin"
    assert environment["CARTOGRAPH_CURRENCY"] == "EUR"
    assert environment["CARTOGRAPH_ENVIRONMENT"] == "development"
    assert environment["DATABASE_URL"] == "postgresql://postgres@127.0.0.1:1/cartograph"


def test_other_commands_get_the_settings_and_nothing_else() -> None:
    settings = stack_settings(ADDRESSES, OUTER)

    assert settings == {
        "DATABASE_URL": "postgresql://postgres@127.0.0.1:1/cartograph",
        "REDIS_URL": "redis://127.0.0.1:2/0",
        "STRIPE_API_KEY": "sk_test_emulator",
        "STRIPE_PUBLISHABLE_KEY": "pk_test_emulator",
        "STRIPE_API_BASE": "http://127.0.0.1:3",
        "STRIPE_WEBHOOK_SECRETS": "whsec_0",
        "CARTOGRAPH_SECRET_KEY": "00",
        "CARTOGRAPH_ENVIRONMENT": "development",
        "CARTOGRAPH_CURRENCY": "EUR",
        "CARTOGRAPH_DATA_DIR": "/stack",
        "PROMETHEUS_MULTIPROC_DIR": "/stack/metrics",
    }
