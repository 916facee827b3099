"""The settings of accounts: where they are, and which web pages may speak with them. A part of `Settings`."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, StringConstraints


def comma_separated(value: object) -> object:
    """The parts of a text, without blanks around them; anything else as it is."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


_Origin = Annotated[str, StringConstraints(pattern=r"^https?://[^/\s*@?#]+$")]


class AccountSettings(BaseModel):
    """What an operator may decide about accounts. Each field's alias is the name of its environment variable."""

    model_config = ConfigDict(frozen=True, extra="ignore", validate_default=True)

    accounts_database_url: SecretStr | None = Field(
        None,
        alias="ACCOUNTS_DATABASE_URL",
        min_length=1,
        description="the PostgreSQL primary of accounts, where it is not the shop's",
    )
    accounts_url: str | None = Field(
        None,
        alias="CARTOGRAPH_ACCOUNTS_URL",
        pattern=r"^(https?://[^/\s]+)?$",
        description="where `cartograph serve --only accounts` runs; accounts are in every process by default",
    )
    auth_cookies: bool = Field(
        False, alias="CARTOGRAPH_AUTH_COOKIES", description="whether a browser may have its tokens in cookies"
    )
    allowed_origins: Annotated[tuple[_Origin, ...], BeforeValidator(comma_separated)] = Field(
        (),
        alias="CARTOGRAPH_ALLOWED_ORIGINS",
        description="the storefronts on other hosts whose pages may call the API, such as https://shop.example",
    )
