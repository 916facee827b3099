from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.throttle import (
    THOUSANDTHS,
    Bucket,
    Level,
    Taken,
    ThrottleStatus,
    full,
    give_back,
    restored,
    take,
    unused,
)

SMALL = Bucket(capacity=10, restored_per_second=2)
buckets = st.builds(Bucket, st.integers(1, 2_000), st.integers(1, 300))
times = st.integers(0, 60_000)


@st.composite
def levels(draw: st.DrawFn, bucket: Bucket) -> Level:
    return Level(draw(st.integers(0, bucket.capacity * THOUSANDTHS)), draw(times))


def test_a_bucket_grants_what_it_has_and_says_when_there_is_more() -> None:
    level, first = take(full(SMALL, 0), 8, SMALL, 0)
    level, refused = take(level, 3, SMALL, 100)
    level, granted = take(level, 3, SMALL, 500)

    assert first == Taken(True, ThrottleStatus(10, 2, 2))
    assert refused == Taken(False, ThrottleStatus(10, 2, 2), retry_after_ms=400)
    assert granted == Taken(True, ThrottleStatus(10, 0, 2))
    assert level == Level(0, 500)


def test_what_is_restored_in_steps_of_a_millisecond_adds_up_exactly() -> None:
    bucket = Bucket(capacity=1_000, restored_per_second=37)
    level = Level(0, 0)

    for now_ms in range(1, 10_001):
        level = restored(level, bucket, now_ms)

    assert level == Level(370 * THOUSANDTHS, 10_000)


@pytest.mark.parametrize(("ms", "seconds"), [(0, 0), (1, 1), (999, 1), (1_000, 1), (1_001, 2), (20_000, 20)])
def test_seconds_to_wait_are_rounded_up(ms: int, seconds: int) -> None:
    assert Taken(ms == 0, ThrottleStatus(1, 0, 1), ms).retry_after_seconds == seconds


@pytest.mark.parametrize(("capacity", "rate"), [(0, 1), (1, 0), (-1, 1), (1, -1)])
def test_a_bucket_that_holds_or_restores_nothing_is_none(capacity: int, rate: int) -> None:
    with pytest.raises(ValueError, match="1 or more"):
        Bucket(capacity, rate)


@pytest.mark.parametrize("move", [take, give_back])
def test_a_negative_amount_is_none(move) -> None:
    with pytest.raises(ValueError, match="never -1"):
        move(full(SMALL, 0), -1, SMALL, 0)


@given(st.integers(0, 5_000), st.integers(-10, 5_000))
def test_what_comes_back_is_what_was_not_used_and_never_more_than_was_taken(taken: int, used: int) -> None:
    back = unused(taken, used)

    assert 0 <= back <= taken
    assert back == taken - used or (back == 0 and used > taken) or (back == taken and used < 0)


@given(st.data(), buckets, st.integers(0, 3_000), times)
def test_a_level_is_never_below_nothing_or_above_the_capacity_even_if_the_clock_goes_back(
    data: st.DataObject, bucket: Bucket, amount: int, now_ms: int
) -> None:
    level = data.draw(levels(bucket))

    for after, _ in (take(level, amount, bucket, now_ms), give_back(level, amount, bucket, now_ms)):
        assert 0 <= after.thousandths <= bucket.capacity * THOUSANDTHS
        assert after.at_ms == now_ms


@given(st.data(), buckets, times)
def test_a_level_above_the_capacity_counts_as_full(data: st.DataObject, bucket: Bucket, now_ms: int) -> None:
    of_a_larger_one = data.draw(levels(Bucket(bucket.capacity + 100, 1)))

    assert restored(of_a_larger_one, bucket, now_ms).thousandths <= bucket.capacity * THOUSANDTHS


@given(st.data(), buckets, times)
def test_a_refusal_takes_nothing_and_names_the_first_moment_that_would_grant(
    data: st.DataObject, bucket: Bucket, now_ms: int
) -> None:
    level = data.draw(levels(bucket))
    cost = data.draw(st.integers(0, bucket.capacity))

    after, taken = take(level, cost, bucket, now_ms)

    if taken.granted:
        assert taken.retry_after_ms == 0
        assert after.thousandths == restored(level, bucket, now_ms).thousandths - cost * THOUSANDTHS
    else:
        assert after == restored(level, bucket, now_ms)
        assert not take(after, cost, bucket, now_ms + taken.retry_after_ms - 1)[1].granted
        assert take(after, cost, bucket, now_ms + taken.retry_after_ms)[1].granted


@given(st.data(), buckets)
def test_no_window_grants_more_than_the_capacity_and_what_came_back_in_it(data: st.DataObject, bucket: Bucket) -> None:
    moves = data.draw(
        st.lists(st.tuples(st.integers(0, 3_000), st.integers(0, bucket.capacity), st.booleans()), max_size=30)
    )
    level, now_ms, outstanding = full(bucket, 0), 0, 0
    history: list[tuple[int, int]] = []  # when, and how many points went out (less than 0: came back)
    for pause_ms, amount, is_take in moves:
        now_ms += pause_ms
        if is_take:
            level, taken = take(level, amount, bucket, now_ms)
            moved = amount if taken.granted else 0
        else:
            moved = -min(amount, outstanding)
            level, _ = give_back(level, -moved, bucket, now_ms)
        outstanding += moved
        history.append((now_ms, moved))

    for first in range(len(history)):
        net = 0
        for when, moved in history[first:]:
            net += moved
            elapsed_ms = when - history[first][0]
            assert net * THOUSANDTHS <= bucket.capacity * THOUSANDTHS + elapsed_ms * bucket.restored_per_second


@given(buckets, st.lists(st.integers(0, 2_000), max_size=30))
def test_whoever_asks_often_gets_no_less_than_the_rate(bucket: Bucket, pauses_ms: list[int]) -> None:
    level, now_ms = Level(0, 0), 0

    for pause_ms in pauses_ms:
        now_ms += pause_ms
        level, _ = take(level, bucket.capacity + 1, bucket, now_ms)

    assert level.thousandths == min(now_ms * bucket.restored_per_second, bucket.capacity * THOUSANDTHS)
