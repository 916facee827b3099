"""Texts in other languages than the shop's: of products, categories, attributes, options and their values."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, Table, Text

from app.database.metadata import metadata

product_translation = Table(
    "product_translation",
    metadata,
    Column("product_id", Integer, ForeignKey("product.id"), primary_key=True),
    Column("language", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Index(None, "language"),
)

category_translation = Table(
    "category_translation",
    metadata,
    Column("category_id", Integer, ForeignKey("category.id"), primary_key=True),
    Column("language", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
)

facet_translation = Table(  # what an attribute or option is called, and its values
    "facet_translation",
    metadata,
    Column("slug", Text, primary_key=True),
    Column("language", Text, primary_key=True),
    Column("value", Text, primary_key=True),  # empty for the name of the attribute or option
    Column("label", Text, nullable=False),
)
