"""Every way in which the provider can fail a charge: four tries with one key, then the queue, and one charge.

Under virtual time, with the shop's own gateway against the emulator's own objects, whose log of calls is the witness.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from app.checkout.domain import CheckoutRequest
from app.devstack.stripe_emulator.faults import FaultRequest
from app.devstack.stripe_emulator.webhook_faults import WebhookFaultRequest
from app.payments.domain import PaymentMethod
from tests.resilience.simulation.buyers import PRICE, SHIPPING, Crowd
from tests.resilience.simulation.plan import MODES
from tests.resilience.simulation.run import run
from tests.resilience.simulation.world import World
from tests.unit.fakes import usd

CHARGES = "POST /v1/payment_intents"
PRICE_IN_ALL = PRICE + SHIPPING
TRIES = 4  # one, and three more with the same key
TRIES_OF_SLOW_CALLS = 3  # of three seconds each: no fourth begins after eight
SLOW_SECONDS = 4.0  # longer than a call may take
FAULTS = [(mode, when, times) for mode, when in MODES for times in (1, None) if mode != "processing"]
HEADER = (
    f"{'failure':9} {'when':7} {'times':5}  {'the buyer is told':17} {'calls':5} {'keys':4}  {'the end':10} charged"
)


@dataclass(slots=True)
class Told:
    """What the buyer was told, and what the emulator had seen by then."""

    state: str = ""
    calls: int = 0
    keys: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """What one kind of failure came to. charged: every amount that the provider took."""

    fault: tuple[str, str, int | None]
    told: Told
    ended: str
    charged: list[int]
    violations: list[str]

    def __str__(self) -> str:
        mode, when, times = self.fault
        how_often = "all" if times is None else str(times)
        told = f"{self.told.state:17} {self.told.calls:5} {self.told.keys:4}"
        return f"{mode:9} {when:7} {how_often:5}  {told}  {self.ended:10} {self.charged}"


def buy_through(fault: tuple[str, str, int | None]) -> Row:
    """One buyer pays while the provider fails so, and then it heals."""
    mode, when, times = fault
    told = Told()

    async def script(world: World, crowd: Crowd) -> None:
        cart_id = crowd.fill_cart(1)
        cart = world.database.books.carts[cart_id]
        total = SHIPPING + sum(line.quantity for line in cart.lines) * PRICE
        request = CheckoutRequest(cart_id, "once", usd(total), PaymentMethod(payment_method_id="pm_card_visa"))
        world.provider.faults.add(
            FaultRequest(mode=mode, when=when, match=CHARGES, times=times, seconds=SLOW_SECONDS)  # type: ignore[arg-type]
        )
        # the webhook would tell the buyer's request what the answer does not
        world.provider.deliveries.faults.add(WebhookFaultRequest(mode="hold", times=None))
        attempt = await world.call("api-1", lambda shop: shop.place_order(request))
        await asyncio.sleep(3 * SLOW_SECONDS)  # until the emulator is done with what nobody waits for any more
        calls = [call for call in world.provider.calls.entries() if call.endpoint == CHARGES]
        told.state, told.calls = attempt.state.value, len(calls)
        told.keys = len({call.idempotency_key for call in calls})

    done = run(0, script)
    [attempt] = done.facts.attempts
    charged = [entry.amount for entry in done.facts.ledger if entry.movement == "charge_succeeded"]
    return Row(fault, told, attempt.state.upper(), charged, done.violations)


@pytest.fixture(scope="module")
def table() -> list[Row]:
    rows = [buy_through(fault) for fault in FAULTS]
    print("", HEADER, *rows, sep="\n")
    return rows


def is_kept(row: Row) -> bool:
    """Whether the provider keeps the failure under the key, and repeats it for ever."""
    mode, when, _ = row.fault
    return mode in ("500", "503") and when != "before"


def test_every_failure_is_met_by_at_most_four_calls_with_one_key(table: list[Row]) -> None:
    assert len(table) == 32
    assert {row.told.keys for row in table} == {1}
    assert max(row.told.calls for row in table) == TRIES


def test_a_failure_that_stays_has_the_payment_queued(table: list[Row]) -> None:
    stays = [row for row in table if row.fault[2] is None]

    assert {row.told.state for row in stays} == {"QUEUED"}
    for row in stays:
        assert row.told.calls == (TRIES_OF_SLOW_CALLS if row.fault[0] in ("hang", "slow") else TRIES), row


def test_a_single_failure_costs_one_more_call_unless_the_provider_keeps_it(table: list[Row]) -> None:
    for row in table:
        if row.fault[2] == 1:
            expected = ("QUEUED", TRIES) if is_kept(row) else ("SUCCEEDED", 2)
            assert (row.told.state, row.told.calls) == expected, row


def test_in_the_end_every_order_is_paid_once_or_has_cost_nothing(table: list[Row]) -> None:
    for row in table:
        never_ran = is_kept(row) and row.fault[1] == "during"
        assert (row.ended, row.charged) == (("CANCELED", []) if never_ran else ("SUCCEEDED", [PRICE_IN_ALL])), row
        assert row.violations == [], row
