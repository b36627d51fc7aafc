from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegate.config import Day, Schedule
from livegate.gate.schedule import is_open

WORK = Schedule("work", (Day.MONDAY, Day.TUESDAY, Day.WEDNESDAY, Day.THURSDAY, Day.FRIDAY), "07:00", "18:30")
NIGHT = Schedule("night", (Day.SATURDAY,), "22:00", "06:00")


def wall_s(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


@pytest.mark.parametrize(
    ("schedule", "moment", "is_in"),
    [
        (WORK, "2026-11-23T07:00:00+00:00", True),
        (WORK, "2026-11-23T06:59:59.999+00:00", False),
        (WORK, "2026-11-23T18:29:59.999+00:00", True),
        (WORK, "2026-11-23T18:30:00+00:00", False),
        (WORK, "2026-11-22T12:00:00+00:00", False),
        (NIGHT, "2026-11-21T21:59:59+00:00", False),
        (NIGHT, "2026-11-21T22:00:00+00:00", True),
        (NIGHT, "2026-11-22T05:59:59+00:00", True),
        (NIGHT, "2026-11-22T06:00:00+00:00", False),
        (NIGHT, "2026-11-21T03:00:00+00:00", False),
        (NIGHT, "2026-11-22T23:00:00+00:00", False),
        (Schedule("all"), "2026-11-22T00:00:00+00:00", True),
        (Schedule("round", (Day.SUNDAY,), "08:00", "08:00"), "2026-11-23T07:59:59+00:00", True),
        (Schedule("round", (Day.SUNDAY,), "08:00", "08:00"), "2026-11-22T07:59:59+00:00", False),
        (Schedule("next", (Day.SUNDAY,), "24:00", "06:00"), "2026-11-23T05:00:00+00:00", True),
        (Schedule("next", (Day.SUNDAY,), "24:00", "06:00"), "2026-11-22T05:00:00+00:00", False),
        (Schedule("never", ()), "2026-11-22T05:00:00+00:00", False),
    ],
)
def test_windows(schedule: Schedule, moment: str, is_in: bool) -> None:
    assert is_open((schedule,), schedule.name, wall_s(moment), 0) is is_in


def test_it_is_local_time_that_counts() -> None:
    monday_early = wall_s("2026-11-23T06:30:00+00:00")
    assert not is_open((WORK,), "work", monday_early, 0)
    assert is_open((WORK,), "work", monday_early, 3_600)
    sunday_utc = wall_s("2026-11-22T21:30:00+00:00")
    assert is_open((WORK,), "work", sunday_utc, 11 * 3_600)


def test_tables_of_one_name_add_up_and_an_unknown_name_is_never_open() -> None:
    both = (WORK, Schedule("work", (Day.SUNDAY,), "10:00", "11:00"), NIGHT)
    assert is_open(both, "work", wall_s("2026-11-22T10:30:00+00:00"), 0)
    assert not is_open(both, "holiday", wall_s("2026-11-22T10:30:00+00:00"), 0)
    assert not is_open((), "work", wall_s("2026-11-23T10:30:00+00:00"), 0)


MINUTES = st.integers(0, 1440).map(lambda m: f"{m // 60:02}:{m % 60:02}")


@given(
    st.sets(st.sampled_from(Day)).map(tuple),
    MINUTES,
    MINUTES,
    st.integers(40_000_000, 4_100_000_000),
    st.integers(-14 * 60, 14 * 60),
)
def test_agrees_with_counting_days_by_calendar(
    days: tuple[Day, ...], begin: str, end: str, moment_s: int, offset_minutes: int
) -> None:
    local = datetime.fromtimestamp(moment_s, timezone(timedelta(minutes=offset_minutes)))
    expected = False
    for back in (0, 1):
        date = local.date() - timedelta(days=back)
        midnight = datetime(date.year, date.month, date.day, tzinfo=local.tzinfo)
        from_, to = (midnight + timedelta(hours=int(t[:2]), minutes=int(t[3:])) for t in (begin, end))
        to = to if from_ < to else to + timedelta(days=1)
        expected |= tuple(Day)[date.weekday()] in days and from_ <= local < to
    assert is_open((Schedule("s", days, begin, end),), "s", moment_s, offset_minutes * 60) is expected
