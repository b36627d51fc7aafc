import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegate.capture.dates import Dates, Misdate
from livegate.capture.faults import HOLD_MS, FaultHold
from livegate.types import SensorFault

MS = 1_000_000
BEGAN_NS = 10**12
LATENCY_NS = 12 * MS


def seen(dates: Dates, times_ms: list[float], latency_ns: int = LATENCY_NS) -> list[Misdate | None]:
    """Judge frames captured at these times that came ``latency_ns`` later."""
    found = []
    for time_ms in times_ms:
        captured_ns = BEGAN_NS + round(time_ms * MS)
        found.append(dates.judge(captured_ns, captured_ns + latency_ns))
    return found


def steady(count: int, period_ms: float = 33.0, first_ms: float = 0.0) -> list[float]:
    return [first_ms + period_ms * number for number in range(count)]


@given(st.floats(5, 200), st.lists(st.floats(-0.3, 0.3), min_size=40, max_size=40))
def test_a_camera_that_jitters_by_a_third_of_its_period_is_never_blamed(period_ms: float, jitter: list[float]) -> None:
    times_ms = [period_ms * (number + off) for number, off in enumerate(jitter)]
    assert not any(seen(Dates(), times_ms))


def test_two_frames_in_a_millisecond_are_not_of_a_camera_of_thirty_a_second() -> None:
    dates = Dates()
    assert not any(seen(dates, steady(20)))
    assert seen(dates, [628.0, 660.0]) == [Misdate.PACE, None]


def test_frames_that_queued_behind_a_gap_may_come_at_once_and_no_more_than_are_missing() -> None:
    dates = Dates()
    seen(dates, steady(20))
    assert seen(dates, [800.0, 801.0, 802.0, 803.0, 804.0, 805.0])[:5] == [None] * 5
    dates = Dates()
    seen(dates, steady(20))
    assert seen(dates, [693.0, 694.0, 695.0]) == [None, None, Misdate.PACE]


def test_a_camera_may_slow_down_and_double_its_rate_again() -> None:
    times_ms = [*steady(20), *steady(20, 66.0, 700.0), *steady(20, 33.0, 2100.0)]
    assert not any(seen(Dates(), times_ms))


def test_dates_that_go_back_or_lie_ahead_are_told_and_do_no_lasting_harm() -> None:
    dates = Dates()
    seen(dates, steady(10))
    assert dates.judge(BEGAN_NS - 5000 * MS, BEGAN_NS + 340 * MS) is Misdate.BACKWARDS
    assert dates.judge(BEGAN_NS + 297 * MS, BEGAN_NS + 340 * MS) is Misdate.BACKWARDS
    assert dates.judge(BEGAN_NS + 10_000 * MS, BEGAN_NS + 340 * MS) is Misdate.FUTURE
    assert seen(dates, [330.0, 363.0]) == [None, None]


def test_a_clock_that_jumped_back_is_told_once_it_has_caught_up_and_a_late_thread_is_not() -> None:
    dates = Dates()
    seen(dates, steady(10))
    assert seen(dates, [330.0, 363.0], 900 * MS) == [None, None]
    assert seen(dates, [396.0]) == [None]
    found = seen(dates, steady(8, first_ms=429.0), 900 * MS)
    assert found == [None] * 4 + [Misdate.LATE] * 4
    assert all(misdate.usable is (misdate is Misdate.LATE) for misdate in Misdate)


def test_another_device_may_have_another_rate() -> None:
    dates = Dates()
    seen(dates, steady(20, 100.0))
    assert dates.period_ns == 100 * MS
    dates.reopened()
    assert dates.period_ns is None
    assert not any(seen(dates, steady(20, 10.0, 2500.0)))


@pytest.mark.parametrize("ends_ms", [1.0, HOLD_MS - 1])
def test_a_fault_of_one_moment_is_told_for_a_while_and_no_longer(ends_ms: float) -> None:
    hold = FaultHold()
    assert hold.in_force(0) == frozenset()
    hold.note(SensorFault.MISDATED, 0)
    assert hold.in_force(round(ends_ms * MS)) == {SensorFault.MISDATED}
    assert hold.in_force(round((HOLD_MS + 1) * MS)) == frozenset()


def test_a_fault_that_comes_and_goes_is_one_until_it_stays_away() -> None:
    hold = FaultHold()
    for at_ms in itertools.chain(range(0, 10_000, 900)):
        hold.note(SensorFault.FROZEN, at_ms * MS)
        assert hold.in_force((at_ms + 890) * MS) == {SensorFault.FROZEN}
    hold.note(SensorFault.COVERED, 10_500 * MS)
    assert hold.in_force(10_600 * MS) == {SensorFault.FROZEN, SensorFault.COVERED}
    assert hold.in_force(11_900 * MS) == {SensorFault.COVERED}
