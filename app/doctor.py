"""`cartograph doctor`: named checks, each with what is wrong and how to mend it.

Every check stands alone, so it works when the app cannot start: that is when it is needed.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from app.bootstrap import Shop, open_shop
from app.core.errors import MailUnavailable, ShopError
from app.http.explorer_assets import BuildState, locate_explorer
from app.settings import Settings, SettingsError, load_settings

OLDEST_PYTHON = (3, 11)
LEAST_FREE_BYTES = 500 * 1024 * 1024
LATE_SECONDS = 60  # a job that is due and waits for longer has no worker, or too few
_MEND_STACK = "start a local stack with ./run up, or check the URL with `cartograph config`"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found. fix: empty where there is nothing to mend; vital: whether the shop fails without it."""

    name: str
    ok: bool
    detail: str
    fix: str = ""
    vital: bool = True


async def examine(environ: Mapping[str, str], *, has_stack: bool) -> int:
    """Run every check and print what it found; 0 when nothing vital is wrong."""
    sick = False
    async for finding in _findings(environ, has_stack=has_stack):
        mark = "ok  " if finding.ok else ("FAIL" if finding.vital else "warn")
        print(f"{mark}  {finding.name:10} {finding.detail}")
        if not finding.ok:
            print(f"      {'':10} → {finding.fix}")
            sick = sick or finding.vital
    return 1 if sick else 0


async def _findings(environ: Mapping[str, str], *, has_stack: bool) -> AsyncIterator[Finding]:
    yield _python()
    yield _disk(Path(environ.get("CARTOGRAPH_DATA_DIR") or "."))
    yield _explorer(environ)
    try:
        settings = load_settings(environ)
    except SettingsError as error:
        hint = "" if has_stack else "; a local stack brings its own: ./run up"
        for fault in error.faults:
            name, _, rest = fault.partition("; ")
            yield Finding("settings", ok=False, detail=name, fix=(rest or "see `cartograph config`") + hint)
        return
    yield Finding("settings", ok=True, detail=f"{settings.environment.value}, prices in {settings.currency}")
    async with open_shop(settings) as shop:
        database = await _database(shop)
        yield database
        if database.ok:
            yield await _search(shop)
            yield await _jobs(shop)
        yield await _cache(shop)
        yield await _payments(settings)
        yield await _mail(shop)


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    needed = ".".join(map(str, OLDEST_PYTHON))
    return Finding("python", sys.version_info >= OLDEST_PYTHON, version, f"install Python {needed} or newer")


def _disk(folder: Path) -> Finding:
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    detail = f"{free / 1024**3:.1f} GiB free in {folder.resolve()}"
    return Finding("disk", free > LEAST_FREE_BYTES, detail, "make room, or move the data folder with --data")


def _explorer(environ: Mapping[str, str]) -> Finding:
    assets = locate_explorer(environ)
    state = assets.status().state if assets else BuildState.MISSING
    fix = "run `cartograph explorer`; the API works without it"
    return Finding("explorer", state is BuildState.READY, f"GraphiQL is {state.value}", fix, vital=False)


async def _database(shop: Shop) -> Finding:
    try:
        missing = await shop.not_ready()
    except ShopError as error:
        return Finding("database", ok=False, detail=str(error), fix=_MEND_STACK)
    except Exception as error:  # noqa: BLE001  whatever the driver raises, a diagnosis must go on
        return Finding("database", ok=False, detail=f"{type(error).__name__}: {error}".split("\n")[0], fix=_MEND_STACK)
    if missing:
        return Finding("database", ok=False, detail=missing, fix="run `cartograph migrate`")
    count = await shop.product_count()
    return Finding("database", ok=True, detail=f"reachable, schema current, {count:,} products")


async def _search(shop: Shop) -> Finding:
    missing = await shop.search_index_is_missing()
    detail = "finds nothing: its index was never built" if missing else "has an index"
    return Finding("search", not missing, detail, "start the worker, or run `cartograph search rebuild`")


async def _jobs(shop: Shop) -> Finding:
    counts = await shop.job_desk.counts()
    if dead := {count.kind: count.dead for count in counts if count.dead}:
        named = ", ".join(f"{number:,} {kind}" for kind, number in dead.items())
        fix = "see why with `cartograph jobs list --dead`; then `cartograph jobs retry ID…` or `remove ID…`"
        return Finding("jobs", ok=False, detail=f"dead after their last try: {named}", fix=fix, vital=False)
    late = max((count.oldest_waiting_seconds for count in counts), default=0.0)
    waiting = sum(count.waiting for count in counts)
    detail = f"{waiting:,} due and waiting, the first for {late:.0f} s" if waiting else "nothing is due"
    return Finding("jobs", late < LATE_SECONDS, detail, "is `cartograph worker` running?", vital=False)


async def _cache(shop: Shop) -> Finding:
    alive = await shop.cache.ping()
    detail = "reachable" if alive else "does not answer: the shop works, slower"
    return Finding("redis", alive, detail, _MEND_STACK, vital=False)


async def _payments(settings: Settings) -> Finding:
    import httpx

    if settings.stripe_api_base is None:
        return Finding("stripe", ok=True, detail="Stripe itself; not asked")
    url = f"{settings.stripe_api_base}/_emulator/health"
    try:
        async with httpx.AsyncClient(timeout=2) as client:
            alive = (await client.get(url)).status_code == 200
    except httpx.HTTPError:
        alive = False
    return Finding("stripe", alive, f"emulator at {settings.stripe_api_base}", _MEND_STACK, vital=False)


async def _mail(shop: Shop) -> Finding:
    try:
        detail, alive = f"e-mails go to {await shop.send_mail.mailer.check()}", True
    except MailUnavailable as error:
        detail, alive = str(error), False
    return Finding("mail", alive, detail, "check CARTOGRAPH_SMTP_URL; e-mails wait meanwhile", vital=False)
