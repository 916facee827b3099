"""Logs and metrics under one naming scheme: `cartograph_<noun>_<unit>`.

A log line is one JSON object with the request's id in it; a request id is bound once, at the edge. Values never hold
tokens, card data or addresses: log ids. What looks like a card number all the same (in a path, in a library's message)
is masked.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from contextlib import suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, multiprocess

from app.core import provenance
from app.core.card_data import masked

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

_encoder = json.JSONEncoder(default=repr)  # ASCII alone, whatever the locale; a new one a line takes half as long again

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)  # checked at the edge; in each log line
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

HTTP_SECONDS = Histogram(
    "cartograph_http_request_seconds",
    "Time from the first byte of a request to the last of its answer, or to the first of a stream.",
    ["route", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
)
OPERATION_ERRORS = Counter("cartograph_graphql_errors_total", "Errors in GraphQL answers, by their code.", ["code"])
CACHE_READS = Counter("cartograph_cache_reads_total", "Cache look-ups, by what they found.", ["outcome"])
CACHE_FAULTS = Counter("cartograph_cache_faults_total", "Commands that Redis did not answer.")
ANSWERS = Counter(
    "cartograph_guest_answers_total",
    "Answers to queries of guests: kept ones, those made for all who ask the same, and those made for one.",
    ["outcome"],
)
PERSISTED_QUERIES = Counter(
    "cartograph_persisted_queries_total",
    "Documents that were named instead of sent, by what became of it.",
    ["outcome"],
)
PAYMENT_CALLS = Counter(
    "cartograph_payment_calls_total", "Calls to the payment provider, by their outcome.", ["outcome"]
)
PAYMENTS_DELAYED = Counter("cartograph_payments_delayed_total", "Payments queued because the provider did not answer.")
PAYMENTS_QUEUED = Gauge(
    "cartograph_payments_queued", "Payments that wait for the provider now.", multiprocess_mode="mostrecent"
)
PAYMENTS_QUEUED_SECONDS = Gauge(
    "cartograph_payments_queued_oldest_seconds",
    "How long the first of the queued payments has been waiting.",
    multiprocess_mode="mostrecent",
)
PAYMENTS_AFTER_THE_END = Counter(
    "cartograph_payments_after_the_end_total", "Payments that came for an order that had ended, and are given back."
)
REFUNDS = Counter("cartograph_refunds_total", "Refunds that have ended, by how.", ["state"])
PAYMENT_EVENTS = Counter(
    "cartograph_payment_events_total", "Webhooks of the payment provider, by what became of them.", ["type", "outcome"]
)
PAYMENT_EVENTS_REFUSED = Counter(
    "cartograph_payment_events_refused_total", "Requests to the webhook that were no event.", ["reason"]
)
PAYMENT_EVENTS_WAITING = Gauge(
    "cartograph_payment_events_waiting",
    "Webhooks whose payment is not known (parked), or that a person has to look at (dead).",
    ["state"],
    multiprocess_mode="mostrecent",
)
PAYMENT_DISPUTES_OPEN = Gauge(
    "cartograph_payment_disputes_open", "Disputes that the shop may still answer.", multiprocess_mode="mostrecent"
)
PAYMENT_FINDINGS_OPEN = Gauge(
    "cartograph_payment_findings_open",
    "Disagreements between shop and payment provider that nobody has resolved, by kind.",
    ["kind"],
    multiprocess_mode="mostrecent",
)
JOBS_WAITING = Gauge(
    "cartograph_jobs_waiting", "Jobs that are due and wait for a worker now.", multiprocess_mode="mostrecent"
)
JOBS_WAITING_SECONDS = Gauge(
    "cartograph_jobs_waiting_oldest_seconds",
    "How long the first of the jobs that wait has been due.",
    multiprocess_mode="mostrecent",
)
JOBS_DEAD = Gauge("cartograph_jobs_dead", "Jobs that failed in their last try.", multiprocess_mode="mostrecent")
LIVE_STREAMS = Gauge(
    "cartograph_live_streams", "Subscriptions that are open now.", ["transport"], multiprocess_mode="livesum"
)
LIVE_EVENTS = Counter(
    "cartograph_live_events_total", "Results sent to open subscriptions, the first one included.", ["transport"]
)
LIVE_GIVEN_UP = Counter(
    "cartograph_live_given_up_total", "Connections whose client did not take what was sent to it.", ["transport"]
)
SOCKETS_CLOSED = Counter("cartograph_sockets_closed_total", "WebSockets that the server closed, by the code.", ["code"])
CHANGES_ANNOUNCED = Counter(
    "cartograph_changes_announced_total",
    "Changes of objects that whoever watches was told of, or was not.",
    ["outcome"],
)
PASSWORDS_HASHED = Counter(
    "cartograph_passwords_hashed_total", "Passwords to hash or check, by what became of it.", ["outcome"]
)
SIGN_INS = Counter("cartograph_sign_ins_total", "Tries to sign in, by what came of them.", ["outcome"])
ORDERS_PLACED = Counter("cartograph_orders_placed_total", "Orders placed, whatever became of their payment.")

MAILS = Counter("cartograph_mails_total", "E-mails handed to the mail server, by what became of it.", ["outcome"])


def count_cache_reads(outcome: str, number: int) -> None:
    """Count look-ups: for the metrics, and for the request that wants to know its own."""
    CACHE_READS.labels(outcome).inc(number)
    notes = provenance.current()
    if notes is not None:
        notes.lookups[outcome] += number


def configure_logging(level: str) -> None:
    """Send every log line, the libraries' too, to standard error as one JSON object."""
    shared: list[structlog.typing.Processor] = [
        structlog.processors.format_exc_info,
        _mask_card_numbers,  # before what we add ourselves: to look through an id and a time takes longest, in vain
        _add_request_id,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _as_json],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for noisy in ("httpx", "stripe", "alembic"):  # a line for every call is a metric, not a log
        logging.getLogger(noisy).setLevel("WARNING")
    structlog.configure(  # past the standard library: a line through both costs a tenth of a small request
        processors=[*shared, _as_json],
        logger_factory=_Lines,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )


class _Lines:
    """Writes a module's lines to standard error; one that cannot be written is lost, and nothing else with it."""

    def __init__(self, name: str) -> None:
        self.name = name

    def write(self, line: str) -> None:
        with suppress(OSError, ValueError):  # a full disk, a reader that is gone, a stream that is closed
            sys.stderr.write(line + "\n")

    debug = info = warning = error = critical = write


def _mask_card_numbers(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    return {name: masked(value) if isinstance(value, str) else value for name, value in event.items()}


def _add_request_id(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    id_ = request_id.get()
    if id_ is not None:
        event["request_id"] = id_
    return event


def _as_json(_: object, __: str, event: structlog.typing.EventDict) -> str:
    return _encoder.encode(event)


def logger(name: str) -> FilteringBoundLogger:
    """The logger of one module."""
    bound: FilteringBoundLogger = structlog.get_logger(name)
    return bound


def metrics_text() -> bytes:
    """All metrics in Prometheus' text format, of every process that shares PROMETHEUS_MULTIPROC_DIR."""
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:  # the library's own switch, read by it at import
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)
    return generate_latest()
