"""One run from one seed: its trace, what it hit, and what was wrong at its end."""

from __future__ import annotations

import asyncio
import hashlib
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from unittest import mock

import structlog

from app import telemetry
from app.core import fault_points
from tests.resilience.facts import Facts
from tests.resilience.invariants import violations
from tests.resilience.simulation.buyers import Crowd
from tests.resilience.simulation.plan import Plan, draw
from tests.resilience.simulation.process import task_of_its_process
from tests.resilience.simulation.read_books import facts_of
from tests.resilience.simulation.virtual_time import Stuck, VirtualLoop
from tests.resilience.simulation.world import World

LOOK_AGAIN_SECONDS = 30.0
PATIENCE_SECONDS = 10 * 86_400.0  # of virtual time, for everything to come to its end


@dataclass(frozen=True, slots=True)
class Run:
    """What one seed came to. seconds: of virtual time."""

    seed: int
    violations: list[str]
    hit: Counter[str]
    trace: list[str]
    seconds: float
    facts: Facts

    @property
    def digest(self) -> str:
        """Of the trace: the same seed has the same one."""
        return hashlib.sha256("\n".join(self.trace).encode()).hexdigest()[:16]


Script = Callable[[World, Crowd], Awaitable[None]]


def run(seed: int, script: Script | None = None) -> Run:
    """Run a seed to its end. script: what happens instead of what the seed would have drawn.

    Not for two threads at once: time and randomness of the whole process are its own.
    """
    dice = random.Random(seed)
    random.seed(seed)  # the jitter of retries
    loop = VirtualLoop()
    loop.set_task_factory(task_of_its_process)
    world_of_run: list[World] = []
    try:
        with mock.patch.object(time, "monotonic", loop.time):  # what stamina measures its limits with
            found, facts, world = loop.run_until_complete(_play(loop, dice, world_of_run, script))
    except Stuck as stuck:
        world = world_of_run[0]
        found, facts = [f"stuck: {stuck}"], Facts()
    finally:
        fault_points.arm(None)
        _end(loop)
    return Run(seed, [*world.faults, *found], world.hit, world.trace, loop.time(), facts)


async def _play(
    loop: VirtualLoop, dice: random.Random, worlds: list[World], script: Script | None
) -> tuple[list[str], Facts, World]:
    alerts = telemetry.PAYMENTS_DELAYED._value.get()
    world = World(loop, dice, draw(dice) if script is None else Plan())
    worlds.append(world)
    loop.set_exception_handler(lambda _, context: world.unhandled(context))
    _log_to(world)
    crowd = Crowd(world)
    world.start_all()
    if script is not None:
        await script(world, crowd)
        world.heal()
    else:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(world.carry_out())
            tasks.create_task(crowd.buy())
    found = await _until_quiet(world)
    world.hit["mail away"] = world.postman.failed
    world.hit += Counter(f"ended {each.state.value}" for each in world.database.books.attempts.values())
    world.hit["alert"] = int(telemetry.PAYMENTS_DELAYED._value.get() - alerts)
    facts = facts_of(world, crowd)
    return [*found, *world.left_to_people(), *violations(facts)], facts, world


async def _until_quiet(world: World) -> list[str]:
    """Let everything come to its end: nobody interferes any more, and banks answer what they owe."""
    end = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    while not world.is_quiet() and not world.faults:
        if asyncio.get_running_loop().time() > end:
            return [f"never quiet: {each}" for each in world.unfinished()]
        await world.banks_answer()
        await asyncio.sleep(LOOK_AGAIN_SECONDS)
    return []


def _log_to(world: World) -> None:
    def note(_: Any, level: str, event: dict[str, Any]) -> Any:
        world.log(level, event)
        raise structlog.DropEvent

    structlog.configure(processors=[note], cache_logger_on_first_use=False)


def _end(loop: VirtualLoop) -> None:
    """Let go of all tasks of a run that is over."""
    loop.set_exception_handler(lambda *_: None)
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.wait(tasks, timeout=1))
    loop.close()
