"""What `cartograph seed`, `import` and `schema --check` do, given a shop."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from app.bootstrap import Shop
from app.catalog.domain import ProductDraft
from app.catalog_import.progress import shown_progress
from app.catalog_import.run_import import BATCH_PRODUCTS, ImportCatalog
from app.core.money import Currency
from app.seed.demo import demo_drafts
from app.seed.generated import generated_drafts
from app.seed.logins import DEMO_CUSTOMERS

OK, FAILED = 0, 1
MAX_PRODUCTS = 5_000_000  # where the search on PostgreSQL ends, see docs/architecture.md
PICTURES_HERE = ""  # the demo's pictures are paths: every server has them, whatever its address


async def seed(shop: Shop, *, products: int | None, if_empty: bool) -> int:
    """Fill the shop with the demo catalogue and its customers, or with generated products. Safe to repeat."""
    if products is not None and not 1 <= products <= MAX_PRODUCTS:
        print(f"cartograph: --products must be 1 to {MAX_PRODUCTS:,}", file=sys.stderr)
        return FAILED
    if if_empty and await shop.product_count():
        print("there are products already: nothing to do")
        return OK
    currency = Currency(shop.settings.currency)
    if products is not None:
        drafts, total = generated_drafts(products, currency=currency), products
    else:
        everything = list(demo_drafts(currency, image_base_url=PICTURES_HERE))
        drafts, total = iter(everything), len(everything)
        for email, password, name in DEMO_CUSTOMERS:
            await shop.add_customer(email, password, name)
    created = updated = 0
    started = shop.clock.monotonic()
    with Progress(console=Console(file=sys.stderr), transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("products", total=total)
        for batch in _batches(drafts):
            outcome = await shop.store_products(batch)
            created, updated = created + outcome.created, updated + outcome.updated
            progress.advance(task, len(batch))
    seconds = shop.clock.monotonic() - started
    print(f"{created:,} created, {updated:,} updated, {total - created - updated:,} unchanged, {seconds:.1f} s")
    return OK


async def import_files(shop: Shop, files: Sequence[Path], *, dry_run: bool, strict: bool) -> int:
    """Load products from files; says what became of every row."""
    currency = Currency(shop.settings.currency)
    load = ImportCatalog(
        write=partial(shop.store_products, dry_run=dry_run),
        currencies=frozenset({currency}),
        default_currency=currency,
        clock=shop.clock,
    )
    with shown_progress(sys.stderr) as report_progress:
        report = await load(files, dry_run=dry_run, strict=strict, report_progress=report_progress)
    for line in report.fault_lines():
        print(line, file=sys.stderr)
    for line in report.summary_lines():
        print(line)
    return report.exit_code


def check_schema(current: str, path: Path) -> int:
    """Compare the current schema with a file; prints what differs."""
    stored = path.read_text() if path.is_file() else ""
    if stored == current:
        print(f"{path.name} is current")
        return OK
    differences = difflib.unified_diff(stored.splitlines(), current.splitlines(), path.name, "current", lineterm="")
    for line in islice(differences, 60):
        print(line)
    print(f"cartograph: {path} is stale: run `cartograph schema > {path.name}`", file=sys.stderr)
    return FAILED


def _batches(drafts: Iterator[ProductDraft]) -> Iterator[list[ProductDraft]]:
    while batch := list(islice(drafts, BATCH_PRODUCTS)):
        yield batch
