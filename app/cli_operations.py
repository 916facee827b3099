"""Commands for those who run the shop: orders, payments, e-mails, jobs.

Rooms are imported when their command runs, so that the command line starts at once.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.command_line import USAGE, Add, WithShop

if TYPE_CHECKING:
    from app.bootstrap import Shop


def add_operations(add: Add, with_shop: WithShop) -> None:
    """Add `orders`, `payments`, `mail` and `jobs`."""
    orders = add("orders", "show an order, give money back", partial(_orders, with_shop))
    deeds = orders.add_subparsers(dest="deed", metavar="DEED", required=True)
    deeds.add_parser("show", help="show an order with its payments").add_argument("number", metavar="NUMBER")
    refund = deeds.add_parser("refund", help="give back what was paid for an order, or some of it")
    refund.add_argument("number", metavar="NUMBER", help="the order's number")
    refund.add_argument("--amount", metavar="12.34", help="how much, in the order's currency (all that is left)")
    refund.add_argument("--reason", default="refunded by the shop", help="why, for the shop's own people")
    refund.add_argument("--restock", action="store_true", help="also put the order's units on the shelf again")

    payments = add("payments", "see and try again what waits for the payment provider", partial(_payments, with_shop))
    steps = payments.add_subparsers(dest="step", metavar="STEP", required=True)
    steps.add_parser("queue", help="list the queued payments, the oldest first")
    again = steps.add_parser("retry", help="try queued payments at once")
    again.add_argument("numbers", nargs="*", metavar="ORDER", help="the orders' numbers")
    again.add_argument("--all", action="store_true", help="every one that is queued")
    given_up = steps.add_parser("abandon", help="give queued payments up: their orders are canceled")
    given_up.add_argument("numbers", nargs="+", metavar="ORDER", help="the orders' numbers")

    compare = steps.add_parser("reconcile", help="compare the provider's payments with the shop's books, now")
    compare.add_argument(
        "--days",
        type=int,
        choices=range(1, 366),
        metavar="DAYS",
        help="how many days of the provider's payments (26 hours)",
    )
    found = steps.add_parser("findings", help="list where both disagree and a person has to decide")
    found.add_argument("--resolve", nargs="+", type=int, default=[], metavar="NO", help="these have been dealt with")
    told = steps.add_parser("events", help="list webhooks that could not be applied")
    told.add_argument("--retry", nargs="+", default=[], metavar="ID", help="try these again now")
    steps.add_parser("disputes", help="list the payments that buyers dispute at their banks")

    mail = add("mail", "what was not sent, another try, and how e-mails look", partial(_mail, with_shop))
    chores = mail.add_subparsers(dest="chore", metavar="CHORE", required=True)
    failed = chores.add_parser("failed", help="list the e-mails that were refused for good, the newest first")
    failed.add_argument("--limit", type=int, default=50, metavar="N", help="how many at most (50)")
    retry = chores.add_parser("retry", help="have refused e-mails tried again")
    retry.add_argument("keys", nargs="*", metavar="KEY", help="as `mail failed` lists them")
    retry.add_argument("--all", action="store_true", help="all of them, as after a mistake in the settings")
    preview = chores.add_parser("preview", help="write every e-mail, of an order that never was, into a folder")
    preview.add_argument("folder", type=Path, metavar="DIR")
    preview.add_argument("--language", metavar="CODE", help="in this language (CARTOGRAPH_LANGUAGE)")

    jobs = add("jobs", "see what the worker has to do, and what it could not do", partial(_jobs, with_shop))
    wishes = jobs.add_subparsers(dest="wish", metavar="WISH", required=True)
    listing = wishes.add_parser("list", help="list the jobs: dead, running, waiting")
    listing.add_argument("--dead", action="store_true", help="only those that failed for the last time")
    listing.add_argument("--limit", type=int, default=100, metavar="N", help="how many at most (100)")
    for wish, text in (("retry", "run dead jobs again, and waiting ones at once"), ("remove", "remove jobs undone")):
        wishes.add_parser(wish, help=text).add_argument("ids", nargs="+", type=int, metavar="ID")


def _orders(with_shop: WithShop, options: argparse.Namespace) -> int:
    from app import order_commands as commands

    if options.deed == "show":
        return with_shop(lambda shop: commands.show(shop, options.number))
    return with_shop(
        lambda shop: commands.refund(
            shop, options.number, amount=options.amount, reason=options.reason, restock=options.restock
        ),
        log_level="CRITICAL",  # it tells people what came of it
    )


def _provider(with_shop: WithShop, options: argparse.Namespace) -> int:
    from app import reconcile_commands as commands

    tasks: dict[str, Callable[[Shop], Coroutine[Any, Any, int]]] = {
        "reconcile": lambda shop: commands.reconcile(shop, days=options.days),
        "findings": lambda shop: commands.findings(shop, resolve=options.resolve),
        "events": lambda shop: commands.events(shop, retry=options.retry),
        "disputes": commands.disputes,
    }
    return with_shop(tasks[options.step])


def _payments(with_shop: WithShop, options: argparse.Namespace) -> int:
    if options.step not in ("queue", "retry", "abandon"):
        return _provider(with_shop, options)
    from app import payment_commands as commands

    if options.step == "queue":
        return with_shop(commands.queue)
    if options.step == "abandon":
        return with_shop(lambda shop: commands.abandon(shop, options.numbers))
    if bool(options.numbers) == options.all:
        print("cartograph: name orders, or say --all", file=sys.stderr)
        return USAGE
    return with_shop(lambda shop: commands.retry(shop, options.numbers, every=options.all))


def _mail(with_shop: WithShop, options: argparse.Namespace) -> int:
    from app import mail_commands as commands

    if options.chore == "retry" and bool(options.keys) == options.all:
        print("cartograph: name e-mails, or say --all", file=sys.stderr)
        return USAGE
    chores: dict[str, Callable[[Shop], Coroutine[Any, Any, int]]] = {
        "failed": lambda shop: commands.failed(shop, limit=options.limit),
        "retry": lambda shop: commands.retry(shop, options.keys, every=options.all),
        "preview": lambda shop: commands.preview(shop, options.folder, language=options.language),
    }
    return with_shop(chores[options.chore])


def _jobs(with_shop: WithShop, options: argparse.Namespace) -> int:
    from app import job_commands as commands

    wishes: dict[str, Callable[[Shop], Coroutine[Any, Any, int]]] = {
        "list": lambda shop: commands.list_jobs(shop, only_dead=options.dead, limit=options.limit),
        "retry": lambda shop: commands.retry_jobs(shop, options.ids),
        "remove": lambda shop: commands.remove_jobs(shop, options.ids),
    }
    return with_shop(wishes[options.wish])
