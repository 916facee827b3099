from __future__ import annotations

from pathlib import Path

import pytest

from app.core.mail_server import Encryption, MailServer
from app.settings import SettingsError, load_settings, setting_rows
from tests.unit.test_settings import ENOUGH, PRODUCTION, faults_of

NEEDED = {
    "CARTOGRAPH_SMTP_URL": "CARTOGRAPH_SMTP_URL: unset in production; set it to smtps://user:password@host",
    "CARTOGRAPH_MAIL_FROM": "CARTOGRAPH_MAIL_FROM: unset in production; set the address that e-mails come from",
    "CARTOGRAPH_STOREFRONT_URL": "CARTOGRAPH_STOREFRONT_URL: unset in production; set where the links of e-mails lead",
}


def test_development_needs_no_mail_server_and_its_links_lead_to_the_server_itself() -> None:
    settings = load_settings(ENOUGH)

    assert settings.mail_server is None
    assert settings.shop_url == "http://127.0.0.1:8000/storefront"


def test_production_knows_its_mail_server_and_its_storefront() -> None:
    settings = load_settings(PRODUCTION | {"CARTOGRAPH_STOREFRONT_URL": "https://shop.example/en/"})

    assert settings.mail_server == MailServer("smtp.example", 465, Encryption.TLS, "shop", "smtp-password")
    assert settings.mail_from == "orders@shop.example"
    assert settings.shop_url == "https://shop.example/en"


@pytest.mark.parametrize("name", NEEDED)
def test_production_does_not_start_without(name: str) -> None:
    environ = {each: value for each, value in PRODUCTION.items() if each != name}

    assert faults_of(environ) == [NEEDED[name]]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CARTOGRAPH_SMTP_URL", "smtp.example"),
        ("CARTOGRAPH_SMTP_URL", "smtp+insecure://shop:smtp-password@smtp.example"),
        ("CARTOGRAPH_MAIL_FROM", "Shop <orders@shop.example>"),
        ("CARTOGRAPH_MAIL_FROM", "orders@shop.example\nBcc: all@shop.example"),
        ("CARTOGRAPH_STOREFRONT_URL", "javascript:alert(1)"),
        ("CARTOGRAPH_STOREFRONT_URL", 'https://shop.example/"><script>'),
        ("CARTOGRAPH_STOREFRONT_URL", "https://shop.example/?x=1"),
        ("CARTOGRAPH_MAIL_TEMPLATES", "/nowhere/at/all"),
    ],
)
def test_a_wrong_value_is_one_fault_that_names_the_setting(name: str, value: str) -> None:
    (fault,) = faults_of(PRODUCTION | {name: value})

    assert fault.startswith(f"{name}: ")
    assert "smtp-password" not in fault


def test_the_address_of_the_sender_is_one_that_mail_servers_know() -> None:
    assert (
        load_settings(ENOUGH | {"CARTOGRAPH_MAIL_FROM": "shop@Bücher.example"}).mail_from
        == "shop@xn--bcher-kva.example"
    )


def test_a_folder_of_templates_is_taken(tmp_path: Path) -> None:
    assert load_settings(ENOUGH | {"CARTOGRAPH_MAIL_TEMPLATES": str(tmp_path)}).mail_templates == tmp_path


def test_the_password_of_the_mail_server_shows_nowhere() -> None:
    rows = {row.name: row.value for row in setting_rows(PRODUCTION, {})}

    assert rows["CARTOGRAPH_SMTP_URL"] == "********"
    with pytest.raises(SettingsError) as refusal:
        load_settings(PRODUCTION | {"CARTOGRAPH_SMTP_URL": "ftp://shop:smtp-password@smtp.example"})
    assert "smtp-password" not in f"{refusal.value!r} {refusal.value}"
