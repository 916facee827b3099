"""The `cartograph` command: parses what was typed and delegates.

Every failure that a person can mend is one line on standard error that names cause and fix, and an exit code other
than 0; a traceback is a bug. Rooms are imported when their command runs, so `cartograph up` starts at once.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.bootstrap import Shop
    from app.settings import Settings
    from resolvers.shop_schema import ShopSchema

OK, FAILED, USAGE = 0, 1, 2
DEFAULT_DATA = ".cartograph"
CHECKOUT = Path(__file__).resolve().parent.parent


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help()
        return OK
    from app.core.errors import ShopError

    try:
        code: int = options.run(options)
    except ShopError as error:
        for line in getattr(error, "faults", None) or [str(error)]:
            print(f"cartograph: {line}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("cartograph: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # whoever read our output has gone
        sys.stderr.close()
        return FAILED
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="cartograph", description="Headless commerce: one GraphQL schema.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    def add(name: str, text: str, run: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(run=run)
        return command

    up = add("up", "start a whole local stack: databases, payment emulator, worker and API", _up)
    up.add_argument("--port", type=int, default=8000, help="the API's port (8000)")
    up.add_argument("--data", type=Path, default=_data_folder(), metavar="DIR", help="where data is kept (.cartograph)")
    up.add_argument("--workers", type=int, default=1, help="how many API processes (1)")
    up.add_argument("--no-seed", action="store_true", help="leave an empty shop empty")

    serve = add("serve", "run the API", _serve)
    serve.add_argument("--host", help="the address to listen on (CARTOGRAPH_HOST, 127.0.0.1)")
    serve.add_argument("--port", type=int, help="the port to listen on (CARTOGRAPH_PORT, 8000)")
    serve.add_argument("--workers", type=int, help="how many processes (CARTOGRAPH_WORKERS, 1)")
    serve.add_argument("--only", choices=["accounts"], help="serve accounts alone, from ACCOUNTS_DATABASE_URL")

    worker = add("worker", "run the background worker", _worker)
    worker.add_argument("--only", choices=["accounts"], help="do the work of accounts alone, on ACCOUNTS_DATABASE_URL")
    add("migrate", "bring the database's schema to the newest version", _migrate)

    seed = add("seed", "fill the shop with the demo catalogue, or with a generated one", _seed)
    seed.add_argument("--products", type=int, metavar="N", help="generate N products instead of the demo shop")
    seed.add_argument("--if-empty", action="store_true", help="do nothing where there are products already")

    load = add("import", "load products (JSON Lines, Shopify CSV) and terms of sale (YAML, JSON)", _import)
    load.add_argument("files", nargs="+", type=Path, metavar="FILE")
    load.add_argument("--dry-run", action="store_true", help="check everything, write nothing")
    load.add_argument("--strict", action="store_true", help="stop at the first bad row")

    search = add("search", "keep the search: its index, its counts, what it misses, how good it is", _search)
    tasks = search.add_subparsers(dest="task", metavar="TASK", required=True)
    tasks.add_parser("rebuild", help="build the index anew while the old one is searched")
    tasks.add_parser("refresh", help="bring popularity and counts up to date, as the worker does every hour")
    misses = tasks.add_parser("misses", help="list the queries that found nothing")
    misses.add_argument("--limit", type=int, default=50, metavar="N", help="how many at most (50)")
    misses.add_argument("--forget", action="store_true", help="forget them all afterwards")
    score = tasks.add_parser("score", help="ask a golden set of queries and print how many are right")
    score.add_argument("file", type=Path, metavar="FILE", help="the set: JSON Lines")
    score.add_argument("--names", action="store_true", help="ask for every product by its own name, too")

    schema = add("schema", "print the GraphQL schema", _schema)
    schema.add_argument(
        "--check", action="store_true", help="fail if schema.graphql is stale or a stored document no longer valid"
    )

    documents = add("documents", "import, list and remove trusted documents", _documents)
    actions = documents.add_subparsers(dest="action", metavar="ACTION", required=True)
    new = actions.add_parser("import", help="store the documents of manifests: Relay's, GraphQL Codegen's or Apollo's")
    new.add_argument("files", nargs="+", type=Path, metavar="FILE")
    new.add_argument("--dry-run", action="store_true", help="check everything, write nothing")
    actions.add_parser("list", help="list the stored documents")
    actions.add_parser("remove", help="forget stored documents").add_argument("ids", nargs="+", metavar="ID")

    orders = add("orders", "show an order, give money back", _orders)
    deeds = orders.add_subparsers(dest="deed", metavar="DEED", required=True)
    deeds.add_parser("show", help="show an order with its payments").add_argument("number", metavar="NUMBER")
    refund = deeds.add_parser("refund", help="give back what was paid for an order, or some of it")
    refund.add_argument("number", metavar="NUMBER", help="the order's number")
    refund.add_argument("--amount", metavar="12.34", help="how much, in the order's currency (all that is left)")
    refund.add_argument("--reason", default="refunded by the shop", help="why, for the shop's own people")
    refund.add_argument("--restock", action="store_true", help="also put the order's units on the shelf again")

    payments = add("payments", "see and try again what waits for the payment provider", _payments)
    steps = payments.add_subparsers(dest="step", metavar="STEP", required=True)
    steps.add_parser("queue", help="list the queued payments, the oldest first")
    again = steps.add_parser("retry", help="try queued payments at once")
    again.add_argument("numbers", nargs="*", metavar="ORDER", help="the orders' numbers")
    again.add_argument("--all", action="store_true", help="every one that is queued")

    mail = add("mail", "what was not sent, another try, and how e-mails look", _mail)
    chores = mail.add_subparsers(dest="chore", metavar="CHORE", required=True)
    failed = chores.add_parser("failed", help="list the e-mails that were refused for good, the newest first")
    failed.add_argument("--limit", type=int, default=50, metavar="N", help="how many at most (50)")
    retry = chores.add_parser("retry", help="have refused e-mails tried again")
    retry.add_argument("keys", nargs="*", metavar="KEY", help="as `mail failed` lists them")
    retry.add_argument("--all", action="store_true", help="all of them, as after a mistake in the settings")
    preview = chores.add_parser("preview", help="write every e-mail, of an order that never was, into a folder")
    preview.add_argument("folder", type=Path, metavar="DIR")
    preview.add_argument("--language", metavar="CODE", help="in this language (CARTOGRAPH_LANGUAGE)")

    keys = add("keys", "list and rotate the keys that sign access tokens", _keys)
    turns = keys.add_subparsers(dest="turn", metavar="TURN", required=True)
    turns.add_parser("list", help="list the keys, and what each is good for")
    rotate = turns.add_parser("rotate", help="make a new key; the old one verifies until its last token has ended")
    rotate.add_argument("--now", action="store_true", help="a key was stolen: the old ones verify nothing any more")

    staff = add("staff", "make, list and disable accounts of staff", _staff)
    moves = staff.add_subparsers(dest="move", metavar="MOVE", required=True)
    hire = moves.add_parser("create", help="make an account, or give one a new password and second factor")
    hire.add_argument("email", metavar="EMAIL")
    hire.add_argument("--name", help="what to call them")
    moves.add_parser("list", help="list the accounts of staff")
    moves.add_parser("disable", help="end every session of an account, and let it begin none").add_argument("email")

    audit = add("audit", "read and verify the audit log", _audit)
    views = audit.add_subparsers(dest="view", metavar="VIEW", required=True)
    listing = views.add_parser("list", help="list the newest entries")
    listing.add_argument("--limit", type=int, default=50, metavar="N", help="how many at most (50)")
    verify = views.add_parser("verify", help="check every entry; prints the log's head, to be noted elsewhere")
    verify.add_argument("--head", metavar="HEAD", help="a head that was noted before: the log must still contain it")

    add("doctor", "find out what is wrong, and how to mend it", _doctor)
    add("config", "list every setting, its value and where it comes from", _config)
    add("explorer", "build the GraphiQL page that /graphql shows in a browser", _explorer)
    return parser


def _data_folder() -> Path:
    named = os.environ.get("CARTOGRAPH_DATA_DIR")
    return Path(named) if named else CHECKOUT / DEFAULT_DATA


def _environment() -> tuple[dict[str, str], dict[str, str]]:
    """The environment with the running local stack's settings over it, and where each of those comes from.

    A running stack wins: a DATABASE_URL from a shell's profile must not decide where `./run import` writes to.
    """
    from app.devstack.stack_file import running_stack

    stack = running_stack(_data_folder()) or {}
    origin = f"the running stack ({_data_folder() / 'stack.json'})"
    return {**os.environ, **stack}, dict.fromkeys(stack, origin)


def _settings(**overrides: object) -> Settings:
    from app.settings import SettingsError, load_settings

    environment, origins = _environment()
    environment |= {name: str(value) for name, value in overrides.items() if value is not None}
    try:
        settings = load_settings(environment)
    except SettingsError as error:
        if any(fault.startswith("DATABASE_URL: not set") for fault in error.faults) and not origins:
            raise SettingsError([*error.faults, "or start a local stack with ./run up"]) from None
        raise
    os.environ.update(environment)  # for the processes that the server starts
    return settings


def _with_shop(work: Callable[[Shop], Coroutine[Any, Any, int]], *, log_level: str = "WARNING") -> int:
    from app import telemetry
    from app.bootstrap import open_shop

    settings = _settings()
    telemetry.configure_logging(log_level)

    async def run() -> int:
        async with open_shop(settings) as shop:
            return await work(shop)

    return asyncio.run(run())


def _up(options: argparse.Namespace) -> int:
    from app.devstack.up import UpOptions, up
    from app.seed.logins import DEMO_CUSTOMERS

    logins = [(email, password) for email, password, _ in DEMO_CUSTOMERS]
    wanted = UpOptions(port=options.port, data=options.data, workers=options.workers, seed=not options.no_seed)
    return up(wanted, demo_logins=logins)


def _serve(options: argparse.Namespace) -> int:
    from app.server import serve

    bind = {"CARTOGRAPH_HOST": options.host, "CARTOGRAPH_PORT": options.port, "CARTOGRAPH_WORKERS": options.workers}
    only_accounts = options.only == "accounts"
    return serve(_settings(**bind, **_of_accounts(only_accounts)), only_accounts=only_accounts)


def _worker(options: argparse.Namespace) -> int:
    from app.server import work

    only_accounts = options.only == "accounts"
    return work(_settings(**_of_accounts(only_accounts)), only_accounts=only_accounts)


def _of_accounts(only: bool) -> dict[str, object]:
    """The settings of a process of accounts alone: their database is its own, and it needs nobody who takes money."""
    if not only:
        return {}
    environment, _ = _environment()
    unused = {"STRIPE_API_KEY": environment.get("STRIPE_API_KEY", "unused"), "CARTOGRAPH_ACCOUNTS_URL": ""}
    return {**unused, "DATABASE_URL": environment.get("ACCOUNTS_DATABASE_URL")}


def _migrate(_: argparse.Namespace) -> int:
    async def run(shop: Shop) -> int:
        before, after = await shop.migrate()
        print(f"migrated from {before or 'nothing'} to {after}" if before != after else f"already at {after}")
        if await shop.search_index_is_missing():
            print("search finds nothing until its index is built: by the worker as soon as it runs, or now by")
            print("  cartograph search rebuild")
        return OK

    return _with_shop(run)


def _seed(options: argparse.Namespace) -> int:
    from app.commands import seed

    return _with_shop(lambda shop: seed(shop, products=options.products, if_empty=options.if_empty))


def _import(options: argparse.Namespace) -> int:
    from app.commands import import_files

    return _with_shop(lambda shop: import_files(shop, options.files, dry_run=options.dry_run, strict=options.strict))


def _search(options: argparse.Namespace) -> int:
    from app import search_commands as commands

    tasks: dict[str, Callable[[Shop], Coroutine[Any, Any, int]]] = {
        "rebuild": commands.rebuild,
        "refresh": commands.refresh,
        "misses": lambda shop: commands.misses(shop, limit=options.limit, forget=options.forget),
        "score": lambda shop: commands.score(shop, commands.golden_queries(options.file), names=options.names),
    }
    return _with_shop(tasks[options.task])


def _schema(options: argparse.Namespace) -> int:
    from app.commands import check_schema
    from resolvers.schema import build_schema

    schema = build_schema()
    text = schema.as_str() + "\n"
    if options.check:
        return max(check_schema(text, CHECKOUT / "schema.graphql"), _check_documents(schema))
    print(text, end="")
    return OK


def _check_documents(schema: ShopSchema) -> int:
    environment, _ = _environment()
    if not environment.get("DATABASE_URL"):
        print("stored documents were not checked: DATABASE_URL is not set")
        return OK
    from app.document_commands import check_documents

    return _with_shop(lambda shop: check_documents(shop, schema))


def _documents(options: argparse.Namespace) -> int:
    from app.document_commands import import_documents, list_documents, remove_documents
    from resolvers.schema import build_schema

    if options.action == "list":
        return _with_shop(list_documents)
    if options.action == "remove":
        return _with_shop(lambda shop: remove_documents(shop, options.ids))
    return _with_shop(lambda shop: import_documents(shop, build_schema(), options.files, dry_run=options.dry_run))


def _orders(options: argparse.Namespace) -> int:
    from app import order_commands as commands

    if options.deed == "show":
        return _with_shop(lambda shop: commands.show(shop, options.number))
    return _with_shop(
        lambda shop: commands.refund(
            shop, options.number, amount=options.amount, reason=options.reason, restock=options.restock
        ),
        log_level="CRITICAL",  # it tells people what came of it
    )


def _payments(options: argparse.Namespace) -> int:
    from app import payment_commands as commands

    if options.step == "queue":
        return _with_shop(commands.queue)
    if bool(options.numbers) == options.all:
        print("cartograph: name orders, or say --all", file=sys.stderr)
        return USAGE
    return _with_shop(lambda shop: commands.retry(shop, options.numbers, every=options.all))


def _mail(options: argparse.Namespace) -> int:
    from app import mail_commands as commands

    if options.chore == "retry" and bool(options.keys) == options.all:
        print("cartograph: name e-mails, or say --all", file=sys.stderr)
        return USAGE
    chores: dict[str, Callable[[Shop], Coroutine[Any, Any, int]]] = {
        "failed": lambda shop: commands.failed(shop, limit=options.limit),
        "retry": lambda shop: commands.retry(shop, options.keys, every=options.all),
        "preview": lambda shop: commands.preview(shop, options.folder, language=options.language),
    }
    return _with_shop(chores[options.chore])


def _keys(options: argparse.Namespace) -> int:
    from app import account_commands as commands

    if options.turn == "list":
        return _with_shop(commands.list_keys)
    return _with_shop(lambda shop: commands.rotate_keys(shop, at_once=options.now))


def _staff(options: argparse.Namespace) -> int:
    from app import account_commands as commands

    if options.move == "list":
        return _with_shop(commands.list_staff)
    if options.move == "disable":
        return _with_shop(lambda shop: commands.disable_staff(shop, options.email))
    password = commands.asked_password()
    return _with_shop(lambda shop: commands.create_staff(shop, options.email, password, options.name))


def _audit(options: argparse.Namespace) -> int:
    from app import account_commands as commands

    if options.view == "list":
        return _with_shop(lambda shop: commands.list_audit(shop, limit=options.limit))
    head = commands.noted_head(options.head)
    return _with_shop(lambda shop: commands.verify_audit(shop, head))


def _doctor(_: argparse.Namespace) -> int:
    from app.doctor import examine

    environment, origins = _environment()
    return asyncio.run(examine(environment, has_stack=bool(origins)))


def _config(_: argparse.Namespace) -> int:
    from app.settings import setting_rows, unknown_names

    environment, origins = _environment()
    for row in setting_rows(environment, origins):
        print(f"{row.name:32} {row.value:28} {row.origin:14} {row.description}")
    unknown = unknown_names(environment)
    for line in unknown:
        print(f"cartograph: {line}", file=sys.stderr)
    return FAILED if unknown else OK


def _explorer(_: argparse.Namespace) -> int:
    from app.devstack.explorer import main as build

    return build(["build"])


if __name__ == "__main__":
    sys.exit(main())
