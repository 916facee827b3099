"""The guide to customers: its documents are answered, in its order, and its bounds are the code's."""

from __future__ import annotations

import re

import httpx
import pytest

from app.accounts.address_book import MAX_SAVED
from app.bootstrap import Shop
from app.cart.edit_cart import MAX_OWN_CARTS
from app.customers.domain import KEPT_FOR_DELIVERY
from app.mail.send_mail import KEPT as MAIL_KEPT
from tests.conftest import REPOSITORY
from tests.graphql.canaries import signed_in_customer

GUIDE = (REPOSITORY / "docs" / "guides" / "customers.md").read_text()
DOCUMENTS = re.findall(r"```graphql\n(.*?)```", GUIDE, re.DOTALL)


async def test_every_document_is_answered_as_it_stands(shop: Shop, http: httpx.AsyncClient) -> None:
    who = await signed_in_customer(shop, http)

    answers = [await who.api.data(document) for document in DOCUMENTS]

    assert [list(answer) for answer in answers] == [["customerUpdate"], ["addressCreate"], ["me"], ["guestOrdersClaim"]]
    assert answers[1]["addressCreate"]["savedAddress"]["isDefaultBilling"] is True
    assert all(payload.get("userErrors", []) == [] for answer in answers for payload in answer.values())


def test_its_bounds_are_the_codes() -> None:
    assert f"room for {MAX_SAVED} addresses" in GUIDE
    assert f"at most {MAX_OWN_CARTS} that are open" in GUIDE
    assert f"{KEPT_FOR_DELIVERY.days} days after they were placed" in GUIDE
    assert f"{MAIL_KEPT.days} days after they could not be" in GUIDE


@pytest.mark.parametrize("target", re.findall(r"\]\(([^)#]+)\)", GUIDE))
def test_every_link_leads_somewhere(target: str) -> None:
    assert (REPOSITORY / "docs" / "guides" / target).exists()
