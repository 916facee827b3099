from __future__ import annotations

from decimal import Decimal

import pytest
from pydantic import ValidationError

from app.core.errors import ShopError
from app.settings import DEVELOPMENT_SECRET, Environment, Settings, SettingsError, load_settings, setting_rows

SECRET = "a-secret-of-the-shop-that-is-long-enough"
ENOUGH = {
    "DATABASE_URL": "postgresql://shop:db-password@localhost/shop",
    "REDIS_URL": "redis://:redis-password@localhost",
    "STRIPE_API_KEY": "sk_test_stripe_secret",
}
PRODUCTION = ENOUGH | {
    "CARTOGRAPH_ENVIRONMENT": "production",
    "CARTOGRAPH_SECRET_KEY": SECRET,
    "STRIPE_API_KEY": "sk_live_stripe_secret",
    "STRIPE_WEBHOOK_SECRETS": "whsec_hush_hush",
    "CARTOGRAPH_SMTP_URL": "smtps://shop:smtp-password@smtp.example",
    "CARTOGRAPH_MAIL_FROM": "orders@shop.example",
    "CARTOGRAPH_STOREFRONT_URL": "https://shop.example",
}
SECRETS = [
    "hush_hush",
    "smtp-password",
    "db-password",
    "redis-password",
    "stripe_secret",
    "replica-password",
    SECRET,
    DEVELOPMENT_SECRET,
]


def faults_of(environ: dict[str, str]) -> list[str]:
    with pytest.raises(SettingsError) as refusal:
        load_settings(environ)
    return list(refusal.value.faults)


def test_three_settings_are_enough_in_development() -> None:
    settings = load_settings(ENOUGH)

    assert settings.environment is Environment.DEVELOPMENT
    assert settings.database_url.get_secret_value() == ENOUGH["DATABASE_URL"]
    assert settings.redis_url.get_secret_value() == ENOUGH["REDIS_URL"]
    assert settings.stripe_api_key.get_secret_value() == ENOUGH["STRIPE_API_KEY"]
    assert settings.secret_key.get_secret_value() == DEVELOPMENT_SECRET
    assert (settings.currency, settings.shipping_flat_rate) == ("USD", Decimal("4.90"))
    assert (settings.database_replica_url, settings.stripe_api_base, settings.data_dir) == (None, None, None)
    assert settings.base_url == "http://127.0.0.1:8000"


def test_which_documents_are_executed_is_one_of_three_words() -> None:
    [fault] = faults_of(ENOUGH | {"CARTOGRAPH_DOCUMENTS": "all"})

    assert load_settings(ENOUGH).documents == "apq"
    assert load_settings(ENOUGH | {"CARTOGRAPH_DOCUMENTS": "trusted"}).documents == "trusted"
    assert fault.startswith("CARTOGRAPH_DOCUMENTS: input should be 'open', 'apq' or 'trusted'; it is ")


def test_values_come_from_the_environment_in_their_own_types() -> None:
    settings = load_settings(
        PRODUCTION
        | {
            "CARTOGRAPH_PORT": "9000",
            "CARTOGRAPH_HOST": "0.0.0.0",
            "CARTOGRAPH_INTROSPECTION": "false",
            "CARTOGRAPH_EXPLORER": "0",
            "CARTOGRAPH_COUNTRIES": " US, DE ,,CH",
            "CARTOGRAPH_CURRENCY": "EUR",
            "CARTOGRAPH_SHIPPING_FLAT_RATE": "1.23",
            "CARTOGRAPH_LOG_LEVEL": "WARNING",
            "HOME": "/root",
            "STRIPE_SOMETHING_ELSE": "1",
        }
    )

    assert settings.environment is Environment.PRODUCTION
    assert (settings.host, settings.port, settings.base_url) == ("0.0.0.0", 9000, "http://0.0.0.0:9000")
    assert (settings.introspection, settings.explorer) == (False, False)
    assert settings.countries == ("US", "DE", "CH")
    assert (settings.currency, settings.shipping_flat_rate) == ("EUR", Decimal("1.23"))
    assert settings.log_level == "WARNING"


def test_clients_reach_the_server_by_its_public_url() -> None:
    assert load_settings(ENOUGH | {"CARTOGRAPH_PUBLIC_URL": "https://shop.example"}).base_url == "https://shop.example"


def test_proxies_are_trusted_by_address_or_network() -> None:
    def trusted(value: str) -> tuple[str, ...]:
        return load_settings(ENOUGH | {"CARTOGRAPH_TRUSTED_PROXIES": value}).trusted_proxies

    assert load_settings(ENOUGH).trusted_proxies == ("127.0.0.1", "::1")
    assert trusted("10.0.0.0/8, 192.0.2.7 ,2001:0db8::/32,::0001") == (
        "10.0.0.0/8",
        "192.0.2.7",
        "2001:db8::/32",
        "::1",
    )
    assert trusted("") == ()


@pytest.mark.parametrize("wrong", ["*", "gateway.local", "10.0.0.1/8", "10.0.0", "10.0.0.0/33"])
def test_a_proxy_that_is_no_address_is_refused_and_not_ignored(wrong: str) -> None:
    (fault,) = faults_of(ENOUGH | {"CARTOGRAPH_TRUSTED_PROXIES": f"127.0.0.1,{wrong}"})

    assert fault.startswith(f"CARTOGRAPH_TRUSTED_PROXIES: {wrong!r} is neither an address nor a network")


def test_settings_do_not_change() -> None:
    settings = load_settings(ENOUGH)

    with pytest.raises(ValidationError, match="frozen"):
        settings.port = 1

    assert settings.port == 8000


# ------------------------------------------------------------------------------------------------ faults


def test_everything_that_is_missing_is_named_at_once() -> None:
    assert faults_of({}) == [
        "STRIPE_API_KEY: not set; set it to Stripe's secret key",
        "DATABASE_URL: not set; set it to the PostgreSQL primary",
        "REDIS_URL: not set; set it to the Redis or Valkey server for caches",
    ]


def test_faults_of_every_kind_are_named_at_once() -> None:
    faults = faults_of({"CARTOGRAPH_PROT": "80", "CARTOGRAPH_WORKERS": "many", "REDIS_URL": "redis://localhost"})

    assert [fault.partition(":")[0] for fault in faults] == [
        "CARTOGRAPH_PROT",
        "STRIPE_API_KEY",
        "CARTOGRAPH_WORKERS",
        "DATABASE_URL",
    ]


def test_faults_that_need_two_values_are_named_at_once() -> None:
    faults = faults_of(
        ENOUGH
        | {
            "CARTOGRAPH_ENVIRONMENT": "production",
            "CARTOGRAPH_CURRENCY": "QQQ",
            "CARTOGRAPH_COUNTRIES": "US,Utopia,ATLANTIS,zz",
            "STRIPE_API_BASE": "http://localhost:1",
            "CARTOGRAPH_SHIPING_DAYS": "1",
        }
    )

    assert faults == [
        "CARTOGRAPH_SHIPING_DAYS: there is no such setting; did you mean CARTOGRAPH_SHIPPING_DAYS?",
        "CARTOGRAPH_CURRENCY: 'QQQ' is not an ISO 4217 code; set one such as USD",
        "CARTOGRAPH_COUNTRIES: Utopia, ATLANTIS, zz: not ISO 3166-1 codes; set some such as US,DE",
        "CARTOGRAPH_SECRET_KEY: unset in production; set 32 or more random characters",
        "STRIPE_WEBHOOK_SECRETS: unset in production; set the signing secret of the webhook endpoint",
        "STRIPE_API_BASE: the emulator takes no real money; unset it in production",
        "CARTOGRAPH_SMTP_URL: unset in production; set it to smtps://user:password@host",
        "CARTOGRAPH_MAIL_FROM: unset in production; set the address that e-mails come from",
        "CARTOGRAPH_STOREFRONT_URL: unset in production; set where the links of e-mails lead",
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CARTOGRAPH_ENVIRONMENT", "staging"),
        ("CARTOGRAPH_SECRET_KEY", "x" * 31),
        ("CARTOGRAPH_PORT", "0"),
        ("CARTOGRAPH_PORT", "65536"),
        ("CARTOGRAPH_PORT", "http"),
        ("CARTOGRAPH_PUBLIC_URL", "shop.example"),
        ("CARTOGRAPH_PUBLIC_URL", "https://shop.example/"),
        ("CARTOGRAPH_PUBLIC_URL", "https://shop.example\n"),
        ("CARTOGRAPH_WORKERS", "0"),
        ("CARTOGRAPH_WORKERS", "65"),
        ("CARTOGRAPH_WORKERS", "1.5"),
        ("CARTOGRAPH_LOG_LEVEL", "loud"),
        ("CARTOGRAPH_INTROSPECTION", "perhaps"),
        ("CARTOGRAPH_EXPLORER", ""),
        ("CARTOGRAPH_DATABASE_POOL_SIZE", "0"),
        ("CARTOGRAPH_DATABASE_POOL_SIZE", "101"),
        ("CARTOGRAPH_SHOP_NAME", ""),
        ("CARTOGRAPH_CURRENCY", "usd"),
        ("CARTOGRAPH_CURRENCY", "Dollar"),
        ("CARTOGRAPH_COUNTRIES", ""),
        ("CARTOGRAPH_COUNTRIES", ", ,"),
        ("CARTOGRAPH_COUNTRIES", "us"),
        ("CARTOGRAPH_COUNTRIES", "840"),
        ("CARTOGRAPH_SHIPPING_FLAT_RATE", "-0.01"),
        ("CARTOGRAPH_SHIPPING_FLAT_RATE", "4.905"),
        ("CARTOGRAPH_SHIPPING_FLAT_RATE", "free"),
        ("CARTOGRAPH_SHIPPING_FLAT_RATE", "NaN"),
        ("CARTOGRAPH_SHIPPING_FLAT_RATE", "1e99"),
        ("CARTOGRAPH_SHIPPING_DAYS", "-1"),
        ("CARTOGRAPH_SHIPPING_DAYS", "366"),
        ("CARTOGRAPH_CART_LIFETIME_DAYS", "0"),
        ("CARTOGRAPH_CART_LIFETIME_DAYS", "366"),
    ],
)
def test_a_value_out_of_its_bounds_is_one_fault_that_names_it(name: str, value: str) -> None:
    (fault,) = faults_of(ENOUGH | {name: value})

    assert fault.startswith(f"{name}: ")


def test_the_default_price_of_delivery_has_to_fit_the_currency() -> None:
    (fault,) = faults_of(ENOUGH | {"CARTOGRAPH_CURRENCY": "JPY"})

    assert fault.startswith("CARTOGRAPH_SHIPPING_FLAT_RATE: 4.90 has more than 0 decimal places")
    assert load_settings(
        ENOUGH | {"CARTOGRAPH_CURRENCY": "JPY", "CARTOGRAPH_SHIPPING_FLAT_RATE": "500"}
    ).shipping_flat_rate == Decimal(500)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("CARTOGRAPH_PROT", "CARTOGRAPH_PORT"),
        ("CARTOGRAPH_CURENCY", "CARTOGRAPH_CURRENCY"),
        ("CARTOGRAPH_SECRET", "CARTOGRAPH_SECRET_KEY"),
        ("CARTOGRAPH_ENV", "CARTOGRAPH_ENVIRONMENT"),
        ("CARTOGRAPH_NAME", "CARTOGRAPH_SHOP_NAME"),
        ("CARTOGRAPH_SHIPPING_RATE", "CARTOGRAPH_SHIPPING_FLAT_RATE"),
        ("CARTOGRAPH_DATABASE_URL", "DATABASE_URL"),
        ("CARTOGRAPH_REDIS_URL", "REDIS_URL"),
        ("CARTOGRAPH_STRIPE_API_KEY", "STRIPE_API_KEY"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest_right_one(wrong: str, right: str) -> None:
    assert faults_of(ENOUGH | {wrong: "1"}) == [f"{wrong}: there is no such setting; did you mean {right}?"]


def test_any_unknown_name_of_ours_is_a_fault_and_others_are_not() -> None:
    assert len(faults_of(ENOUGH | {"CARTOGRAPH_": "", "CARTOGRAPH_ZZZ": "", "CARTOGRAPH": "", "STRIPE_ZZZ": ""})) == 2


# ------------------------------------------------------------------------------------------------ production


def test_production_starts_with_a_secret_and_stripe_itself() -> None:
    assert load_settings(PRODUCTION).environment is Environment.PRODUCTION


@pytest.mark.parametrize("secret", [{}, {"CARTOGRAPH_SECRET_KEY": DEVELOPMENT_SECRET}])
def test_production_refuses_the_secret_of_development(secret: dict[str, str]) -> None:
    environ = {name: value for name, value in PRODUCTION.items() if name != "CARTOGRAPH_SECRET_KEY"} | secret

    assert faults_of(environ) == ["CARTOGRAPH_SECRET_KEY: unset in production; set 32 or more random characters"]


def test_production_refuses_the_emulator() -> None:
    assert faults_of(PRODUCTION | {"STRIPE_API_BASE": "http://localhost:12111"}) == [
        "STRIPE_API_BASE: the emulator takes no real money; unset it in production"
    ]


def test_production_wants_webhooks_that_are_signed() -> None:
    environ = {name: value for name, value in PRODUCTION.items() if name != "STRIPE_WEBHOOK_SECRETS"}

    assert faults_of(environ) == [
        "STRIPE_WEBHOOK_SECRETS: unset in production; set the signing secret of the webhook endpoint"
    ]


def test_webhooks_have_one_secret_or_two_while_it_is_changed() -> None:
    assert load_settings(ENOUGH).webhook_secrets == ()
    two = load_settings(ENOUGH | {"STRIPE_WEBHOOK_SECRETS": "whsec_new, whsec_old"})
    assert two.webhook_secrets == ("whsec_new", "whsec_old")


@pytest.mark.parametrize("wrong", ["whsec_hush_hush,whsec_b,whsec_c", "hush_hush", "whsec_a,sk_test_hush_hush"])
def test_what_cannot_be_a_webhooks_secret_is_refused_and_not_told(wrong: str) -> None:
    (fault,) = faults_of(ENOUGH | {"STRIPE_WEBHOOK_SECRETS": wrong})

    assert fault.startswith("STRIPE_WEBHOOK_SECRETS: ")
    assert "hush_hush" not in fault


@pytest.mark.parametrize("key", ["sk_live_stripe_secret", "rk_live_stripe_secret"])
def test_development_refuses_a_live_key(key: str) -> None:
    assert faults_of(ENOUGH | {"STRIPE_API_KEY": key}) == [
        "STRIPE_API_KEY: a live key in development; set CARTOGRAPH_ENVIRONMENT=production or a test key"
    ]


# ------------------------------------------------------------------------------------------------ secrets


def test_no_secret_shows_in_what_settings_look_like() -> None:
    settings = load_settings(PRODUCTION | {"DATABASE_REPLICA_URL": "postgresql://shop:replica-password@b/shop"})

    shown = f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"

    assert not [secret for secret in SECRETS if secret in shown]


def test_no_secret_shows_in_a_fault() -> None:
    with pytest.raises(SettingsError) as refusal:
        load_settings(
            ENOUGH
            | {
                "CARTOGRAPH_SECRET_KEY": "too-short-a-secret",
                "STRIPE_API_KEY": "sk_live_stripe_secret",
                "CARTOGRAPH_PORT": "0",
            }
        )

    assert isinstance(refusal.value, ShopError)
    shown = f"{refusal.value} {refusal.value!r} {refusal.value.faults}"
    assert "CARTOGRAPH_SECRET_KEY: value should have at least 32 items" in shown
    assert not [secret for secret in [*SECRETS, "too-short-a-secret"] if secret in shown]
    assert (refusal.value.__cause__, refusal.value.__suppress_context__) == (None, True)  # pydantic quotes its input


def test_no_secret_shows_in_the_rows_of_a_terminal() -> None:
    environ = PRODUCTION | {"DATABASE_REPLICA_URL": "postgresql://shop:replica-password@b/shop"}

    rows = {row.name: row for row in setting_rows(environ, {"DATABASE_URL": ".env"})}

    assert not [secret for secret in SECRETS if secret in str(rows)]
    assert (rows["DATABASE_URL"].value, rows["DATABASE_URL"].origin) == ("********", ".env")
    assert (rows["STRIPE_API_KEY"].value, rows["STRIPE_API_KEY"].origin) == ("********", "environment")
    assert rows["DATABASE_REPLICA_URL"].value == "********"


def test_rows_show_every_setting_even_when_some_are_missing_or_wrong() -> None:
    rows = {row.name: row for row in setting_rows({"CARTOGRAPH_PORT": "nonsense"}, {})}

    assert len(rows) == len(Settings.model_fields)
    assert (rows["CARTOGRAPH_PORT"].value, rows["CARTOGRAPH_PORT"].origin) == ("nonsense", "environment")
    assert (rows["DATABASE_URL"].value, rows["DATABASE_URL"].origin) == ("", "missing")
    assert (rows["CARTOGRAPH_ENVIRONMENT"].value, rows["CARTOGRAPH_ENVIRONMENT"].origin) == ("development", "default")
    assert rows["CARTOGRAPH_COUNTRIES"].value == "US,CA,GB,DE,FR,NL,AT,CH,JP,AU"
    assert rows["CARTOGRAPH_SECRET_KEY"].value == "********"
    assert rows["CARTOGRAPH_PUBLIC_URL"].value == ""
    assert all(row.description for row in rows.values())


@pytest.mark.parametrize("name", ["CARTOGRAPH_CURRENCY", "CARTOGRAPH_CURRENCIES"])
def test_a_currency_that_the_payment_provider_cannot_charge_is_refused(name: str) -> None:
    (fault,) = faults_of({**ENOUGH, name: "CLF"})

    assert fault.startswith(f"{name}: the payment provider knows no such fine amounts of CLF")


def test_a_shop_sells_in_several_currencies_and_countries_have_theirs() -> None:
    further = {"CARTOGRAPH_CURRENCIES": "EUR, ISK,USD", "CARTOGRAPH_MARKETS": "DE=EUR,IS=ISK"}

    settings = load_settings(ENOUGH | further)

    assert settings.all_currencies == ("USD", "EUR", "ISK")
    assert settings.currency_by_country == {"DE": "EUR", "IS": "ISK"}


@pytest.mark.parametrize("entry", ["DE", "DE=CHF", "XX1=EUR", "=EUR"])
def test_a_market_without_country_or_with_a_currency_of_its_own_is_refused(entry: str) -> None:
    faults = faults_of(ENOUGH | {"CARTOGRAPH_CURRENCIES": "EUR", "CARTOGRAPH_MARKETS": entry})

    assert [fault.partition(": ")[0] for fault in faults] == ["CARTOGRAPH_MARKETS"]


def test_a_flat_rate_in_thousandths_that_no_card_can_pay_is_refused() -> None:
    (fault,) = faults_of(ENOUGH | {"CARTOGRAPH_CURRENCY": "BHD", "CARTOGRAPH_SHIPPING_FLAT_RATE": "1.005"})

    assert "thousandths" in fault


def test_a_fault_point_is_refused_in_production_and_a_wrong_one_everywhere() -> None:
    [in_production] = faults_of(PRODUCTION | {"CARTOGRAPH_FAULT_POINT": "order_committed"})
    [misspelt] = faults_of(ENOUGH | {"CARTOGRAPH_FAULT_POINT": "order_comitted"})

    assert load_settings(ENOUGH | {"CARTOGRAPH_FAULT_POINT": "order_committed:3"}).fault_point == "order_committed:3"
    assert in_production == "CARTOGRAPH_FAULT_POINT: it ends the process; unset it in production"
    assert misspelt.startswith("CARTOGRAPH_FAULT_POINT: 'order_comitted' is no fault point; set one of ")


# ------------------------------------------------------------------------------------------------ accounts


def test_accounts_are_in_every_process_and_in_the_shops_database_by_default() -> None:
    settings = load_settings(ENOUGH)

    assert (settings.accounts_database_url, settings.accounts_url) == (None, None)
    assert (settings.auth_cookies, settings.allowed_origins) == (False, ())


def test_origins_are_named_one_by_one() -> None:
    settings = load_settings(ENOUGH | {"CARTOGRAPH_ALLOWED_ORIGINS": "https://a.example, http://localhost:3000"})

    assert settings.allowed_origins == ("https://a.example", "http://localhost:3000")


@pytest.mark.parametrize("origin", ["*", "https://*.example", "a.example", "https://a.example/", "null", "ftp://a"])
def test_what_is_no_single_origin_is_refused(origin: str) -> None:
    [fault] = faults_of(ENOUGH | {"CARTOGRAPH_ALLOWED_ORIGINS": origin})

    assert fault.startswith("CARTOGRAPH_ALLOWED_ORIGINS: ")
