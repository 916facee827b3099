"""Hold a stored document against the schema, exactly as is done before it is executed."""

from __future__ import annotations

from textwrap import shorten

from graphql import GraphQLError

from app.documents.domain import CheckedDocument
from resolvers.shop_schema import DocumentRefused, ShopSchema

MAX_FAULT_CHARACTERS = 300  # messages repeat values, and those may be long
MAX_FAULTS = 5  # of one document: a person mends one and looks again


def check_document(schema: ShopSchema, text: str) -> CheckedDocument:
    """The names of the document's operations, and why it cannot be executed; never raises for a text."""
    try:
        operations = schema.prepare(text, trusted=True).operations
    except DocumentRefused as refused:
        return CheckedDocument((), tuple(_sentence(error) for error in refused.errors[:MAX_FAULTS]))
    if not operations:
        return CheckedDocument((), ("has no operation",))
    return CheckedDocument(tuple(name for name in operations if name), ())


def _sentence(error: GraphQLError) -> str:
    message = shorten(error.message, MAX_FAULT_CHARACTERS, placeholder=" …")
    place = error.locations[0] if error.locations else None
    return f"{message} (line {place.line}, column {place.column})" if place else message
