"""The settings of the payment provider, and what must be true of them; a part of `Settings`."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field, SecretStr, field_validator

WEBHOOK_SECRET_PREFIX = "whsec_"  # noqa: S105  how Stripe's begin


def comma_separated(value: object) -> object:
    """The parts of a text that commas separate; anything else as it is."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


class PaymentSettings(BaseModel):
    """Everything an operator may decide about the payment provider."""

    stripe_api_key: SecretStr = Field(alias="STRIPE_API_KEY", min_length=1, description="Stripe's secret key")
    stripe_webhook_secrets: Annotated[tuple[SecretStr, ...], BeforeValidator(comma_separated)] = Field(
        (),
        alias="STRIPE_WEBHOOK_SECRETS",
        max_length=2,
        description="what signs Stripe's webhooks, whsec_…; two separated by a comma while they are changed",
    )
    stripe_publishable_key: str | None = Field(
        None, alias="STRIPE_PUBLISHABLE_KEY", description="Stripe's public key, for the shop's web pages"
    )
    stripe_api_base: str | None = Field(
        None, alias="STRIPE_API_BASE", description="where the payment API is, if it is not Stripe's own"
    )

    @field_validator("stripe_webhook_secrets")
    @classmethod
    def _are_signing_secrets(cls, value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if not all(secret.get_secret_value().startswith(WEBHOOK_SECRET_PREFIX) for secret in value):
            raise ValueError(f"a webhook's signing secret begins with {WEBHOOK_SECRET_PREFIX}")
        return value

    @property
    def webhook_secrets(self) -> tuple[str, ...]:
        """What Stripe's webhooks are signed with, one or two; none where they are not set up."""
        return tuple(secret.get_secret_value() for secret in self.stripe_webhook_secrets)

    @property
    def takes_real_payments(self) -> bool:
        """Whether the provider's key is a live one."""
        return self.stripe_api_key.get_secret_value().startswith(("sk_live_", "rk_live_"))

    def payment_production_faults(self) -> list[str]:
        """What keeps a shop with these settings from taking real payments."""
        faults = []
        if not self.stripe_webhook_secrets:
            faults.append("STRIPE_WEBHOOK_SECRETS: unset in production; set the signing secret of the webhook endpoint")
        if self.stripe_api_base is not None:
            faults.append("STRIPE_API_BASE: the emulator takes no real money; unset it in production")
        return faults
