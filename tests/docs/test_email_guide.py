"""The guide to e-mails, held to the code: its tables, its settings, its commands."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from app.core.mail_server import Encryption, MailServer
from app.mail.contents import CONTENTS
from app.mail.send_mail import KEPT
from app.mail.storefront import Storefront
from app.settings import load_settings
from app.worker.kinds import FOR_A_DAY
from tests.conftest import REPOSITORY, RunningStack

GUIDE = (REPOSITORY / "docs" / "guides" / "email.md").read_text()
HOUR = 3_600.0


def block(part: str) -> str:
    return next(text for text in re.findall(r"^```sh\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE) if part in text)


def first_cells(header: str) -> list[str]:
    table = GUIDE[GUIDE.index(header) :].split("\n\n")[0].splitlines()[2:]
    return [line.split("|")[1].strip(" `") for line in table]


def shell(script: str, folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    here = script.replace("cartograph ", f"{REPOSITORY}/run ")
    return subprocess.run(
        ["/bin/sh", "-c", here], cwd=folder, env=os.environ | environment, capture_output=True, text=True, check=False
    )


def test_it_lists_every_template() -> None:
    assert sorted(first_cells("| template")) == sorted(CONTENTS)


def test_it_lists_every_page_that_a_link_leads_to() -> None:
    shop = Storefront("")
    links = {
        *(shop.order("…"), shop.payment("…"), shop.email_verification("…"), shop.password_reset("…")),
        *(shop.cart, shop.sign_in, shop.forgot_password),
    }

    assert {cell.replace("…", "%E2%80%A6") for cell in first_cells("| path")} == links


def test_its_settings_are_those_of_a_shop_in_production(tmp_path: Path) -> None:
    settings = dict(line.split("=", 1) for line in block("CARTOGRAPH_SMTP_URL").splitlines())
    environment = {
        "DATABASE_URL": "postgresql://localhost/shop",
        "REDIS_URL": "redis://localhost",
        "STRIPE_API_KEY": "sk_live_stripe",
        "STRIPE_WEBHOOK_SECRETS": "whsec_stripe",
        "CARTOGRAPH_ENVIRONMENT": "production",
        "CARTOGRAPH_SECRET_KEY": "x" * 32,
    }

    loaded = load_settings(environment | settings | {"CARTOGRAPH_MAIL_TEMPLATES": str(tmp_path)})

    assert loaded.mail_server == MailServer("smtp.example", 465, Encryption.TLS, "user", "password")
    assert set(settings) <= {str(field.alias) for field in type(loaded).model_fields.values()}
    for scheme in Encryption:
        port = MailServer.parse(f"{scheme.value}://smtp.example").port
        assert re.search(rf"`{re.escape(scheme.value)}://`[^`]*\({'port ' if port == 465 else ''}{port}\)", GUIDE)


def test_its_times_are_the_codes() -> None:
    seconds = sum(FOR_A_DAY.pause_seconds(tries, 0.5) for tries in range(1, FOR_A_DAY.tries or 0))

    assert f"kept for {KEPT.days} days" in GUIDE
    assert "tried again for a day" in GUIDE
    assert 22 * HOUR <= seconds <= 28 * HOUR


def test_its_commands_run(stack: RunningStack, tmp_path: Path) -> None:
    environment = {"CARTOGRAPH_DATA_DIR": str(stack.data)}

    preview = shell(block("mail preview"), tmp_path, environment)
    failed, retry, retry_all = (shell(line, tmp_path, environment) for line in block("mail failed").splitlines())

    assert preview.stdout == f"{len(CONTENTS)} e-mails in previews, each as .html and .txt\n"
    assert (tmp_path / "previews" / "order_confirmed.html").exists()
    assert (failed.returncode, failed.stdout) == (0, "no e-mail has failed\n")
    assert retry.stderr.endswith(": no e-mail with this key has failed\n")
    assert (retry_all.returncode, retry_all.stdout) == (0, "0 will be tried again\n")


def test_every_file_that_a_shop_may_replace_is_there() -> None:
    named = re.findall(r"`([a-z_]+\.(?:html|txt))`", GUIDE)

    assert {"footer.html", "base.html", "parts.html", "order_confirmed.txt"} <= set(named)
    for name in named:
        assert (REPOSITORY / "app" / "mail" / "templates" / name).exists()
    assert (REPOSITORY / "app" / "mail" / "texts" / "de.po").exists()
    for target in re.findall(r"\]\((\.\.[^)#]+)\)", GUIDE):
        assert (REPOSITORY / "docs" / "guides" / target).exists(), target
