from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegate_drivers.timeline import SINGLE_PERIOD_MS, Timeline, lay_out, period_ms

ORIGIN_NS = 5 * 10**9
times = st.lists(st.floats(0, 1e5), min_size=1, max_size=20).map(
    lambda steps: tuple(sorted({round(s, 3) for s in steps}))
)


@given(times, st.floats(0.01, 100), st.booleans(), st.integers(0, 10**12))
def test_the_first_due_is_the_first_that_is_due(
    times_ms: tuple[float, ...], speed: float, loop: bool, passed_ns: int
) -> None:
    timeline = Timeline(times_ms, times_ms[-1] + 40, ORIGIN_NS, speed, loop)
    since_ns = ORIGIN_NS + passed_ns
    first = timeline.first_due(since_ns)
    if not timeline.ended(first):
        assert timeline.due_ns(first) >= since_ns
    if first > 0:
        assert timeline.due_ns(first - 1) < since_ns


@given(times, st.floats(0.01, 100))
def test_due_times_rise_through_the_rounds(times_ms: tuple[float, ...], speed: float) -> None:
    timeline = Timeline(times_ms, times_ms[-1] + 40, ORIGIN_NS, speed, loop=True)
    due_ns = [timeline.due_ns(index) for index in range(3 * len(times_ms))]
    assert all(later > earlier for earlier, later in pairwise(due_ns))


def test_due_is_origin_plus_time_over_speed() -> None:
    timeline = Timeline((0, 33.4, 66.7), 100, ORIGIN_NS, speed=2, loop=True)
    assert timeline.due_ns(1) == ORIGIN_NS + 16_700_000
    assert timeline.due_ns(3) == ORIGIN_NS + 50_000_000
    assert not timeline.ended(1000)
    assert Timeline((0, 33.4), 100, ORIGIN_NS).ended(2)


def test_nothing_recorded_has_ended() -> None:
    assert Timeline((), 100, ORIGIN_NS, loop=True).ended(0)


def test_clips_follow_each_other_after_a_period_and_the_gap() -> None:
    layout = lay_out([(0, 50, 100), (0,), (0, 20)], gap_ms=200)
    second = 100 + 50 + 200
    third = second + SINGLE_PERIOD_MS + 200
    assert layout.starts_ms == pytest.approx((0, second, third))
    assert layout.length_ms == pytest.approx(third + 20 + 20 + 200)


def test_a_moment_is_found_in_its_clip_and_round() -> None:
    layout = lay_out([(0, 50), (0, 50)], gap_ms=0)
    assert layout.clip_at(0) == (0, 0, 0)
    assert layout.clip_at(99) == (0, 0, 99)
    assert layout.clip_at(100) == (0, 1, 0)
    assert layout.clip_at(layout.length_ms + 130) == (1, 1, 30)


def test_the_period_is_the_usual_distance() -> None:
    assert period_ms((0, 40, 80, 500)) == 40
    assert period_ms((0,)) == SINGLE_PERIOD_MS
