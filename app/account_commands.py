"""What `cartograph keys`, `staff` and `audit` do, given a shop."""

from __future__ import annotations

import getpass
import sys

from app.accounts.audit import Head
from app.accounts.signing_keys import signing
from app.bootstrap import Shop
from app.core.errors import ShopError
from app.core.printable import printable

OK, FAILED = 0, 1


class BadArgument(ShopError):
    """What was typed cannot be used."""


async def list_keys(shop: Shop) -> int:
    """A line for each key: its id, when it was made, and what it is good for now."""
    keys, now = await shop.accounts.key_desk.list(), shop.clock.now()
    current = signing(keys, now)
    for key in keys:
        if key == current:
            use = "signs and verifies"
        elif not key.verifies(now):
            use = "retired"
        elif key.signs_from > now:
            use = f"verifies; signs from {key.signs_from:%H:%M:%S}Z"
        else:
            use = "verifies"
        until = f" until {key.verifies_until:%Y-%m-%d %H:%M:%S}Z" if key.verifies_until else ""
        print(f"{key.kid}  made {key.created_at:%Y-%m-%d %H:%M}Z  {use}{until}")
    if not keys:
        print("there are no keys yet: the first sign-in makes one")
    return OK


async def rotate_keys(shop: Shop, *, at_once: bool) -> int:
    """Make a new key; says from when it signs."""
    key = await shop.accounts.key_desk.rotate(at_once=at_once)
    if at_once:
        print(f"{key.kid} signs from now on; all other keys verify nothing within half a minute")
        print("clients get a new access token with their refresh token: nobody has to sign in again")
    else:
        print(f"{key.kid} is published now and signs from {key.signs_from:%H:%M:%S}Z; the old key verifies until its")
        print("last token has ended")
    return OK


def asked_password() -> str:
    """The password of a new staff account: typed without being shown, or the first line of standard input."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    first, second = getpass.getpass("Password: "), getpass.getpass("Password once more: ")
    if first != second:
        raise BadArgument("the two passwords are not the same: try again")
    return first


async def create_staff(shop: Shop, email: str, password: str, name: str | None) -> int:
    """Make a staff account; prints what its owner's authenticator application has to read, this once."""
    address, is_new = await shop.accounts.create_staff(email, password, name)
    print("created" if is_new else "renewed: the old password and second factor are worth nothing any more")
    print("Add this to an authenticator application (as a QR code, or by its secret); it is not shown again:")
    print(address)
    return OK


async def list_staff(shop: Shop) -> int:
    """A line for each staff account."""
    for member in await shop.accounts.list_staff():
        state = f"disabled {member.disabled_at:%Y-%m-%d %H:%M}Z" if member.disabled_at else "active"
        print(printable(f"{member.email}  {member.name or '-'}  since {member.created_at:%Y-%m-%d}  {state}"))
    return OK


async def disable_staff(shop: Shop, email: str) -> int:
    """Take a staff account's access away."""
    done = await shop.accounts.disable_staff(email)
    print("disabled: its sessions end within seconds" if done else "was disabled already")
    return OK


async def list_audit(shop: Shop, *, limit: int) -> int:
    """The newest entries, the newest first."""
    if not 1 <= limit <= 10_000:
        raise BadArgument("--limit must be 1 to 10000")
    async with shop.accounts.transactions.read() as tx:
        entries = await tx.audit.newest(limit=limit)
    for entry in entries:
        event = entry.event
        facts = " ".join(f"{name}={value}" for name, value in sorted(event.facts.items()))
        told = f"{entry.seq}  {event.at:%Y-%m-%d %H:%M:%S}Z  {event.action}  by {event.actor}  of {event.subject}"
        print(printable(f"{told}  from {event.address or '-'}  {facts}".rstrip()))
    return OK


def noted_head(text: str | None) -> Head | None:
    """A head as it was printed. Raises BadArgument."""
    if text is None:
        return None
    seq, _, digest = text.partition(":")
    try:
        return Head(int(seq), bytes.fromhex(digest))
    except ValueError:
        raise BadArgument("--head must be what `cartograph audit verify` printed, such as 42:9f03…") from None


async def verify_audit(shop: Shop, noted: Head | None) -> int:
    """Check the whole log; a line for each fault."""
    report = await shop.accounts.verify_audit(noted)
    for fault in report.faults:
        print(f"cartograph: {fault}", file=sys.stderr)
    if report.faults:
        print(f"cartograph: the audit log of {report.entries:,} entries has been tampered with", file=sys.stderr)
        return FAILED
    print(f"{report.entries:,} entries, each as it was written; head {report.head.text}")
    return OK
