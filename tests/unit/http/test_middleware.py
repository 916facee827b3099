from __future__ import annotations

import json
from typing import Any

import pytest
from prometheus_client import REGISTRY
from starlette.types import Message, Receive, Scope, Send

from app import telemetry
from app.core.errors import Bug, DatabaseUnavailable
from app.http import middleware
from app.http.middleware import RequestScope
from tests.unit.fakes import CountingIds, LogBook

OUR_ID = "0" * 31 + "1"
OK: list[Message] = [
    {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]},
    {"type": "http.response.body", "body": b"fine"},
]


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> LogBook:
    log = LogBook()
    monkeypatch.setattr(middleware, "_log", log)
    return log


class Application:
    """Sends some messages, then breaks if it is told to. scope, logged_id: what it was called with."""

    def __init__(self, messages: list[Message], failure: BaseException | None = None) -> None:
        self._messages = messages
        self._failure = failure
        self.scope: Scope = {}
        self.logged_id: str | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        self.logged_id = telemetry.request_id.get()
        for message in self._messages:
            await send(message)
        if self._failure is not None:
            raise self._failure


async def ask(application: Application, *, path: str = "/graphql", **values: Any) -> list[Message]:
    """What is sent to the server."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        raise NotImplementedError

    scope = {"type": "http", "method": "POST", "path": path, "headers": [], **values}
    await RequestScope(application, CountingIds())(scope, receive, send)
    return sent


def with_id(value: bytes) -> dict[str, Any]:
    return {"headers": [(b"host", b"shop.example"), (b"x-request-id", value)]}


def counted(route: str, status: str) -> float:
    labels = {"route": route, "status": status}
    return REGISTRY.get_sample_value("cartograph_http_request_seconds_count", labels) or 0.0


# ------------------------------------------------------------------------------------------------ the id


async def test_a_request_without_an_id_gets_one_of_ours_everywhere(log: LogBook) -> None:
    application = Application(OK)

    start, content = await ask(application)

    assert start["headers"] == [(b"content-type", b"text/plain"), (b"x-request-id", OUR_ID.encode())]
    assert content == OK[1]
    assert application.scope["state"]["request_id"] == OUR_ID
    assert application.logged_id == OUR_ID
    assert telemetry.request_id.get() is None


@pytest.mark.parametrize("value", [b"a" * 8, b"a" * 64, b"0af7651916cd43dd8448eb211c80319c", b"Web-1.2_3"])
async def test_a_sound_id_of_the_caller_is_kept(log: LogBook, value: bytes) -> None:
    application = Application(OK)

    start, _ = await ask(application, **with_id(value))

    assert (b"x-request-id", value) in start["headers"]
    assert application.scope["state"]["request_id"] == value.decode()


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"a" * 7,
        b"a" * 65,
        b"has a blank",
        b"has\nnewline",
        b"newline-last\n",
        b"set-cookie: x=y",
        b'quote"quote',
        b"\xff" * 12,
        "ümlauts-too".encode(),
        b"{jndi:ldap}",
        b"4242424242424242",
        b"4242-4242-4242-4242",
    ],
)
async def test_an_unsound_id_of_the_caller_is_replaced(log: LogBook, value: bytes) -> None:
    application = Application(OK)

    start, _ = await ask(application, **with_id(value))

    assert start["headers"][-1] == (b"x-request-id", OUR_ID.encode())
    assert application.scope["state"]["request_id"] == OUR_ID


async def test_what_the_server_put_into_the_state_stays_there(log: LogBook) -> None:
    application = Application(OK)

    await ask(application, state={"shop": 7})

    assert application.scope["state"] == {"shop": 7, "request_id": OUR_ID}


@pytest.mark.parametrize("protocol", ["lifespan", "websocket"])
async def test_other_protocols_pass_through(log: LogBook, protocol: str) -> None:
    application = Application([{"type": f"{protocol}.message"}])

    sent = await ask(application, type=protocol)

    assert sent == [{"type": f"{protocol}.message"}]
    assert "state" not in application.scope


async def test_other_protocols_keep_their_failures(log: LogBook) -> None:
    with pytest.raises(ZeroDivisionError):
        await ask(Application([], ZeroDivisionError()), type="lifespan")


# ------------------------------------------------------------------------------------------------ failures


async def test_a_failure_is_answered_without_its_cause_and_logged_once(log: LogBook) -> None:
    failure = Bug("the password is hunter2")

    start, content = await ask(Application([], failure))

    assert start["status"] == 500
    assert start["headers"] == [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(content["body"])).encode()),
        (b"x-request-id", OUR_ID.encode()),
    ]
    assert json.loads(content["body"]) == {
        "errors": [
            {
                "message": "Something went wrong on our side.",
                "extensions": {"code": "INTERNAL_SERVER_ERROR", "requestId": OUR_ID, "retryable": True},
            }
        ]
    }
    assert [line for line in log.lines if line[0] != "info"] == [
        ("error", "unhandled_error", {"path": "/graphql", "exc_info": failure})
    ]


async def test_an_outage_says_when_to_try_again(log: LogBook) -> None:
    start, content = await ask(Application([], DatabaseUnavailable("the password is hunter2")))

    assert start["status"] == 503
    assert (b"retry-after", b"5") in start["headers"]
    assert json.loads(content["body"])["errors"] == [
        {
            "message": "The shop cannot answer this right now.",
            "extensions": {"code": "SERVICE_UNAVAILABLE", "requestId": OUR_ID, "retryable": True},
        }
    ]


async def test_an_answer_that_has_begun_is_not_begun_again(log: LogBook) -> None:
    sent = await ask(Application(OK[:1], ZeroDivisionError()))

    assert [message["type"] for message in sent] == ["http.response.start"]
    assert log.events("error") == ["unhandled_error"]


async def test_a_request_that_is_canceled_is_no_failure(log: LogBook) -> None:
    with pytest.raises(KeyboardInterrupt):
        await ask(Application([], KeyboardInterrupt()))

    assert log.lines == []
    assert telemetry.request_id.get() is None


# ------------------------------------------------------------------------------------------------ the time


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/graphql", "/graphql"),
        ("/readyz", "/readyz"),
        ("/graphql/7", "other"),
        ("/../etc/passwd", "other"),
        ("", "other"),
    ],
)
async def test_requests_are_counted_by_route_and_status_and_paths_do_not_become_labels(
    log: LogBook, path: str, route: str
) -> None:
    before = counted(route, "200"), counted(route, "500")

    await ask(Application(OK), path=path)
    await ask(Application([], ZeroDivisionError()), path=path)

    assert (counted(route, "200"), counted(route, "500")) == (before[0] + 1, before[1] + 1)


@pytest.mark.parametrize(("slow_seconds", "level"), [(1e9, "info"), (-1.0, "warning")])
async def test_a_request_is_one_line_and_a_slow_one_a_warning(
    log: LogBook, monkeypatch: pytest.MonkeyPatch, slow_seconds: float, level: str
) -> None:
    monkeypatch.setattr(middleware, "SLOW_SECONDS", slow_seconds)

    await ask(Application(OK), path="/media/mug.svg")

    ((logged, event, facts),) = log.lines
    assert (logged, event) == (level, "request")
    assert {name: facts[name] for name in ("method", "path", "status")} == {
        "method": "POST",
        "path": "/media/mug.svg",
        "status": 200,
    }
    assert facts["ms"] >= 0


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
async def test_what_machines_ask_every_few_seconds_is_not_worth_a_line(log: LogBook, path: str) -> None:
    await ask(Application(OK), path=path)

    assert log.lines == []
