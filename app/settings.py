"""Settings: the environment, read once into one frozen object.

Every fault is reported at once, an unknown `CARTOGRAPH_…` name is answered with the nearest right one, and a shop
that takes real payments does not start on development defaults. Only the entry points read settings; everything
below is given plain values. See ADR-0010.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from enum import Enum
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

from babel import Locale
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)

from app.account_settings import AccountSettings, comma_separated
from app.core.charging import can_be_charged, units_of
from app.core.errors import ShopError
from app.core.fault_points import Armed
from app.core.languages import LANGUAGES
from app.core.money import Currency, Money, known_currencies
from app.mail_settings import MailSettings
from app.payment_settings import PaymentSettings

PREFIX = "CARTOGRAPH_"
DEVELOPMENT_SECRET = "development-only-secret-that-signs-nothing-real"  # noqa: S105  refused in production, below


class Environment(Enum):
    """What the process is for."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


class SettingsError(ShopError):
    """One or more settings are missing or wrong. faults: a line each, naming cause and fix."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = tuple(faults)


def _address_or_network(value: str) -> str:
    try:
        return str(ip_network(value)) if "/" in value else str(ip_address(value))
    except ValueError:
        raise ValueError(f"{value!r} is neither an address nor a network such as 10.0.0.0/8") from None


def _fault_point(value: str) -> str:
    Armed.parse(value)
    return value


_Codes = Annotated[tuple[str, ...], BeforeValidator(comma_separated)]
_Addresses = Annotated[
    tuple[Annotated[str, AfterValidator(_address_or_network)], ...], BeforeValidator(comma_separated)
]


class Settings(AccountSettings, PaymentSettings, MailSettings):
    """Everything an operator may decide. Each field's alias is the name of its environment variable."""

    environment: Environment = Field(
        Environment.DEVELOPMENT, alias="CARTOGRAPH_ENVIRONMENT", description="development or production"
    )
    secret_key: SecretStr = Field(
        SecretStr(DEVELOPMENT_SECRET),
        alias="CARTOGRAPH_SECRET_KEY",
        min_length=32,
        description="signs order access tokens and sign-in tokens; 32 random characters or more",
    )

    host: str = Field("127.0.0.1", alias="CARTOGRAPH_HOST", description="the address the server listens on")
    port: int = Field(8000, alias="CARTOGRAPH_PORT", ge=1, le=65_535, description="the port the server listens on")
    public_url: str | None = Field(
        None,
        alias="CARTOGRAPH_PUBLIC_URL",
        pattern=r"^https?://[^/\s]+$",
        description="how clients reach the server, such as https://shop.example; host and port by default",
    )
    trusted_proxies: _Addresses = Field(
        ("127.0.0.1", "::1"),
        alias="CARTOGRAPH_TRUSTED_PROXIES",
        description="whose X-Forwarded-For is believed: addresses or networks separated by commas",
    )
    workers: int = Field(1, alias="CARTOGRAPH_WORKERS", ge=1, le=64, description="how many server processes")
    log_level: str = Field(
        "INFO",
        alias="CARTOGRAPH_LOG_LEVEL",
        pattern="^(DEBUG|INFO|WARNING|ERROR)$",
        description="the least level logged",
    )
    introspection: bool = Field(
        True, alias="CARTOGRAPH_INTROSPECTION", description="whether clients may ask for the schema"
    )
    get_queries: bool = Field(
        True, alias="CARTOGRAPH_GET_QUERIES", description="whether clients may send documents of their own by GET"
    )
    explorer: bool = Field(
        True, alias="CARTOGRAPH_EXPLORER", description="whether /graphql shows GraphiQL in a browser"
    )

    cost_bucket: int = Field(
        1_000,
        alias="CARTOGRAPH_COST_BUCKET",
        ge=1_000,
        le=1_000_000_000,
        description="how much query cost a caller may use at once, as much as one request may cost or more",
    )
    cost_restored_customer: int = Field(
        100,
        alias="CARTOGRAPH_COST_RESTORED_CUSTOMER",
        ge=1,
        le=1_000_000,
        description="how much cost a signed-in customer gets back each second",
    )
    cost_restored_address: int = Field(
        50,
        alias="CARTOGRAPH_COST_RESTORED_ADDRESS",
        ge=1,
        le=1_000_000,
        description="how much cost anybody else gets back each second, by address",
    )

    documents: Literal["open", "apq", "trusted"] = Field(
        "apq",
        alias="CARTOGRAPH_DOCUMENTS",
        description="what is executed: open (any text), apq (persisted queries too) or trusted (imported ones only)",
    )

    database_url: SecretStr = Field(alias="DATABASE_URL", min_length=1, description="the PostgreSQL primary")
    database_replica_url: SecretStr | None = Field(
        None, alias="DATABASE_REPLICA_URL", description="a streaming replica for catalogue reads"
    )
    database_pool_size: int = Field(
        10, alias="CARTOGRAPH_DATABASE_POOL_SIZE", ge=1, le=100, description="connections a process, for each server"
    )
    job_lease_seconds: int = Field(
        30, alias="CARTOGRAPH_JOB_LEASE_SECONDS", ge=5, description="after which a silent worker has lost its jobs"
    )
    redis_url: SecretStr = Field(alias="REDIS_URL", min_length=1, description="the Redis or Valkey server for caches")

    shop_name: str = Field("Cartograph", alias="CARTOGRAPH_SHOP_NAME", min_length=1, description="the shop's name")
    currency: str = Field(
        "USD", alias="CARTOGRAPH_CURRENCY", description="the currency in which everything is priced, an ISO 4217 code"
    )
    currencies: _Codes = Field(
        (),
        alias="CARTOGRAPH_CURRENCIES",
        description="further currencies to sell in, ISO 4217 codes separated by commas",
    )
    markets: _Codes = Field(
        (),
        alias="CARTOGRAPH_MARKETS",
        description="countries whose shoppers see another of these currencies, such as DE=EUR,JP=JPY",
    )
    language: str = Field(
        "en", alias="CARTOGRAPH_LANGUAGE", description="the language of the catalogue's texts, an ISO 639-1 code"
    )
    countries: _Codes = Field(
        ("US", "CA", "GB", "DE", "FR", "NL", "AT", "CH", "JP", "AU"),
        alias="CARTOGRAPH_COUNTRIES",
        min_length=1,
        description="where the shop delivers to, ISO 3166-1 codes separated by commas",
    )
    shipping_flat_rate: Decimal = Field(
        Decimal("4.90"), alias="CARTOGRAPH_SHIPPING_FLAT_RATE", ge=0, description="the price of delivery"
    )
    shipping_days: int = Field(
        3, alias="CARTOGRAPH_SHIPPING_DAYS", ge=0, le=365, description="how many days a delivery takes"
    )
    cart_lifetime_days: int = Field(
        30, alias="CARTOGRAPH_CART_LIFETIME_DAYS", ge=1, le=365, description="how long an untouched cart is kept"
    )

    fault_point: Annotated[str, AfterValidator(_fault_point)] | None = Field(
        None, alias="CARTOGRAPH_FAULT_POINT", description="where a fault test ends the process; for development only"
    )
    data_dir: Path | None = Field(
        None, alias="CARTOGRAPH_DATA_DIR", description="the data folder of the local stack (.cartograph by default)"
    )

    @property
    def base_url(self) -> str:
        """How clients reach the server, without a slash at the end."""
        return self.public_url or f"http://{self.host}:{self.port}"

    @property
    def shop_url(self) -> str:
        """Where the links of e-mails lead, without a slash at the end: the storefront, or its stand-in here."""
        return (self.storefront_url or f"{self.base_url}/storefront").rstrip("/")

    @property
    def all_currencies(self) -> tuple[Currency, ...]:
        """Every currency that the shop sells in, its own first."""
        return tuple(Currency(code) for code in dict.fromkeys((self.currency, *self.currencies)))

    @property
    def currency_by_country(self) -> dict[str, Currency]:
        """The currencies of countries that do not see the shop's own."""
        return {country: Currency(code) for country, _, code in (entry.partition("=") for entry in self.markets)}

    @model_validator(mode="after")
    def _agree_with_each_other(self) -> Settings:
        """Checks that need more than one value, all of them before the first is reported."""
        faults = [*self._shop_faults(), *self._production_faults()]
        if faults:
            raise ValueError("\n".join(faults))
        return self

    def _shop_faults(self) -> list[str]:
        faults: list[str] = []
        faults += _currency_faults("CARTOGRAPH_CURRENCY", self.currency)
        faults += [fault for code in self.currencies for fault in _currency_faults("CARTOGRAPH_CURRENCIES", code)]
        if not _currency_faults("CARTOGRAPH_CURRENCY", self.currency):
            try:
                units_of(Money.parse(self.shipping_flat_rate, Currency(self.currency)))
            except ValueError as error:
                faults.append(f"CARTOGRAPH_SHIPPING_FLAT_RATE: {error}; set an amount that this currency has")
        if self.language not in LANGUAGES:
            known = " ".join(sorted(LANGUAGES))
            faults.append(f"CARTOGRAPH_LANGUAGE: {self.language!r} cannot be searched; set one of {known}")
        territories = Locale("en").territories
        unknown = [code for code in self.countries if len(code) != 2 or code not in territories]
        if unknown:
            faults.append(f"CARTOGRAPH_COUNTRIES: {', '.join(unknown)}: not ISO 3166-1 codes; set some such as US,DE")
        for entry in self.markets:
            country, _, code = entry.partition("=")
            if len(country) != 2 or country not in territories or code not in self.all_currencies:
                reason = "is no country with one of the shop's currencies"
                faults.append(f"CARTOGRAPH_MARKETS: {entry!r} {reason}; set entries such as DE=EUR")
        return faults

    def _production_faults(self) -> list[str]:
        if self.environment is not Environment.PRODUCTION:
            if self.takes_real_payments:
                return [
                    "STRIPE_API_KEY: a live key in development; set CARTOGRAPH_ENVIRONMENT=production or a test key"
                ]
            return []
        faults = []
        if self.secret_key.get_secret_value() == DEVELOPMENT_SECRET:
            faults.append("CARTOGRAPH_SECRET_KEY: unset in production; set 32 or more random characters")
        if self.fault_point is not None:
            faults.append("CARTOGRAPH_FAULT_POINT: it ends the process; unset it in production")
        return faults + self.payment_production_faults() + self.mail_production_faults()


def _currency_faults(name: str, code: str) -> list[str]:
    if code not in known_currencies():
        return [f"{name}: {code!r} is not an ISO 4217 code; set one such as USD"]
    if not can_be_charged(Currency(code)):
        return [f"{name}: the payment provider knows no such fine amounts of {code}; set another currency"]
    return []


_REQUIRED = [str(field.alias) for field in Settings.model_fields.values() if field.is_required()]


@dataclass(frozen=True, slots=True)
class SettingRow:
    """One setting as `cartograph config` shows it. value: hidden where it is a secret."""

    name: str
    value: str
    origin: str
    description: str


def load_settings(environ: Mapping[str, str]) -> Settings:
    """The settings that these environment variables give.

    Raises SettingsError naming every fault at once.
    """
    faults = unknown_names(environ)
    try:
        settings = Settings.model_validate(_known(environ))
    except ValidationError as error:
        raise SettingsError([*faults, *_sentences(error), *_further_faults(environ, error)]) from None
    if faults:
        raise SettingsError(faults)
    return settings


def _sentences(error: ValidationError) -> list[str]:
    sentences: list[str] = []
    for fault in error.errors():
        if fault["type"] == "value_error" and not fault["loc"]:
            sentences += str(fault["msg"]).removeprefix("Value error, ").split("\n")
        else:
            sentences.append(_sentence(str(fault["loc"][0]), fault["type"], fault["msg"]))
    return sentences


def _further_faults(environ: Mapping[str, str], error: ValidationError) -> list[str]:
    """What is wrong between the values that are right in themselves: pydantic does not look while others are wrong."""
    wrong = {str(fault["loc"][0]) for fault in error.errors() if fault["loc"]}
    if not wrong:
        return []
    right = {name: value for name, value in _known(environ).items() if name not in wrong}
    try:
        Settings.model_validate({**dict.fromkeys(_REQUIRED, "sk_test_stand_in"), **right})
    except ValidationError as further:
        return [fault for fault in _sentences(further) if fault.partition(":")[0] not in wrong]
    return []


def unknown_names(environ: Mapping[str, str]) -> list[str]:
    """A fault for every `CARTOGRAPH_…` variable that is no setting, with the nearest right name."""
    names = [str(field.alias) for field in Settings.model_fields.values()]
    known = {name.removeprefix(PREFIX): name for name in names}  # a prefix that all share makes all look alike
    faults = []
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in names:
            nearest = get_close_matches(name.removeprefix(PREFIX), known, n=1, cutoff=0.0)
            faults.append(f"{name}: there is no such setting; did you mean {known[nearest[0]]}?")
    return faults


def setting_rows(environ: Mapping[str, str], origins: Mapping[str, str]) -> list[SettingRow]:
    """Every setting with its value and where it comes from, also when some are missing or wrong.

    origins: variable name → where it was set, for the names that `environ` holds.
    """
    rows = []
    for field in Settings.model_fields.values():
        name = str(field.alias)
        secret = "SecretStr" in str(field.annotation)
        if name in environ:
            value, origin = ("********" if secret else environ[name]), origins.get(name, "environment")
        elif field.is_required():
            value, origin = "", "missing"
        else:
            value, origin = ("********" if secret and field.default else _shown(field.default)), "default"
        rows.append(SettingRow(name, value, origin, field.description or ""))
    return rows


def _known(environ: Mapping[str, str]) -> dict[str, Any]:
    names = {str(field.alias) for field in Settings.model_fields.values()}
    return {name: value for name, value in environ.items() if name in names}


def _shown(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, Enum):
        return str(value.value)
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _sentence(name: str, kind: str, message: str) -> str:
    description = next(f.description for f in Settings.model_fields.values() if f.alias == name)
    if kind == "missing":
        return f"{name}: not set; set it to {description}"
    message = message.removeprefix("Value error, ")
    return f"{name}: {message[0].lower()}{message[1:]}; it is {description}"
