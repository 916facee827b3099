"""`cartograph jobs`, and what `doctor` and the metrics say of them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest

from app.bootstrap import Shop, build_shop
from app.jobs.domain import Job
from app.settings import load_settings
from app.web import build_app
from tests.conftest import Servers
from tests.integration.cli.commands import Run


@pytest.fixture
async def environment(servers: Servers) -> AsyncIterator[dict[str, str]]:
    """The settings of a shop in whose queue nobody else has jobs."""
    servers.postgres.create_database("jobs_cli")
    yield servers.environment("jobs_cli")
    servers.postgres.drop_database("jobs_cli")


@pytest.fixture
async def own(environment: dict[str, str]) -> AsyncIterator[Shop]:
    shop = build_shop(load_settings(environment))
    await shop.migrate()
    yield shop
    await shop.close()


@pytest.fixture
async def jobs(own: Shop, servers: Servers) -> dict[str, int]:
    """One job in each state, and an entry of the schedule; their ids."""
    async with own.transactions.begin() as tx:
        await tx.jobs.enqueue(Job("send_mail", {}, key="order_confirmed:1"), Job("settle_payment", {}))
        await tx.jobs.enqueue(Job("settle_payment", {}, own.clock.now() + timedelta(hours=2, minutes=1), key="later"))
        await tx.jobs.enqueue(Job("reconcile", {}), Job("keep_search", {}, own.clock.now() + timedelta(days=1)))
    for line in (
        "UPDATE jobs.job SET status = 'failed', attempts = 12, headers = '{\"error\": \"MailUnavailable: no answer\"}',"
        " updated = now() - interval '3 minutes', created = now() - interval '3 days' WHERE entrypoint = 'send_mail'",
        "UPDATE jobs.job SET execute_after = now() - interval '90 seconds' WHERE dedupe_key IS NULL",
        "UPDATE jobs.job SET status = 'picked', attempts = 1 WHERE entrypoint = 'reconcile'",
        "UPDATE jobs.job SET headers = '{\"recurring\": true}', execute_after = now() + interval '1 day 1 hour'"
        " WHERE entrypoint = 'keep_search'",
    ):
        servers.postgres.execute(line, database="jobs_cli")
    names = "dead", "due", "later", "running", "recurring"
    return {name: number for number, name in enumerate(names, start=1)}


def states(servers: Servers) -> dict[int, str]:
    rows = servers.postgres.execute("SELECT id, status FROM jobs.job ORDER BY id", database="jobs_cli").splitlines()
    return {int(row.split("|")[0]): row.split("|")[1] for row in rows}


async def test_jobs_are_listed_with_their_age_tries_and_last_error_the_dead_ones_first(
    run: Run, environment: dict[str, str], jobs: dict[str, int]
) -> None:
    everything = await run("jobs", "list", env=environment)
    dead = await run("jobs", "list", "--dead", env=environment)

    assert (everything.code, everything.err) == (0, "")
    lines = [" ".join(line.split()) for line in everything.lines()]
    assert lines[0] == ("1 dead send_mail order_confirmed:1 3 d old 12 tries died 3 min ago MailUnavailable: no answer")
    assert [line.split()[:2] for line in lines[1:-1]] == [
        ["4", "running"],
        ["2", "waiting"],
        ["3", "waiting"],
        ["5", "waiting"],
    ]
    assert "due for 1 min" in lines[2]
    assert "settle_payment later" in lines[3]
    assert "due in 2 h" in lines[3]
    assert lines[4] == "5 waiting keep_search recurring 0 tries due in 1 d"
    assert lines[-1] == "1 dead, 1 running, 1 due and waiting"
    assert [line.split()[1] for line in dead.lines()[:-1]] == ["dead"]


async def test_a_dead_job_is_retried_and_a_waiting_one_runs_at_once(
    run: Run, environment: dict[str, str], jobs: dict[str, int], servers: Servers
) -> None:
    ended = await run("jobs", "retry", str(jobs["dead"]), str(jobs["later"]), env=environment)
    listed = await run("jobs", "list", env=environment)

    assert (ended.code, ended.lines()) == (0, ["2 are run now, or as soon as there is a worker"])
    assert states(servers)[jobs["dead"]] == "queued"
    assert listed.lines()[-1] == "0 dead, 1 running, 3 due and waiting"
    assert any("send_mail" in line and "0 tries" in line for line in listed.lines())


async def test_jobs_are_removed(run: Run, environment: dict[str, str], jobs: dict[str, int], servers: Servers) -> None:
    ended = await run("jobs", "remove", str(jobs["dead"]), str(jobs["due"]), env=environment)

    assert (ended.code, ended.lines()) == (0, ["2 removed"])
    assert sorted(states(servers)) == [jobs["later"], jobs["running"], jobs["recurring"]]


@pytest.mark.parametrize(
    ("order", "name", "reason"),
    [
        ("retry", "running", "job 4 is running: wait until it has ended"),
        ("remove", "running", "job 4 is running: wait until it has ended"),
        ("remove", "recurring", "job 5 belongs to the worker's schedule: it stays"),
        ("retry", "99", "there is no job 99: see `cartograph jobs list`"),
        ("remove", "99", "there is no job 99: see `cartograph jobs list`"),
    ],
)
async def test_what_cannot_be_changed_is_named_in_a_line_and_nothing_else_is_changed(
    run: Run, environment: dict[str, str], jobs: dict[str, int], servers: Servers, order: str, name: str, reason: str
) -> None:
    before = states(servers)

    ended = await run("jobs", order, str(jobs["dead"]), str(jobs.get(name, name)), env=environment)

    assert (ended.code, ended.out, ended.err) == (1, "", f"cartograph: {reason}\n")
    assert states(servers) == before


async def test_a_dead_job_whose_key_has_a_successor_is_not_retried(
    run: Run, environment: dict[str, str], own: Shop, jobs: dict[str, int]
) -> None:
    async with own.transactions.begin() as tx:
        await tx.jobs.enqueue(Job("send_mail", {}, key="order_confirmed:1"))

    ended = await run("jobs", "retry", str(jobs["dead"]), env=environment)

    assert ended.code == 1
    assert ended.err == "cartograph: job 1: another one of its key is to run, or runs; remove this one\n"


async def test_two_dead_jobs_of_one_key_are_not_retried_together(
    run: Run, environment: dict[str, str], own: Shop, jobs: dict[str, int], servers: Servers
) -> None:
    async with own.transactions.begin() as tx:
        await tx.jobs.enqueue(Job("send_mail", {}, key="order_confirmed:1"))
    servers.postgres.execute("UPDATE jobs.job SET status = 'failed' WHERE id = 6", database="jobs_cli")

    both = await run("jobs", "retry", "1", "6", env=environment)
    one = await run("jobs", "retry", "6", env=environment)

    assert both.code == 1
    assert both.err == "cartograph: job 1: another one of its key is to run, or runs; remove this one\n"
    assert (one.code, states(servers)[6]) == (0, "queued")


async def test_no_id_is_a_mistake_in_usage(run: Run, environment: dict[str, str]) -> None:
    ended = await run("jobs", "retry", "first", env=environment)

    assert ended.code == 2
    assert "invalid int value: 'first'" in ended.err


async def test_doctor_names_dead_jobs_and_what_waits_without_a_worker(
    run: Run, environment: dict[str, str], jobs: dict[str, int]
) -> None:
    dead = await run("doctor", env=environment)
    await run("jobs", "remove", str(jobs["dead"]), env=environment)
    late = await run("doctor", env=environment)
    await run("jobs", "remove", str(jobs["due"]), env=environment)
    well = await run("doctor", env=environment)

    told = [next(line for line in ended.lines() if " jobs " in line) for ended in (dead, late, well)]
    assert [ended.code for ended in (dead, late, well)] == [0, 0, 0]
    assert told[0].split(maxsplit=2)[::2] == ["warn", "dead after their last try: 1 send_mail"]
    assert told[1].startswith("warn")
    waited = re.search(r"1 due and waiting, the first for (\d+) s", told[1])
    assert waited
    assert int(waited[1]) >= 90
    assert "→ is `cartograph worker` running?" in late.lines()
    assert told[2].startswith("ok")


async def test_metrics_say_how_many_jobs_wait_and_are_dead(own: Shop, jobs: dict[str, int]) -> None:
    transport = httpx.ASGITransport(app=build_app(own))
    async with httpx.AsyncClient(transport=transport, base_url="http://jobs.test") as client:
        lines = (await client.get("/metrics")).text.splitlines()

    told = [line.split() for line in lines if line.startswith("cartograph_jobs_")]
    found = {name: float(value) for name, value in told}
    assert found["cartograph_jobs_waiting"] == 1
    assert found["cartograph_jobs_dead"] == 1
    assert 90 <= found["cartograph_jobs_waiting_oldest_seconds"] < 90 + 3_600
