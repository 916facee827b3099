"""The emulator's command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from app.core.clock import SystemClock
from app.devstack.stripe_emulator.journal import JournalDamaged, JournalInUse
from app.devstack.stripe_emulator.server import Options, serve


def parse(arguments: Sequence[str]) -> Options:
    """The options that the arguments say; exits with a usage message where they make no sense."""
    parser = argparse.ArgumentParser(prog="python -m app.devstack.stripe_emulator", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--ledger", type=Path, required=True, help="the file that keeps everything, JSON lines")
    parser.add_argument("--webhook-url", help="where events go")
    parser.add_argument("--webhook-secret", help="the key that signs them, whsec_…")
    parser.add_argument(
        "--webhook-retry-seconds", type=float, default=0.5, help="before an event is sent again; doubles each time"
    )
    parser.add_argument("--public-url", help="where browsers reach the emulator, if not where the shop does")
    options = parser.parse_args(arguments)
    if (options.webhook_url is None) != (options.webhook_secret is None):
        parser.error("--webhook-url and --webhook-secret belong together")
    return Options(**vars(options))


def main() -> None:
    """Run until a signal; exit code 1 when the port or the file is not to be had."""
    options = parse(sys.argv[1:])
    try:
        serve(options, SystemClock())
    except (OSError, JournalDamaged, JournalInUse) as error:
        sys.exit(f"stripe emulator: {error}")


if __name__ == "__main__":
    main()
