"""The processes of a run, what happens to them, and what is found at the end."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from random import Random
from typing import Any

from starlette.requests import Request

from app.core import fault_points
from app.core.errors import ClientError, OperationalError
from app.core.fault_points import FaultPoint
from app.mail.domain import MailState
from app.payments.events import EventState
from app.payments.refunds import RefundState
from app.worker.schedule import OVERDUE
from tests.resilience.simulation.database import SimulatedDatabase
from tests.resilience.simulation.job_queue import JobTable
from tests.resilience.simulation.plan import Kill, Plan
from tests.resilience.simulation.postman import Postman
from tests.resilience.simulation.process import CURRENT, Process, ProcessDied
from tests.resilience.simulation.provider import SimulatedProvider, detached
from tests.resilience.simulation.shop import LEASE, RECONCILE, SWEEP, SeededIds, SimulatedShop
from tests.resilience.simulation.virtual_time import VirtualClock, VirtualLoop

APIS = ("api-1", "api-2")
NEVER = datetime(9_000, 1, 1, tzinfo=UTC)


class World:
    """One run. hit: what took place, by name; trace: what happened, with its moment; faults: what must not have."""

    def __init__(self, loop: VirtualLoop, random: Random, plan: Plan) -> None:
        self.random = random
        self.plan = plan
        self.clock = VirtualClock(loop)
        self.hit: Counter[str] = Counter()
        self.trace: list[str] = []
        self.faults: list[str] = []
        self.database = SimulatedDatabase(random, self.note)
        self.provider = SimulatedProvider(self.clock, random, self.note)
        self.ids = SeededIds(random)
        self.jobs = JobTable(self.database, self.clock, LEASE)
        self.jobs.rest_seconds[RECONCILE] = 600.0
        self.jobs.idle_until[SWEEP] = self._nothing_overdue_before
        self.postman = Postman(random, away=plan.mail_away)
        self.stops: dict[str, asyncio.Event] = {}
        self.apis: dict[str, tuple[Process, SimulatedShop]] = {}
        self.processes: dict[str, Process] = {}
        self._loop = loop
        self.logs: list[str] = []
        self._armed = [kill for kill in plan.kills if kill.point is not None]
        self.is_healed = False
        fault_points.arm(self._reached)

    def note(self, what: str) -> None:
        """Write down what happens."""
        self.trace.append(f"{self._loop.time():12.3f}  {what}")

    def start_all(self) -> None:
        """Start the shop's processes."""
        self.provider.deliver_to(self._webhook)
        for name in APIS:
            self.start(name)
        for number in range(self.plan.workers):
            self.start(f"worker-{number + 1}")

    async def _webhook(self, request: Request) -> int:
        """A delivery of the provider to one of the API processes. Raises ConnectionError."""
        if not self.apis:
            raise ConnectionError("nobody listens")
        task = self.watched_call(self.random.choice(list(self.apis)), lambda shop: shop.webhook(request))
        await asyncio.wait([task])
        error = None if task.cancelled() else task.exception()
        if task.cancelled() or (error is not None and died(error)):
            raise ConnectionError("the connection was closed")
        if error is not None:
            self.hit["webhook refused"] += 1
            return 503
        self.hit["webhook"] += 1
        status: int = task.result().status_code
        return status

    def start(self, name: str) -> None:
        """Start a process, in the place of one that has been killed."""
        process = Process(name, self.database.lose)
        self.processes[name] = process
        shop = SimulatedShop.wire(self.database, self.provider, self.postman, self.clock, self.ids)
        if name in APIS:
            self.apis[name] = process, shop
        else:
            worker = shop.worker(self.jobs.open, self.random)
            self.stops[name] = asyncio.Event()
            self.watched(name, process.start(worker.run(self.stops[name])))
        self.note(f"{name} runs")

    def kill(self, process: Process, why: str, back_after: float) -> None:
        """kill -9, and a new one after a while."""
        self.note(f"{process.name} is killed: {why}")
        process.kill()
        self.apis.pop(process.name, None)

        async def restart() -> None:
            await asyncio.sleep(0.01 if self.is_healed else back_after)
            self.start(process.name)

        self.watched("restart", detached(restart()))

    def heal(self) -> None:
        """Let nothing go wrong from now on, but for the kills that have not met their point yet."""
        self.note("healed")
        self.is_healed = True
        for script in self.provider.faults.scripts():
            self.hit[f"stripe {script.mode} {script.when}"] += script.hits
        self.provider.faults.clear()
        for webhooks in self.provider.deliveries.faults.scripts():
            self.hit[f"webhook {webhooks.request.mode}"] += webhooks.hits
        self.provider.deliveries.faults.clear()
        self.provider.deliveries.release()
        self.provider.is_reachable = True
        self.database.is_up = True
        self.database.hiccup = lambda: False
        self.provider.search.lag_seconds = 0
        self.postman.away = 0.0

    def call(self, name: str, work: Callable[[SimulatedShop], Coroutine[Any, Any, Any]]) -> asyncio.Task[Any]:
        """A request to an API process. Raises ConnectionError where it does not run."""
        if name not in self.apis:
            raise ConnectionError(name)
        process, shop = self.apis[name]
        return process.start(work(shop))

    def watched(self, what: str, task: asyncio.Task[Any]) -> asyncio.Task[Any]:
        """Have an error of this task count as a fault of the run."""

        def ended(done: asyncio.Task[Any]) -> None:
            if done.cancelled():
                return
            error = done.exception()
            if error is not None and not died(error):
                self.faults.append(f"{what} ended with {error!r}")

        task.add_done_callback(ended)
        return task

    def watched_call(self, name: str, work: Callable[[SimulatedShop], Coroutine[Any, Any, Any]]) -> asyncio.Task[Any]:
        """A request whose client may be gone before it ends; an error that no client is told of is a fault."""
        task = self.call(name, work)

        def ended(done: asyncio.Task[Any]) -> None:
            error = None if done.cancelled() else done.exception()
            if error is not None and not died(error) and not isinstance(error, ClientError | OperationalError):
                self.faults.append(f"a request ended with {error!r}")

        task.add_done_callback(ended)
        return task

    def log(self, level: str, event: dict[str, Any]) -> None:
        """A line of the shop's log."""
        process = CURRENT.get()
        self.logs.append(str(event))
        facts = {name: value for name, value in event.items() if name in ("kind", "error", "exc_info", "cause", "how")}
        self.note(f"{process.name if process else '':8}{level} {event.get('event')} {facts}")
        self.hit[f"logged {event.get('event')}"] += 1
        error = event.get("exc_info")
        if error is not None and not died(error) and not isinstance(error, OperationalError):
            self.faults.append(f"{event.get('event')}: {error!r}")

    def unhandled(self, context: dict[str, Any]) -> None:
        """What asyncio complains of."""
        error = context.get("exception")
        if error is None or not died(error):
            self.faults.append(f"unhandled: {context.get('message')} {error!r}")

    def _nothing_overdue_before(self) -> datetime:
        checks = [each.check_at for each in self.database.books.attempts.values() if each.check_at is not None]
        return min(checks, default=NEVER) + OVERDUE

    def is_quiet(self) -> bool:
        """Whether everything has come to its end."""
        return not self.unfinished()

    def left_to_people(self) -> list[str]:
        """What the shop could not bring to an end by itself, though nothing was corrupted from outside."""
        books = self.database.books
        not_given_back = {str(each.attempt_id) for each in books.refunds.values() if each.state is RefundState.FAILED}
        found = [each for each in books.findings.values() if each.subject not in not_given_back]
        self.hit["refund left to people"] += len(not_given_back)
        events = (each for each in books.payment_events.values() if each.state is EventState.DEAD)
        return [
            *(f"finding {each.kind.value} of {each.subject}: {each.detail}" for each in found),
            *(f"event {each.type} {each.id} is dead" for each in events),
            *(f"job {job.kind} {job.key} is dead: {error}" for job, error in self.jobs.dead),
        ]

    def unfinished(self) -> list[str]:
        """What has not come to its end."""
        books = self.database.books
        return [
            *(f"attempt {each.id} is {each.state.value}" for each in books.attempts.values() if each.check_at),
            *(f"refund {each.id} waits" for each in books.refunds.values() if each.state is RefundState.PENDING),
            *(f"mail {key} waits" for key, kept in books.mail.items() if kept.state is MailState.WAITING),
        ]

    async def banks_answer(self) -> None:
        """The late answers that banks owe."""
        self.provider.let_time_pass()
        for intent_id in self.provider.intents("processing"):
            outcome = self.random.choice(("succeed", "fail"))
            self.hit[f"late bank: {outcome}"] += 1
            self.note(f"bank    {intent_id}: {outcome} at last")
            await self.provider.settle(intent_id, outcome)

    def _reached(self, point: FaultPoint) -> None:
        process = CURRENT.get()
        if process is None:
            return
        process.insist_on_life()
        self.hit[f"passed {point.value}"] += 1
        for kill in self._armed:
            if kill.point is not point:
                continue
            if kill.skip:
                kill.skip -= 1
                continue
            self._armed.remove(kill)
            self.hit[f"killed at {point.value}"] += 1
            self.kill(process, f"at {point.value}", kill.back_after)
            raise ProcessDied(process.name)

    async def carry_out(self) -> None:
        """Have everything go wrong that the plan says, then heal."""
        plan = self.plan
        self.provider.search.lag_seconds = plan.search_lag
        if plan.lost_commits:
            self.database.hiccup = self._loses_answer
        self.database.note = self.note
        async with asyncio.TaskGroup() as tasks:
            for at, request in plan.faults:
                tasks.create_task(self._add_fault(at, request))
            for request in plan.webhook_faults:
                self.provider.deliveries.faults.add(request)
            for kill in plan.kills:
                if kill.at is not None:
                    tasks.create_task(self._kill_at(kill))
            for outage in plan.outages:
                tasks.create_task(self._outage(outage.what, outage.at, outage.seconds))
            await asyncio.sleep(plan.heals_at)
        self.heal()

    def _loses_answer(self) -> bool:
        lost = CURRENT.get() is not None and self.random.random() < self.plan.lost_commits
        self.hit["lost commit"] += lost
        return lost

    async def _add_fault(self, at: float, request: Any) -> None:
        await asyncio.sleep(at)
        self.note(f"fault {request.mode} {request.when} {request.match} ×{request.times} skip {request.skip}")
        self.provider.faults.add(request)

    async def _kill_at(self, kill: Kill) -> None:
        await asyncio.sleep(kill.at or 0.0)
        alive = [process for process in self.processes.values() if process.is_alive]
        if alive:
            process = self.random.choice(alive)
            if process.name in self.stops and kill.drains:
                self.hit["told to stop"] += 1
                self.note(f"{process.name} is told to stop")
                self.stops[process.name].set()
                await asyncio.sleep(kill.drains)
            self.hit["killed at a moment"] += 1
            self.kill(process, "at a moment", kill.back_after)

    async def _outage(self, what: str, at: float, seconds: float) -> None:
        await asyncio.sleep(at)
        self.note(f"{what} is away for {seconds:g} s")
        self.hit[f"{what} away"] += 1
        if what == "database":
            self.database.is_up = False
        else:
            self.provider.is_reachable = False
        await asyncio.sleep(seconds)
        self.database.is_up = self.provider.is_reachable = True


def died(error: BaseException) -> bool:
    """Whether it comes of a process that was killed."""
    if isinstance(error, BaseExceptionGroup):
        return any(died(each) for each in error.exceptions)
    return isinstance(error, ProcessDied | asyncio.CancelledError)
