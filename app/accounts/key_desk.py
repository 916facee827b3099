"""What the account service does with signing keys: sign with the one whose time has come, make and rotate them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.accounts.audit import OPERATOR, Action, Event
from app.accounts.ports import AccountTransaction, AccountTransactions
from app.accounts.sealing import Sealer
from app.accounts.signing_keys import KEPT_SECONDS, PUBLISHED_AHEAD, TOKEN_LIFETIME, SigningKey, kid_of, signing
from app.core.clock import Clock

_KEPT_RETIRED = timedelta(days=30)  # for `cartograph keys list`


class KeyDesk:
    """The shop's keys with their private parts. Safe for any number of tasks at once."""

    def __init__(self, transactions: AccountTransactions, sealer: Sealer, clock: Clock) -> None:
        self._transactions = transactions
        self._sealer = sealer
        self._clock = clock
        self._keys: list[SigningKey] = []
        self._opened: dict[str, bytes] = {}
        self._stale_at = 0.0

    async def signing(self) -> tuple[str, bytes]:
        """The id and the private part of the key that signs now; the first one is made here.

        Raises CannotUnseal where the keys were sealed with another secret.
        """
        if self._clock.monotonic() >= self._stale_at:
            await self.read()
        key = signing(self._keys, self._clock.now()) or await self._first()
        if key.kid not in self._opened:
            self._opened = {key.kid: self._sealer.open(key.sealed, key.kid)}
        return key.kid, self._opened[key.kid]

    async def read(self) -> Mapping[str, bytes]:
        """The public part of every key that verifies now or will soon, by its id, read anew."""
        async with self._transactions.read() as tx:
            self._keys = await tx.signing_keys.list()
        self._stale_at = self._clock.monotonic() + KEPT_SECONDS
        now = self._clock.now()
        return {key.kid: key.public for key in self._keys if key.verifies(now)}

    async def list(self) -> list[SigningKey]:
        """Every key that is kept, the newest first."""
        async with self._transactions.read() as tx:
            return await tx.signing_keys.list()

    async def rotate(self, *, at_once: bool = False) -> SigningKey:
        """Make a new key, which signs after PUBLISHED_AHEAD; the keys before it verify until their last token ends.

        at_once: because a key was stolen. The new one signs now, the others verify nothing any more: everybody's
        access token is refused once, and clients get another with their refresh token.
        """
        now = self._clock.now()
        signs_from = now if at_once else now + PUBLISHED_AHEAD
        verify_until = now if at_once else signs_from + TOKEN_LIFETIME + timedelta(seconds=KEPT_SECONDS)
        async with self._transactions.begin() as tx:
            await tx.signing_keys.lock()
            for key in await tx.signing_keys.list():
                if key.verifies_until is None or (at_once and key.verifies_until > now):
                    await tx.signing_keys.retire(key.kid, until=verify_until)
            new = await self._made(tx, now, signs_from)
            await tx.signing_keys.forget(now - _KEPT_RETIRED)
            facts = {"kid": new.kid, "at_once": str(at_once).lower()}
            await tx.audit.append(Event(Action.KEYS_ROTATED, OPERATOR, new.kid, now, facts=facts))
        self._stale_at = 0.0
        return new

    async def _first(self) -> SigningKey:
        now = self._clock.now()
        async with self._transactions.begin() as tx:
            await tx.signing_keys.lock()
            self._keys = await tx.signing_keys.list()
            key = signing(self._keys, now) or await self._made(tx, now, now)
        self._keys = [*self._keys, key]
        return key

    async def _made(self, tx: AccountTransaction, now: datetime, signs_from: datetime) -> SigningKey:
        private = Ed25519PrivateKey.generate()
        public = private.public_key().public_bytes_raw()
        kid = kid_of(public)
        key = SigningKey(kid, public, self._sealer.seal(private.private_bytes_raw(), kid), now, signs_from)
        await tx.signing_keys.insert(key)
        return key
