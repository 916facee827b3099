"""Delivery's SQL: one statement reads what one place can be offered, one stores a zone. See ADR-0018."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ARRAY, Text, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from app.core.money import Currency
from app.core.place import Place
from app.shipping.domain import Band, DeliveryMethod, DeliveryOptions, DeliveryZone, FlatRate, Measure, Tariff

_METHODS = text("""
    SELECT EXISTS (SELECT FROM delivery_method WHERE active) AS has_methods,
           coalesce((SELECT jsonb_agg(to_jsonb(method) ORDER BY zone, position) FROM delivery_method AS method
                     WHERE active AND :country = ANY(countries) AND (regions = '{}' OR :region = ANY(regions))),
                    '[]') AS methods
""").bindparams(bindparam("country", type_=Text), bindparam("region", type_=Text))
_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('cartograph.delivery.import'))")
_STORE = text("""
    INSERT INTO delivery_method (zone, key, position, name, countries, regions, measure, bands, free_from,
                                 estimated_days, is_pick_up, tax_class, active)
    SELECT :zone, key, position, name, :countries, :regions, measure, bands, free_from, estimated_days, is_pick_up,
           tax_class, true
    FROM jsonb_to_recordset(:methods) AS method (
        key text, position int, name text, measure text, bands jsonb, free_from jsonb, estimated_days int,
        is_pick_up boolean, tax_class text)
    ON CONFLICT (zone, key) DO UPDATE SET
        position = excluded.position, name = excluded.name, countries = excluded.countries,
        regions = excluded.regions, measure = excluded.measure, bands = excluded.bands,
        free_from = excluded.free_from, estimated_days = excluded.estimated_days,
        is_pick_up = excluded.is_pick_up, tax_class = excluded.tax_class, active = true
    WHERE to_jsonb(delivery_method) - 'id' <> to_jsonb(excluded) - 'id'
    RETURNING id
""").bindparams(
    bindparam("methods", type_=JSONB),
    bindparam("countries", type_=ARRAY(Text)),
    bindparam("regions", type_=ARRAY(Text)),
)
_RETIRE = text("""
    UPDATE delivery_method SET active = false WHERE zone = :zone AND active AND NOT key = ANY(:keys) RETURNING id
""").bindparams(bindparam("keys", type_=ARRAY(Text)))


class SqlDelivery:
    """`DeliveryReader` and `DeliveryWriter` on one connection to the primary."""

    def __init__(self, connection: AsyncConnection, *, flat_rate: FlatRate) -> None:
        self._connection = connection
        self._flat_rate = flat_rate

    async def options_to(self, place: Place) -> DeliveryOptions:
        """The options of a place; a shop without methods of its own has the flat rate."""
        where = {"country": place.country_code, "region": place.region_key}
        row = (await self._connection.execute(_METHODS, where)).one()
        if not row.has_methods:
            return self._flat_rate.to(place)
        regional = [method for method in row.methods if method["regions"]]
        return Tariff(tuple(_method(method) for method in regional or row.methods))

    async def store_zone(self, zone: DeliveryZone) -> bool:
        """Make the zone what this one says; returns whether anything changed."""
        await self._connection.execute(_LOCK)
        methods = [_row(method, position) for position, method in enumerate(zone.methods.items())]
        places = {"zone": zone.key, "countries": list(zone.countries), "regions": list(zone.regions)}
        stored = (await self._connection.execute(_STORE, {**places, "methods": methods})).all()
        keys = {"zone": zone.key, "keys": list(zone.methods)}
        retired = (await self._connection.execute(_RETIRE, keys)).all()
        return bool(stored or retired)


def _row(entry: tuple[str, DeliveryMethod], position: int) -> dict[str, object]:
    key, method = entry
    return {
        "key": key,
        "position": position,
        "name": method.name,
        "measure": method.measure.value,
        "bands": {code: [[band.up_to, band.price_minor] for band in bands] for code, bands in method.bands.items()},
        "free_from": dict(method.free_from),
        "estimated_days": method.estimated_days,
        "is_pick_up": method.is_pick_up,
        "tax_class": method.tax_class,
    }


def _method(stored: Mapping[str, Any]) -> DeliveryMethod:
    return DeliveryMethod(
        id=stored["id"],
        name=stored["name"],
        measure=Measure(stored["measure"]),
        bands={Currency(code): _bands(bands) for code, bands in stored["bands"].items()},
        free_from=stored["free_from"],
        estimated_days=stored["estimated_days"],
        is_pick_up=stored["is_pick_up"],
        tax_class=stored["tax_class"],
    )


def _bands(stored: Sequence[Sequence[Any]]) -> tuple[Band, ...]:
    return tuple(Band(up_to, price) for up_to, price in stored)
