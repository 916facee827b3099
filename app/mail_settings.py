"""The settings of e-mails, and what must be true of them; a part of `Settings`.

A shop that takes real payments does not start without a mail server: its buyers would wait for e-mails that nobody
sends. See ADR-0027.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, Field, SecretStr, field_validator

from app.core.contact import deliverable_email
from app.core.errors import InvalidInput
from app.core.mail_server import MailServer

DEVELOPMENT_SENDER = "shop@cartograph.test"  # nothing is ever sent to or from .test (RFC 6761)


class MailSettings(BaseModel):
    """Everything an operator may decide about e-mails."""

    smtp_url: SecretStr | None = Field(
        None,
        alias="CARTOGRAPH_SMTP_URL",
        description="the mail server: smtps://user:password@host, or smtp:// with STARTTLS; in development, files",
    )
    mail_from: str = Field(
        DEVELOPMENT_SENDER, alias="CARTOGRAPH_MAIL_FROM", description="the address that e-mails come from"
    )
    storefront_url: str | None = Field(
        None,
        alias="CARTOGRAPH_STOREFRONT_URL",
        pattern=r"^https?://[^/\s?#\"'<>]+(/[^\s?#\"'<>]*)?$",
        description="where the shop's pages are, such as https://shop.example: the links of e-mails lead there",
    )
    mail_templates: Path | None = Field(
        None,
        alias="CARTOGRAPH_MAIL_TEMPLATES",
        description="a folder with the shop's own templates and texts of e-mails",
    )

    @field_validator("smtp_url")
    @classmethod
    def _is_a_server(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            MailServer.parse(value.get_secret_value())
        return value

    @field_validator("mail_from")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        try:
            return deliverable_email(value)
        except InvalidInput as error:
            raise ValueError(error.message) from None

    @field_validator("mail_templates")
    @classmethod
    def _is_a_folder(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_dir():
            raise ValueError("there is no such folder; create it, or unset this")
        return value

    @property
    def mail_server(self) -> MailServer | None:
        """Where e-mails are handed in; None where they become files."""
        return None if self.smtp_url is None else MailServer.parse(self.smtp_url.get_secret_value())

    def mail_production_faults(self) -> list[str]:
        """What a shop that takes real payments lacks."""
        faults = []
        if self.smtp_url is None:
            faults.append("CARTOGRAPH_SMTP_URL: unset in production; set it to smtps://user:password@host")
        if self.mail_from == DEVELOPMENT_SENDER:
            faults.append("CARTOGRAPH_MAIL_FROM: unset in production; set the address that e-mails come from")
        if self.storefront_url is None:
            faults.append("CARTOGRAPH_STOREFRONT_URL: unset in production; set where the links of e-mails lead")
        return faults
