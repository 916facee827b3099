"""`cartograph payments reconcile`, `findings`, `events` and `disputes`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conftest import Servers
from tests.damaged_books import DAMAGES, PAID, damage, place, states
from tests.integration.cli.commands import Run
from tests.provider_stand import ProviderStand, provider_stand
from tests.shopkeeping import ManualClock, Stocked


@pytest.fixture
async def stand(servers: Servers, tmp_path: Path, clock: ManualClock) -> AsyncIterator[ProviderStand]:
    async with provider_stand(servers, tmp_path, "reconcile_cli", clock) as stand:
        yield stand


@pytest.fixture
async def mug(stand: ProviderStand) -> Stocked:
    return await stand.keeper.stock("Mug", on_hand=500, price="18.00")


async def test_the_command_runs_one_comparison_and_names_what_a_person_has_to_decide(
    stand: ProviderStand, mug: Stocked, run: Run
) -> None:
    await stand.fault("drop")
    approved, wrong = await place(stand, mug, "approved"), await place(stand, mug, "paid")
    await damage(stand, mug, wrong, DAMAGES[9])
    [(number,)] = await stand.rows("SELECT number FROM orders WHERE id = :id", id=wrong.order_id)

    first = await run("payments", "reconcile", env=stand.environment)
    second = await run("payments", "reconcile", "--days", "2", env=stand.environment)
    listed = await run("payments", "findings", env=stand.environment)
    [(finding_id,)] = await stand.rows("SELECT id FROM payment_finding")
    resolved = await run("payments", "findings", "--resolve", str(finding_id), env=stand.environment)
    unknown = await run("payments", "findings", "--resolve", "999", env=stand.environment)
    await stand.execute("UPDATE orders SET subtotal_minor = 1800, total_minor = 2290 WHERE id = :id", id=wrong.order_id)
    empty = await run("payments", "findings", env=stand.environment)

    assert (first.code, second.code) == (1, 0)
    assert "repaired: settled" in first.out
    assert f"total_differs  {number}" in first.out
    assert "the order's total is 23.90 USD, its attempt is for 22.90 USD" in first.out
    assert await states(stand, approved) == PAID
    assert f"{finding_id}  " in listed.out
    assert listed.lines()[-1] == "1 to be looked at"
    assert (resolved.code, resolved.lines()) == (0, ["1 resolved"])
    assert (unknown.code, unknown.lines()) == (1, ["0 resolved"])
    assert "there is no open finding 999" in unknown.err
    assert empty.lines() == ["Shop and payment provider agree."]


async def test_commands_list_events_that_wait_and_disputes(stand: ProviderStand, mug: Stocked, run: Run) -> None:
    await place(stand, mug, "paid")
    cart = await stand.api.ready_cart((mug.variant_id, 1))
    outcome = await stand.api.checkout(cart, pay="pm_card_createDispute")
    await stand.until_delivered()
    await stand.execute(
        "INSERT INTO payment_event (id, type, intent_id, created, received_at, state)"
        " VALUES ('evt_lost', 'payment_intent.succeeded', 'pi_lost', now(), now(), 'dead')"
    )

    events = await run("payments", "events", env=stand.environment)
    retried = await run("payments", "events", "--retry", "evt_lost", "evt_none", env=stand.environment)
    disputes = await run("payments", "disputes", env=stand.environment)

    assert events.lines()[0].startswith("evt_lost  payment_intent.succeeded  pi_lost  received ")
    assert events.lines()[1:] == ["1 waiting"]
    assert (retried.code, retried.lines()) == (1, ["evt_lost  dead"])
    assert "no webhook evt_none is waiting" in retried.err
    assert disputes.lines()[0].startswith(f"{outcome['order']['number']}  22.90 USD  needs_response  fraudulent  du_")
    assert disputes.lines()[1:] == ["1 disputes"]
