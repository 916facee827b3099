"""What `cartograph payments reconcile`, `findings`, `events` and `disputes` do, given a shop."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import timedelta

from rich.console import Console
from rich.table import Table

from app.bootstrap import Shop
from app.checkout.reconcile import WINDOW
from app.checkout.reconcile_report import ReconcileReport
from app.core.ids import OrderId
from app.payments.events import EventState
from app.payments.findings import Finding, StoredFinding

OK, FAILED = 0, 1
MAX_SHOWN = 1_000
WIDTH = 200  # of a table that goes to no terminal


async def reconcile(shop: Shop, *, days: int | None) -> int:
    """Compare everything once, now, and print what was seen and done. Fails where a person has something to do."""
    window = WINDOW if days is None else timedelta(days=days)
    report = await shop.provider_desk.reconcile(window=window)
    numbers = await _numbers(shop, [each.order_id for each in report.found])
    table = _table("", "", title=None)
    for name, value in _rows(report):
        table.add_row(name, value)
    _print(table)
    if report.found:
        _print(_findings_table([(None, each) for each in report.found], numbers))
    if report.failed:
        print("cartograph: some payments could not be looked at: see the log", file=sys.stderr)
    return FAILED if report.found or report.failed else OK


def _rows(report: ReconcileReport) -> list[tuple[str, str]]:
    repaired = [(f"repaired: {how}", f"{number:,}") for how, number in sorted(report.repaired.items())]
    return [
        ("payments of the provider compared", f"{report.payments:,}"),
        ("attempts under way", f"{report.open_attempts:,}"),
        ("of these overdue", f"{report.overdue:,}"),
        *(repaired or [("repaired", "0")]),
        ("settled by somebody else meanwhile", f"{report.moved_on:,}"),
        ("could not be looked at", f"{report.failed:,}"),
        ("new findings", f"{len(report.found):,}"),
        ("findings that were known", f"{report.known:,}"),
    ]


async def findings(shop: Shop, *, resolve: Sequence[int]) -> int:
    """List what nobody has resolved, the oldest first. resolve: numbers of findings that have been dealt with."""
    if resolve:
        return await _resolve(shop, resolve)
    async with shop.transactions.read() as tx:
        found = await tx.findings.open(limit=MAX_SHOWN)
    numbers = await _numbers(shop, [each.finding.order_id for each in found])
    if found:
        _print(_findings_table([(each, each.finding) for each in found], numbers))
    print(f"{len(found):,} to be looked at" if found else "Shop and payment provider agree.")
    return OK


async def _resolve(shop: Shop, ids: Sequence[int]) -> int:
    async with shop.transactions.begin() as tx:
        unknown = [each for each in ids if not await tx.findings.resolve(each, now=shop.clock.now())]
    for each in unknown:
        print(f"cartograph: there is no open finding {each}: see `cartograph payments findings`", file=sys.stderr)
    print(f"{len(ids) - len(unknown):,} resolved")
    return FAILED if unknown else OK


async def events(shop: Shop, *, retry: Sequence[str]) -> int:
    """List the webhooks that wait for their payment or for a person. retry: ids of those to be tried again now."""
    if retry:
        return await _retry(shop, retry)
    async with shop.transactions.read() as tx:
        waiting = await tx.payment_events.waiting(limit=MAX_SHOWN)
    for each in waiting:
        print(
            f"{each.id}  {each.type}  {each.intent_id or '-'}  received {each.received_at:%Y-%m-%d %H:%M}Z  "
            f"{each.state.value}, tried {each.tries} times"
        )
    print(f"{len(waiting):,} waiting" if waiting else "No webhook is waiting.")
    return OK


async def _retry(shop: Shop, ids: Sequence[str]) -> int:
    states = {each: await shop.provider_desk.retry_event(each) for each in ids}
    for event_id, state in states.items():
        if state is None:
            print(f"cartograph: no webhook {event_id} is waiting: see `cartograph payments events`", file=sys.stderr)
        else:
            print(f"{event_id}  {state.value}")
    done = {EventState.APPLIED, EventState.IGNORED}
    return OK if all(state in done for state in states.values()) else FAILED


async def disputes(shop: Shop) -> int:
    """List the latest disputes, the latest first."""
    async with shop.transactions.read() as tx:
        found = await tx.disputes.list(limit=MAX_SHOWN)
    numbers = await _numbers(shop, [order_id for _, order_id in found])
    for dispute, order_id in found:
        number = numbers.get(order_id, dispute.intent_id) if order_id else dispute.intent_id
        due = f"answer by {dispute.due_by:%Y-%m-%d %H:%M}Z" if dispute.due_by and dispute.stage == 0 else ""
        print(f"{number}  {dispute.amount}  {dispute.status}  {dispute.reason}  {dispute.id}  {due}".rstrip())
    print(f"{len(found):,} disputes" if found else "No payment has been disputed.")
    return OK


async def _numbers(shop: Shop, ids: Sequence[OrderId | None]) -> dict[OrderId, str]:
    orders = await shop.services.readers.orders.orders_by_ids([each for each in ids if each is not None])
    return {order_id: order.number for order_id, order in orders.items()}


def _findings_table(found: Sequence[tuple[StoredFinding | None, Finding]], numbers: dict[OrderId, str]) -> Table:
    table = _table("no.", "what", "order", "payment", "since", "in words", title="to be looked at by a person")
    for stored, each in found:
        table.add_row(
            "new" if stored is None else str(stored.id),
            each.kind.value,
            numbers.get(each.order_id, "-") if each.order_id else "-",
            each.intent_id or "-",
            "now" if stored is None else f"{stored.first_seen_at:%Y-%m-%d %H:%M}Z",
            each.detail,
        )
    return table


def _table(*columns: str, title: str | None) -> Table:
    table = Table(title=title, show_header=any(columns), box=None, pad_edge=False, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _print(table: Table) -> None:
    Console(width=None if sys.stdout.isatty() else WIDTH).print(table)
