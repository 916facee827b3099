"""Taxes' SQL: one statement reads the rates of one place, one stores a country's. See ADR-0018."""

from __future__ import annotations

from sqlalchemy import Text, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from app.core.place import Place
from app.taxes.domain import LocalTaxes, NoTaxes, TaxCountry, Taxes, TaxRate

_RATES = text("""
    SELECT EXISTS (SELECT FROM tax_place) AS has_rates,
           coalesce((SELECT jsonb_agg(jsonb_build_array(prices_include_tax, rates) ORDER BY region)
                     FROM tax_place WHERE country = :country AND region IN ('', :region)), '[]') AS places
""").bindparams(bindparam("country", type_=Text), bindparam("region", type_=Text))
_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('cartograph.taxes.import'))")
_STORE = text("""
    INSERT INTO tax_place (country, region, prices_include_tax, rates)
    SELECT :country, region, :prices_include_tax, rates
    FROM jsonb_to_recordset(:places) AS place (region text, rates jsonb)
    ON CONFLICT (country, region) DO UPDATE SET
        prices_include_tax = excluded.prices_include_tax, rates = excluded.rates
    WHERE to_jsonb(tax_place) <> to_jsonb(excluded)
    RETURNING country
""").bindparams(bindparam("places", type_=JSONB))
_REMOVE = text("""
    DELETE FROM tax_place WHERE country = :country
    AND region NOT IN (SELECT region FROM jsonb_to_recordset(:places) AS place (region text)) RETURNING country
""").bindparams(bindparam("places", type_=JSONB))


class SqlTaxes:
    """`TaxReader` and `TaxWriter` on one connection to the primary."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def taxes_at(self, place: Place) -> Taxes:
        """The taxes on what is sold there; a class that a region names has that region's rates only."""
        where = {"country": place.country_code, "region": place.region_key or ""}
        row = (await self._connection.execute(_RATES, where)).one()
        if not row.has_rates:
            return NoTaxes()
        rates: dict[str, tuple[TaxRate, ...]] = {}
        for _, stored in row.places:  # the whole country first
            rates |= {name: tuple(TaxRate(*rate) for rate in each) for name, each in stored.items()}
        includes = any(included for included, _ in row.places)
        return LocalTaxes(rates, includes, is_guess=not place.is_address)

    async def store_country(self, country: TaxCountry) -> bool:
        """Make the country's taxes what this one says; returns whether anything changed."""
        await self._connection.execute(_LOCK)
        places = [
            {"region": region, "rates": {name: [[r.name, r.ppm] for r in rates] for name, rates in by_class.items()}}
            for region, by_class in country.rates.items()
        ]
        values = {"country": country.code, "places": places}
        included = {"prices_include_tax": country.prices_include_tax}
        stored = (await self._connection.execute(_STORE, {**values, **included})).all()
        removed = (await self._connection.execute(_REMOVE, values)).all()
        return bool(stored or removed)
