"""Jobs of one key are one, and failures are spread out over time."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.jobs.domain import Job, RetryPolicy, merged
from tests.unit.fakes import NOON, MemoryTransactions

times = st.none() | st.integers(0, 9).map(lambda hours: NOON + timedelta(hours=hours))
jobs = st.builds(Job, st.sampled_from(["a", "b"]), st.just({}), times, st.none() | st.sampled_from(["1", "2", "3"]))


def moment(job: Job) -> datetime:
    return job.not_before or NOON - timedelta(days=1)


@given(st.lists(jobs), st.lists(jobs))
def test_of_one_kind_and_key_one_waits_at_the_earliest_time_of_all(waiting: list[Job], new: list[Job]) -> None:
    left = merged(waiting, new)

    assert [job for job in left if job.key is None] == [job for job in (*waiting, *new) if job.key is None]
    keyed = {(job.kind, job.key): job for job in left if job.key is not None}
    assert len(keyed) == len([job for job in left if job.key is not None])
    for name, job in keyed.items():
        assert moment(job) == min(moment(each) for each in (*waiting, *new) if (each.kind, each.key) == name)


def test_the_first_payload_of_a_key_is_kept() -> None:
    (job,) = merged([Job("mail", {"to": "a"}, NOON, key="k")], [Job("mail", {"to": "b"}, key="k")])

    assert job == Job("mail", {"to": "a"}, None, key="k")


@given(st.integers(1, 200), st.floats(0, 1))
def test_pauses_double_up_to_the_longest_and_never_fall_below_half_of_it(tries: int, chance: float) -> None:
    policy = RetryPolicy(tries=None, first_pause_seconds=2, longest_pause_seconds=600)

    pause = policy.pause_seconds(tries, chance)

    whole = min(2 * 2 ** (tries - 1), 600)
    assert whole / 2 <= pause <= whole
    assert policy.pause_seconds(tries, 1) == whole


def test_the_last_try_is_the_one_that_the_policy_names_or_never_comes() -> None:
    assert [RetryPolicy(tries=3).is_last(tries) for tries in (1, 2, 3, 4)] == [False, False, True, True]
    assert not RetryPolicy(tries=None).is_last(10**9)


async def test_the_books_keep_jobs_of_committed_transactions_and_give_those_that_are_due() -> None:
    transactions = MemoryTransactions()
    async with transactions.begin() as tx:
        await tx.jobs.enqueue(Job("now", {}), Job("later", {}, NOON + timedelta(hours=1), key="k"))

    assert [job.kind for job in transactions.books.take_due_jobs(NOON)] == ["now"]
    assert [job.kind for job in transactions.books.take_due_jobs(NOON + timedelta(hours=1))] == ["later"]
    assert transactions.books.jobs == []
