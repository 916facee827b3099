"""When tries to sign in are no longer looked at: soft locks, which only ever hold for a while and never for everybody.

Tries are counted within WINDOW, for what was typed as the address of an account, whether there is one or not:

- from one network address at one account: TRIES. Whoever guesses is stopped; anybody else is not even noticed.
- from all addresses that the account has never signed in from: STRANGERS together. Many machines are stopped, too;
  the owner still gets in from where they have been before, and anywhere else with a link by e-mail.
- from one network address at all accounts: FROM_ADDRESS. One password is not tried at every account.

A try is noted before the password is looked at, so any number at once are no way around it; one that succeeds is
forgotten, one that is refused for its number does not prolong the lock. Source: OWASP Authentication Cheat Sheet.
"""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.core.errors import TooManyTries

WINDOW = timedelta(minutes=15)
TRIES = 5
STRANGERS = 20
FROM_ADDRESS = 50


@dataclass(frozen=True, slots=True)
class NotedTry:
    """A try that was noted. is_known: whether the account has signed in from that network address before."""

    number: int
    is_known: bool


@dataclass(frozen=True, slots=True)
class Counted:
    """Tries of one kind within WINDOW. oldest: when the first of them was, None where there are none."""

    count: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class Tries:
    """Tries within WINDOW, the one that is looked at among them."""

    here: Counted
    by_strangers: Counted
    from_address: Counted


def folded_email(text: str) -> str:
    """The address as accounts are found by it."""
    return unicodedata.normalize("NFC", text.strip()).casefold()


def account_key(email: str) -> bytes:
    """What tries at an account are counted under, without saying whose it is. email: folded."""
    return hashlib.sha256(b"cartograph.sign-in-try.1" + email.encode(errors="replace")).digest()


def check_tries(tries: Tries, noted: NotedTry, *, now: datetime) -> None:
    """Make sure that this try may be looked at. Raises TooManyTries."""
    limits = [(tries.here, TRIES), (tries.from_address, FROM_ADDRESS)]
    if not noted.is_known:
        limits.append((tries.by_strangers, STRANGERS))
    waits = [WINDOW - (now - each.oldest) for each, limit in limits if each.oldest and each.count > limit]
    if waits:
        raise TooManyTries(retry_after_seconds=max(1, int(max(waits).total_seconds())))
