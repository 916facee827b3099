"""What is to go wrong in a run, drawn from its seed: faults of the provider, kills, absences, lost answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from app.core.fault_points import FaultPoint
from app.devstack.stripe_emulator.faults import FaultRequest
from app.devstack.stripe_emulator.webhook_faults import WebhookFaultRequest, WebhookMode

HOUR = 3_600.0
ENDPOINTS = (
    "POST /v1/payment_intents",
    "GET /v1/payment_intents/search",
    "GET /v1/payment_intents/[^/]+",
    "POST /v1/payment_intents/[^/]+/cancel",
    ".*",
)
RARE = (  # points that few runs come by
    FaultPoint.CANCEL_COMMITTED,
    FaultPoint.CANCEL_DECIDED,
    FaultPoint.CHECK_RECORDED,
    FaultPoint.DRAINING,
    FaultPoint.EXPIRY_DECIDED,
    FaultPoint.RECONCILING,
    FaultPoint.REFUND_ANSWERED,
)
MODES = (
    ("refuse", "before"),
    *(("hang", when) for when in ("before", "during", "after")),
    *(("slow", when) for when in ("before", "during", "after")),
    *(("500", when) for when in ("before", "during", "after")),
    *(("503", when) for when in ("before", "during", "after")),
    ("429", "before"),
    ("truncate", "after"),
    ("lost", "after"),
    ("processing", "during"),
)

WEBHOOK_MODES: tuple[WebhookMode, ...] = ("delay", "hold", "duplicate", "reorder", "drop")


@dataclass(slots=True)
class Kill:
    """A process is killed: at a moment, or at its nth pass of a point.

    back_after: seconds until another one runs; drains: so long after a worker was told to stop, 0 where it was not.
    """

    back_after: float
    at: float | None = None
    point: FaultPoint | None = None
    skip: int = 0
    drains: float = 0.0


@dataclass(frozen=True, slots=True)
class Outage:
    """Something is away for a while."""

    what: str
    at: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that will go wrong, with its moment in seconds from the start."""

    faults: tuple[tuple[float, FaultRequest], ...] = ()
    webhook_faults: tuple[WebhookFaultRequest, ...] = ()
    kills: tuple[Kill, ...] = ()
    outages: tuple[Outage, ...] = ()
    lost_commits: float = 0.0
    search_lag: int = 0
    heals_at: float = 0.0
    workers: int = 1
    buyers: int = 1
    units: int = 5
    mail_away: float = 0.0


def draw(random: Random) -> Plan:
    """A plan: most runs meet one or two kinds of trouble, some many at once."""
    trouble = random.choice((1, 1, 2, 3))
    faults = tuple(_fault(random) for _ in range(random.choice((0, 1, 1, 2, 3)) * trouble))
    kills = tuple(_kill(random) for _ in range(random.choice((0, 0, 1, 1, 2)) * trouble))
    if any(kill.drains for kill in kills):
        kills += (Kill(2.0, point=FaultPoint.DRAINING),) * random.choice((0, 1))
    outages = tuple(_outage(random) for _ in range(random.choice((0, 0, 0, 1)) * trouble))
    return Plan(
        faults=faults,
        webhook_faults=tuple(_webhook_fault(random) for _ in range(random.choice((0, 0, 1, 2)))),
        kills=kills,
        outages=outages,
        lost_commits=random.choice((0.0, 0.0, 0.0, 0.1)),
        search_lag=random.choice((0, 0, 5, 50)),
        heals_at=_one_of(random, ((10.0, 6), (60.0, 8), (600.0, 4), (3 * HOUR, 0.6), (30 * HOUR, 0.2))),
        workers=random.choice((1, 1, 2)),
        buyers=random.choice((1, 1, 2, 3)),
        mail_away=random.choice((0.0, 0.0, 0.3)),
        units=random.choice((1, 2, 3, 5, 10)),
    )


def _one_of(random: Random, weights: Sequence[tuple[float, float]]) -> float:
    """One of these values, each as often as its weight says."""
    [value] = random.choices([value for value, _ in weights], [weight for _, weight in weights])
    return value


def _fault(random: Random) -> tuple[float, FaultRequest]:
    mode, when = random.choice(MODES)
    match = ENDPOINTS[0] if mode == "processing" else random.choice(ENDPOINTS)
    request = FaultRequest(
        mode=mode,  # type: ignore[arg-type]
        when=when,  # type: ignore[arg-type]
        match=match,
        times=random.choice((1, 1, 2, 4, 8, None)) if mode != "processing" else 1,
        skip=random.choice((0, 0, 0, 1, 2)),
        seconds=random.choice((0.5, 2.5, 4.0, 30.0, 300.0)),
    )
    return random.choice((0.0, 0.0, random.uniform(0, 5), random.uniform(0, 60))), request


def _webhook_fault(random: Random) -> WebhookFaultRequest:
    return WebhookFaultRequest(
        mode=random.choice(WEBHOOK_MODES),
        match=random.choice((".*", "payment_intent.*", "charge.*", "refund.*")),
        times=random.choice((1, 2, 5, None)),
        seconds=random.choice((0.3, 5.0, 600.0)),
        copies=random.choice((2, 3)),
        fresh_ids=random.random() < 0.5,
    )


def _kill(random: Random) -> Kill:
    back_after = random.choice((0.5, 2.0, 20.0, 120.0))
    if random.random() < 0.7:
        point = random.choice((*FaultPoint, *RARE * 5))
        return Kill(back_after, point=point, skip=0 if point in RARE else random.choice((0, 0, 0, 1, 2, 4)))
    at = random.choice((random.uniform(0, 1), random.uniform(0, 10), random.uniform(0, 100)))
    return Kill(back_after, at=at, drains=random.choice((0.0, 0.0, 0.05, 1.0, 30.0)))


def _outage(random: Random) -> Outage:
    what = random.choice(("database", "network"))
    seconds = random.uniform(0.1, 10)
    if what == "network":
        seconds = _one_of(random, ((1.0, 8), (15.0, 8), (120.0, 8), (2 * HOUR, 0.6), (25 * HOUR, 0.2)))
    return Outage(what, random.choice((0.0, random.uniform(0, 5), random.uniform(0, 60))), seconds)
