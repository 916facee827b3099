"""What counts as silence of the provider, and what becomes of calls while the breaker is open."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from app.core.breaker import PAUSE, THRESHOLD, Breaker
from app.core.errors import PaymentsUnavailable
from app.payments.domain import AttemptState
from app.payments.guarded_gateway import GuardedGateway
from tests.unit.fakes import FixedClock, outcome, usd

SILENCE = PaymentsUnavailable("no answer")
PAID = outcome(AttemptState.SUCCEEDED, usd(100))


class OneAnswer:
    """A provider that says the same to every call. calls: how many there were."""

    def __init__(self) -> None:
        self.answer: Any = PAID
        self.calls = 0

    async def look_up(self, _: str) -> Any:
        self.calls += 1
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


@pytest.fixture
def provider() -> OneAnswer:
    return OneAnswer()


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def gateway(provider: OneAnswer, clock: FixedClock) -> GuardedGateway:
    return GuardedGateway(provider, Breaker(clock))  # type: ignore[arg-type]  # one call of it is enough


async def asked(gateway: GuardedGateway, error: type[BaseException] = PaymentsUnavailable, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(error):
            await gateway.look_up("pi_1")


async def test_silence_opens_the_breaker_and_then_nobody_asks(gateway: GuardedGateway, provider: OneAnswer) -> None:
    provider.answer = SILENCE

    await asked(gateway, times=THRESHOLD)
    with pytest.raises(PaymentsUnavailable) as refusal:
        await gateway.look_up("pi_1")

    assert provider.calls == THRESHOLD
    assert refusal.value.may_have_run is False


async def test_a_provider_that_answers_something_else_is_not_away(gateway: GuardedGateway, provider: OneAnswer) -> None:
    provider.answer = PaymentsUnavailable("begun by another version", is_away=False)

    await asked(gateway, times=2 * THRESHOLD)

    assert provider.calls == 2 * THRESHOLD
    assert not gateway.breaker.is_open


@pytest.mark.parametrize("error", [KeyError("a status nobody knows"), asyncio.CancelledError()])
async def test_a_probe_that_breaks_or_is_canceled_leaves_its_place_to_the_next(
    gateway: GuardedGateway, provider: OneAnswer, clock: FixedClock, error: BaseException
) -> None:
    provider.answer = SILENCE
    await asked(gateway, times=THRESHOLD)
    clock.turn(seconds=PAUSE.total_seconds())

    provider.answer = error
    await asked(gateway, type(error))
    provider.answer = PAID

    assert await gateway.look_up("pi_1") == PAID
    assert not gateway.breaker.is_open
