"""The guide to carts says the bounds that the code has."""

from __future__ import annotations

import re

import pytest

from app.cart import delete_expired, domain
from app.core import contact, quantity
from app.idempotency import domain as idempotency
from tests.conftest import REPOSITORY

GUIDE = (REPOSITORY / "docs" / "guides" / "carts.md").read_text()
BOUNDS = {
    "lines of a cart, of a request": [domain.MAX_LINES],
    "units of a line": [quantity.MAX_QUANTITY],
    "attributes of a line": [
        domain.MAX_LINE_ATTRIBUTES,
        1,
        domain.MAX_ATTRIBUTE_KEY_LENGTH,
        domain.MAX_ATTRIBUTE_VALUE_LENGTH,
    ],
    "note": [domain.MAX_NOTE_LENGTH],
    "e-mail address": [contact.MAX_EMAIL_LENGTH],
    "each text of an address": [contact.MAX_ADDRESS_FIELD_LENGTH],
    "idempotency key": [1, idempotency.MAX_KEY_LENGTH, idempotency.MIN_OPEN_KEY_LENGTH],
}


def rows() -> dict[str, list[int]]:
    table = re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", GUIDE, re.MULTILINE)
    return {
        what: [int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*", bounds)]
        for what, bounds in table
        if what != "what"
    }


def test_every_bound_is_the_codes() -> None:
    assert rows() == BOUNDS


def test_the_times_are_the_codes() -> None:
    assert f"readable for another {delete_expired.KEPT.days} days" in GUIDE
    assert f"within {idempotency.KEPT.total_seconds() / 3600:.0f} hours" in GUIDE


@pytest.mark.parametrize("target", re.findall(r"\]\(([^)#]+)\)", GUIDE))
def test_every_link_leads_somewhere(target: str) -> None:
    assert (REPOSITORY / "docs" / "guides" / target).exists()
