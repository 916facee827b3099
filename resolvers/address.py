"""Postal addresses in the schema."""

from __future__ import annotations

from enum import Enum

import strawberry

from app.core.contact import Address as AddressRecord
from resolvers.backing import backed_by, given
from resolvers.cost_directives import EMBEDDED
from resolvers.enums import CountryCode


@strawberry.type(description="Where a parcel or a bill goes.", directives=[EMBEDDED])
@backed_by(AddressRecord)
class Address:
    """Declared over its record."""

    full_name: str = strawberry.field(description="Who receives it.")
    company: str | None = strawberry.field(description="The company, where there is one.")
    line1: str = strawberry.field(description="Street and number.")
    line2: str | None = strawberry.field(description="Flat, floor, care of.")
    city: str = strawberry.field(description="The town.")
    region: str | None = strawberry.field(description="State, province or county.")
    postal_code: str | None = strawberry.field(description="The postal code.")
    phone: str | None = strawberry.field(description="A number for the carrier.")

    @strawberry.field(description="The country.", graphql_type=CountryCode)
    def country_code(address: strawberry.Parent[AddressRecord]) -> str:
        """The code itself is the enum's value."""
        return address.country_code


@strawberry.input(
    description="Where a parcel or a bill goes. Every text is one line of at most 200 characters; what is required, and"
    " how a postal code looks, is up to the country."
)
class AddressInput:
    """Becomes a record by `address_of`."""

    full_name: str = strawberry.field(description="Who receives it.")
    company: str | None = strawberry.field(default=strawberry.UNSET, description="The company, where there is one.")
    line1: str = strawberry.field(description="Street and number.")
    line2: str | None = strawberry.field(default=strawberry.UNSET, description="Flat, floor, care of.")
    city: str = strawberry.field(description="The town.")
    region: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="State, province or county: its code or name, and required where the country has them.",
    )
    postal_code: str | None = strawberry.field(
        default=strawberry.UNSET, description="The postal code: required where the country has them."
    )
    country_code: Enum = strawberry.field(graphql_type=CountryCode, description="The country.")
    phone: str | None = strawberry.field(default=strawberry.UNSET, description="A number for the carrier.")


def address_of(value: AddressInput | None) -> AddressRecord | None:
    """The record, not yet checked."""
    if not given(value) or value is None:
        return None
    return AddressRecord(
        full_name=value.full_name,
        line1=value.line1,
        city=value.city,
        country_code=str(value.country_code.value),
        company=given(value.company),
        line2=given(value.line2),
        region=given(value.region),
        postal_code=given(value.postal_code),
        phone=given(value.phone),
    )
