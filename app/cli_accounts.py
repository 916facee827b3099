"""Commands about accounts: signing keys, staff, customers, the audit log.

Rooms are imported when their command runs, so that the command line starts at once.
"""

from __future__ import annotations

import argparse
from functools import partial

from app.command_line import Add, WithShop


def add_account_commands(add: Add, with_shop: WithShop) -> None:
    """Add `keys`, `staff`, `customers` and `audit`."""
    keys = add("keys", "list and rotate the keys that sign access tokens", partial(_keys, with_shop))
    turns = keys.add_subparsers(dest="turn", metavar="TURN", required=True)
    turns.add_parser("list", help="list the keys, and what each is good for")
    rotate = turns.add_parser("rotate", help="make a new key; the old one verifies until its last token has ended")
    rotate.add_argument("--now", action="store_true", help="a key was stolen: the old ones verify nothing any more")

    staff = add("staff", "make, list and disable accounts of staff", partial(_staff, with_shop))
    moves = staff.add_subparsers(dest="move", metavar="MOVE", required=True)
    hire = moves.add_parser("create", help="make an account, or give one a new password and second factor")
    hire.add_argument("email", metavar="EMAIL")
    hire.add_argument("--name", help="what to call them")
    moves.add_parser("list", help="list the accounts of staff")
    moves.add_parser("disable", help="end every session of an account, and let it begin none").add_argument("email")

    customers = add("customers", "give customers what the shop has of them", partial(_customers, with_shop))
    favors = customers.add_subparsers(dest="favor", metavar="FAVOR", required=True)
    favors.add_parser("export", help="write a customer's data as JSON").add_argument("email", metavar="EMAIL")

    audit = add("audit", "read and verify the audit log", partial(_audit, with_shop))
    views = audit.add_subparsers(dest="view", metavar="VIEW", required=True)
    listing = views.add_parser("list", help="list the newest entries")
    listing.add_argument("--limit", type=int, default=50, metavar="N", help="how many at most (50)")
    verify = views.add_parser("verify", help="check every entry; prints the log's head, to be noted elsewhere")
    verify.add_argument("--head", metavar="HEAD", help="a head that was noted before: the log must still contain it")


def _keys(with_shop: WithShop, options: argparse.Namespace) -> int:
    from app import account_commands as commands

    if options.turn == "list":
        return with_shop(commands.list_keys)
    return with_shop(lambda shop: commands.rotate_keys(shop, at_once=options.now))


def _staff(with_shop: WithShop, options: argparse.Namespace) -> int:
    from app import account_commands as commands

    if options.move == "list":
        return with_shop(commands.list_staff)
    if options.move == "disable":
        return with_shop(lambda shop: commands.disable_staff(shop, options.email))
    password = commands.asked_password()
    return with_shop(lambda shop: commands.create_staff(shop, options.email, password, options.name))


def _customers(with_shop: WithShop, options: argparse.Namespace) -> int:
    from app import customer_commands as commands

    return with_shop(lambda shop: commands.export_customer(shop, options.email))


def _audit(with_shop: WithShop, options: argparse.Namespace) -> int:
    from app import account_commands as commands

    if options.view == "list":
        return with_shop(lambda shop: commands.list_audit(shop, limit=options.limit))
    head = commands.noted_head(options.head)
    return with_shop(lambda shop: commands.verify_audit(shop, head))
