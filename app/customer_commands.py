"""What `cartograph customers` does, given a shop: for its people, when a customer asks them."""

from __future__ import annotations

import sys

from app.accounts.end_sessions import MAX_SESSIONS
from app.accounts.lockout import folded_email
from app.bootstrap import Shop
from app.core.errors import NotFound
from app.core.printable import printable
from app.customers.export_data import AccountData

OK = 0


async def export_customer(shop: Shop, email: str) -> int:
    """All that the shop has of a customer, as one JSON document."""
    async with shop.accounts.transactions.read() as tx:
        stored = await tx.accounts.find_by_email(folded_email(email))
        if stored is None:
            raise NotFound(f"there is no account {printable(email)}")
        customer = stored.customer
        addresses = await tx.addresses.list(customer.id)
        sessions = await tx.sessions.list_open(customer.id, now=shop.clock.now(), limit=MAX_SESSIONS)
    async for piece in shop.export_customer(AccountData(customer, addresses, sessions)):
        sys.stdout.write(piece.decode())
    return OK
