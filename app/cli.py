"""The `cartograph` command: parses what was typed and delegates.

Every failure that a person can mend is one line on standard error that names cause and fix, and an exit code other
than 0; a traceback is a bug. Rooms are imported when their command runs, so `cartograph up` starts at once.
"""

from __future__ import annotations

import argparse
import asyncio
import atexit
import gc
import os
import sys
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.cli_accounts import add_account_commands
from app.cli_operations import add_operations
from app.command_line import FAILED, OK

if TYPE_CHECKING:
    from app.bootstrap import Shop
    from app.settings import Settings
    from resolvers.shop_schema import ShopSchema

DEFAULT_DATA = ".cartograph"
YOUNG_OBJECTS = 20_000  # before the collector looks at them: at 700, a quarter of a start was looks at loaded modules
CHECKOUT = Path(__file__).resolve().parent.parent


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    gc.set_threshold(YOUNG_OBJECTS)
    atexit.register(gc.freeze)  # or the interpreter looks through everything once more before it ends
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

    add_operations(add, _with_shop)
    add_account_commands(add, _with_shop)
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
