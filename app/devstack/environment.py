"""The environment that the children of a stack run in.

It is the user's own, less everything that points to servers, plus the addresses and secrets of this stack. A
DATABASE_URL from the shell's profile must not decide which database a throw-away stack writes to; a
CARTOGRAPH_CURRENCY may, because it says what kind of shop is wanted.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from app.devstack.folders import CHECKOUT

# libpq and asyncpg read PG…; the rest are the names of app/settings.py, and ports and workers are told to the API.
FOREIGN_PREFIXES = ("PG", "ACCOUNTS_", "DATABASE_", "REDIS_", "STRIPE_", "PROMETHEUS_")
FOREIGN_NAMES = {
    "CARTOGRAPH_ACCOUNTS_URL",
    *("CARTOGRAPH_PORT", "CARTOGRAPH_WORKERS", "WEB_CONCURRENCY", "PYTHONPATH", "PYTHONHOME"),
    "CARTOGRAPH_SMTP_URL",  # a throw-away shop writes to nobody
}


@dataclass(frozen=True, slots=True)
class StackAddresses:
    """Where the servers of one stack are, and what they share."""

    database_url: str
    redis_url: str
    stripe_url: str
    webhook_secret: str
    secret_key: str
    folder: Path


def stack_settings(addresses: StackAddresses, outer: Mapping[str, str]) -> dict[str, str]:
    """Return every setting of the stack, as other commands need it to talk to the same shop."""
    chosen = {name: value for name, value in outer.items() if name.startswith("CARTOGRAPH_")}
    for name in FOREIGN_NAMES & chosen.keys():
        del chosen[name]
    return chosen | {
        "DATABASE_URL": addresses.database_url,
        "REDIS_URL": addresses.redis_url,
        "STRIPE_API_KEY": "sk_test_emulator",
        "STRIPE_PUBLISHABLE_KEY": "pk_test_emulator",
        "STRIPE_API_BASE": addresses.stripe_url,
        "STRIPE_WEBHOOK_SECRETS": addresses.webhook_secret,
        "CARTOGRAPH_SECRET_KEY": addresses.secret_key,
        "CARTOGRAPH_ENVIRONMENT": "development",
        "CARTOGRAPH_DATA_DIR": str(addresses.folder),
        "PROMETHEUS_MULTIPROC_DIR": str(addresses.folder / "metrics"),
    }


def child_environment(settings: Mapping[str, str], outer: Mapping[str, str]) -> dict[str, str]:
    """Return the whole environment of a child."""
    kept = {
        name: value
        for name, value in outer.items()
        if not name.startswith(FOREIGN_PREFIXES) and name not in FOREIGN_NAMES
    }
    if os.pathsep not in str(CHECKOUT):  # else only the environment made by ./run can import the checkout
        kept["PYTHONPATH"] = str(CHECKOUT)
    return kept | dict(settings)
