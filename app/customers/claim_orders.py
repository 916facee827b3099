"""Make a guest's orders and carts a customer's, who has shown that the address in them is theirs. See ADR-0036."""

from __future__ import annotations

from dataclasses import dataclass

from app.accounts.domain import Identity
from app.accounts.service import AccountService
from app.core.changes import cart_changed, order_changed
from app.core.clock import Clock
from app.core.errors import Forbidden, Unauthenticated
from app.customers.domain import MAX_CLAIMED, Claimed, CustomerTransactions
from app.idempotency.domain import KeyedCall


@dataclass(frozen=True, slots=True)
class ClaimGuestOrders:
    """Claim what was bought and put into carts with the caller's verified address while nobody was signed in."""

    accounts: AccountService
    transactions: CustomerTransactions
    clock: Clock

    async def __call__(self, identity: Identity, *, keyed: KeyedCall | None = None) -> Claimed:
        """What has become the caller's; what was somebody's before never does.

        Raises Unauthenticated where the account is gone, Forbidden where its address is not verified: nothing has
        changed then. Concurrency: each order and cart becomes one customer's, once.
        """
        customer = await self.accounts.find_customer(identity)
        if customer is None:
            raise Unauthenticated("The account is gone.")
        if not customer.email_verified:
            raise Forbidden("Verify the e-mail address first: a link to it has been sent.")
        async with self.transactions.begin() as tx:
            if keyed is not None and await tx.keys.claim(keyed, now=self.clock.now()) is not None:
                return Claimed((), ())
            claimed = await tx.traces.claim(customer.id, customer.email, limit=MAX_CLAIMED)
            tx.announce_after_commit(*map(order_changed, claimed.orders), *map(cart_changed, claimed.carts))
        return claimed
