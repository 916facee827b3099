"""The tables of the terms of sale: delivery, taxes, promotions. Beside `tables`, which needs them. See ADR-0018."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

from app.database.metadata import metadata, moment

delivery_method = Table(
    "delivery_method",
    metadata,
    Column("id", Integer, Identity(always=True, start=101), primary_key=True),  # 1 is the flat rate of the settings
    Column("zone", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("countries", ARRAY(Text), nullable=False),
    Column("regions", ARRAY(Text), nullable=False),  # case folded; empty for whole countries
    Column("measure", Text, nullable=False),
    Column(
        "bands", JSONB, nullable=False
    ),  # currency -> rising limits, the last one null where there is none, and prices
    Column("free_from", JSONB, nullable=False),  # currency -> minor units
    Column("estimated_days", Integer),
    Column("is_pick_up", Boolean, nullable=False),
    Column("tax_class", Text, nullable=False),
    Column("active", Boolean, nullable=False, server_default=text("true")),  # false: no longer offered, orders name it
    UniqueConstraint("zone", "key"),
    CheckConstraint("measure IN ('nothing', 'weight', 'subtotal')", name="measure_known"),
)

tax_place = Table(
    "tax_place",
    metadata,
    Column("country", Text, primary_key=True),
    Column("region", Text, primary_key=True),  # case folded; empty for the whole country
    Column("prices_include_tax", Boolean, nullable=False),
    Column("rates", JSONB, nullable=False),  # tax class -> names and millionths
)

promotion = Table(
    "promotion",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("key", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("code", Text, unique=True),  # upper case; null where it applies by itself
    Column("effect", JSONB, nullable=False),
    Column("product_ids", ARRAY(Integer), nullable=False),
    Column("category_ids", ARRAY(Integer), nullable=False),
    Column("brands", ARRAY(Text), nullable=False),
    Column("minimum", JSONB, nullable=False),  # currency -> minor units
    Column("first_order_only", Boolean, nullable=False),
    Column("combinable", Boolean, nullable=False),
    Column("starts_at", moment),
    Column("ends_at", moment),
    Column("usage_limit", Integer),
    Column("usage_limit_per_customer", Integer),
    Column("used", Integer, nullable=False, server_default="0"),  # counted while it is limited
    Column("revision", Integer, nullable=False, server_default="1"),  # rises with every change
    Column("applied_revision", Integer, nullable=False, server_default="0"),  # the one that prices show; 0 for none
    Column("active", Boolean, nullable=False),
    CheckConstraint("kind IN ('cart', 'catalog')", name="kind_known"),
    CheckConstraint("used >= 0 AND used <= coalesce(usage_limit, used)", name="never_overused"),
)

promotion_use = Table(
    "promotion_use",
    metadata,
    Column("order_id", UUID(as_uuid=True), primary_key=True),
    Column("promotion_id", Integer, ForeignKey("promotion.id"), primary_key=True),
    Column("buyer", Text, nullable=False),  # the order's e-mail address in lower case
    Column("amount_minor", BigInteger, nullable=False),
    Index(None, "promotion_id", "buyer"),
)
