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
from app.catalog_import.lines import Lines
from app.catalog_import.progress import shown_progress
from app.catalog_import.report import fault_lines
from app.catalog_import.run_import import BATCH_PRODUCTS, ImportCatalog
from app.catalog_import.search_rules import holds_rules, read_rules
from app.core.errors import Bug
from app.core.money import Currency, Money
from app.core.printable import printable
from app.seed.demo import demo_drafts
from app.seed.generated import generated_drafts
from app.seed.logins import DEMO_CUSTOMERS
from app.seed.terms import demo_terms
from app.terms_import.amounts import ShopFacts
from app.terms_import.run_import import ImportTerms, in_order
from app.terms_import.store_terms import StoreTerms

OK, FAILED, UNREADABLE = 0, 1, 2
BULK_PRODUCTS = 2_000  # more are indexed all at once when they are stored, in a fifth of the time
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
        everything = list(demo_drafts(currency, others=shop.settings.all_currencies[1:], image_base_url=PICTURES_HERE))
        drafts, total = iter(everything), len(everything)
        for email, password, name in DEMO_CUSTOMERS:
            await shop.accounts.add_customer(email, password, name)
    created = updated = 0
    started = shop.clock.monotonic()
    with Progress(console=Console(file=sys.stderr), transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("products", total=total)
        in_bulk = total > BULK_PRODUCTS
        for batch in _batches(drafts):
            outcome = await shop.store_products(batch, index=not in_bulk)
            created, updated = created + outcome.created, updated + outcome.updated
            progress.advance(task, len(batch))
        if (in_bulk and created + updated) or await shop.search_index_is_missing():
            task = progress.add_task("search index", total=total)
            await shop.rebuild_search(lambda done, _: progress.update(task, completed=done))
    if products is None:
        await _seed_terms(shop, currency)
    await shop.refresh_search()
    seconds = shop.clock.monotonic() - started
    print(f"{created:,} created, {updated:,} updated, {total - created - updated:,} unchanged, {seconds:.1f} s")
    return OK


async def _seed_terms(shop: Shop, currency: Currency) -> None:
    settings = shop.settings
    flat_rate = Money.parse(settings.shipping_flat_rate, currency)
    text = demo_terms(currency, countries=settings.countries, flat_rate=flat_rate, days=settings.shipping_days)
    report = await _terms_importer(shop).load(text, "the demo terms", strict=True)
    if report.faults:
        raise Bug(f"the demo terms are broken: {report.faults}")
    await shop.reprice_catalog()


def _terms_importer(shop: Shop, *, dry_run: bool = False) -> ImportTerms:
    settings = shop.settings
    facts = ShopFacts(settings.currency, frozenset(settings.all_currencies), frozenset(settings.countries))
    return ImportTerms(StoreTerms(shop.transactions, shop.set_prices, facts, dry_run).sections())


async def import_files(shop: Shop, files: Sequence[Path], *, dry_run: bool, strict: bool) -> int:
    """Load products, then terms of sale and search rules, from files; says what became of every row and entry."""
    rest, terms = in_order(files)
    rules = [file for file in rest if holds_rules(file)]
    products = [file for file in rest if file not in rules]
    code = await _import_products(shop, products, dry_run=dry_run, strict=strict) if products else OK
    if code == OK or not strict:
        code = max(code, await _import_terms(shop, terms, dry_run=dry_run, strict=strict))
    if code == OK or not strict:
        code = max([code, *[await import_rules(shop, file, dry_run=dry_run, strict=strict) for file in rules]])
    return code


async def _import_terms(shop: Shop, terms: Sequence[Path], *, dry_run: bool, strict: bool) -> int:
    load = _terms_importer(shop, dry_run=dry_run)
    code = OK
    for path in terms:
        report = await load(path, strict=strict)
        for line in fault_lines(report.faults):
            print(line, file=sys.stderr)
        if report.readable:
            print(report.summary(dry_run=dry_run))
        code = max(code, (FAILED if report.faults else OK) if report.readable else UNREADABLE)
        if code != OK and strict:
            break
    if terms and not dry_run:
        await shop.reprice_catalog()
    return code


async def import_rules(shop: Shop, file: Path, *, dry_run: bool, strict: bool) -> int:
    """Load synonyms, pinned products and facets from one file; with strict, none of a file that has a fault."""
    started = shop.clock.monotonic()
    with file.open("rb") as stream:
        read = read_rules(Lines(stream, name=str(file), size_bytes=0), language=shop.settings.language)
    faults = [f"{fault.source}: {fault.field}: {fault.reason}" for fault in read.faults]
    if not (strict and faults):
        rules = read.rules()
        missing = await shop.store_rules(rules, dry_run=dry_run)
        faults += [f"{each.source}: {each.field}: {each.reason}" for each in missing]
        if rules.translate and not dry_run:
            await shop.rebuild_search()
    for line in faults:
        print(printable(line), file=sys.stderr)
    kept = 0 if strict and read.faults else read.lines - len(read.faults)
    done = "would be loaded" if dry_run else "loaded"
    seconds = shop.clock.monotonic() - started
    print(printable(f"{file}: {kept:,} search rules {done}, {read.lines - kept:,} skipped, {seconds:.1f} s"))
    return FAILED if faults else OK


async def _import_products(shop: Shop, files: Sequence[Path], *, dry_run: bool, strict: bool) -> int:
    currency = Currency(shop.settings.currency)
    load = ImportCatalog(
        write=partial(shop.store_products, dry_run=dry_run),
        currencies=frozenset(shop.settings.all_currencies),
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
