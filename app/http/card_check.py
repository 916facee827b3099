"""No card number comes in: what a client has sent is looked through once, before anything is made of it.

Every way in calls this on what it has decoded (bodies of JSON, the query string, a socket's messages) and on headers
that are kept. Nobody behind it meets a card number, so nothing can store, cache or log one. See ADR-0028.
"""

from __future__ import annotations

from app.core.card_data import card_number_in, has_card_number
from app.core.errors import CardDataNotAllowed
from app.documents.card_numbers import card_number_in_document

MAX_STEPS, MAX_STEP_CHARACTERS = 20, 100  # of a position, as it is told


def refuse_card_data(sent: object) -> None:
    """Raises CardDataNotAllowed where a card number stands in what was sent: JSON, keys and numbers included.

    The text `query` of an object is read as a GraphQL document.
    """
    if isinstance(sent, dict) and isinstance(document := sent.get("query"), str):
        location = card_number_in_document(document)
        if location is not None:
            raise CardDataNotAllowed(("query",), location=location)
        sent = {name: value for name, value in sent.items() if name != "query"}
    way = card_number_in(sent)
    if way is not None:
        raise CardDataNotAllowed([step[:MAX_STEP_CHARACTERS] for step in way[:MAX_STEPS]])


def refuse_card_header(name: str, value: str | None) -> None:
    """Raises CardDataNotAllowed where a card number stands in a header's value."""
    if value is not None and has_card_number(value):
        raise CardDataNotAllowed(("headers", name))
