from __future__ import annotations

from dataclasses import replace

import pytest

from app.core.contact import Address, checked_address
from app.core.errors import ClientError, Rejected
from app.core.postal import postal_faults
from resolvers.enums import CountryCode

SOMEWHERE = Address(full_name="A", line1="B", city="C", country_code="US")


def checked(country: str, region: str | None, postal_code: str | None) -> tuple[str | None, str | None]:
    written = replace(SOMEWHERE, country_code=country, region=region, postal_code=postal_code)
    address = checked_address(written, field=())
    return address.region, address.postal_code


def refused(country: str, region: str | None, postal_code: str | None) -> list[str]:
    with pytest.raises(ClientError) as refusal:
        checked(country, region, postal_code)
    faults = refusal.value.faults if isinstance(refusal.value, Rejected) else (refusal.value,)
    return [fault.field[-1] for fault in faults]


@pytest.mark.parametrize(
    ("country", "region", "postal_code", "expected"),
    [
        ("US", "OR", "97205", ("OR", "97205")),
        ("US", "oregon", "97205-1234", ("OR", "97205-1234")),
        ("CA", "Québec", "h2x 1y4", ("QC", "H2X 1Y4")),
        ("GB", None, "ec1y 8sy", (None, "EC1Y 8SY")),
        ("GB", "Greater London", "EC1Y 8SY", ("Greater London", "EC1Y 8SY")),
        ("DE", None, "53225", (None, "53225")),
        ("JP", "Tokyo", "154-0023", ("東京都", "154-0023")),
        ("JP", "東京都", "154-0023", ("東京都", "154-0023")),
        ("IE", None, None, (None, None)),
        ("IE", "Somewhere", "A65 F4E2", ("Somewhere", "A65 F4E2")),
        ("HK", "Kowloon", None, ("Kowloon", None)),
        ("AO", None, None, (None, None)),
    ],
)
def test_addresses_of_many_countries_are_taken(
    country: str, region: str | None, postal_code: str | None, expected: tuple[str | None, str | None]
) -> None:
    assert checked(country, region, postal_code) == expected


@pytest.mark.parametrize(
    ("country", "region", "postal_code", "fields"),
    [
        ("US", None, None, ["postalCode", "region"]),
        ("US", "ZZ", "97205", ["region"]),
        ("US", "OR", "972", ["postalCode"]),
        ("US", "OR", "10001", ["postalCode"]),  # New York's
        ("CA", "QC", "V6B 1A1", ["postalCode"]),  # Vancouver's
        ("DE", None, None, ["postalCode"]),
        ("DE", None, "1234", ["postalCode"]),
        ("GB", None, "12345", ["postalCode"]),
        ("JP", None, "154-0023", ["region"]),
        ("IE", None, "12345", ["postalCode"]),
    ],
)
def test_addresses_that_are_not_of_their_country_are_refused_by_field(
    country: str, region: str | None, postal_code: str | None, fields: list[str]
) -> None:
    assert refused(country, region, postal_code) == fields


def test_a_refusal_shows_what_the_country_expects() -> None:
    assert dict(postal_faults("US", "OR", "10001")) == {
        "postalCode": "This is no postal code of OR, US; they look like 97000, 97999."
    }
    assert dict(postal_faults("DE", None, None)) == {"postalCode": "postalCode is missing: addresses in DE have one."}


@pytest.mark.parametrize("country", [country.name for country in CountryCode])
def test_every_country_can_be_asked(country: str) -> None:
    list(postal_faults(country, "x", "1"))
