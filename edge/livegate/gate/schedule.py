"""Schedules: is this a time at which a credential may come in?

Judged in the terminal's local time of now. Where clocks go forward, the hour that is left out holds no moment and a
window loses it; where they go back, both of the doubled hours are inside.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from livegate.config import Day, Schedule

_DAY_S = 86_400
# 1 January 1970 was a Thursday.
_FIRST_DAY = 3


def is_open(schedules: Iterable[Schedule], name: str, wall_s: float, utc_offset_s: int) -> bool:
    """Return whether ``wall_s`` (Unix seconds), seen ``utc_offset_s`` ahead of UTC, lies in the schedule ``name``.

    Tables of one name add up; a name that no table has is never open.
    """
    day, second = divmod(math.floor(wall_s) + utc_offset_s, _DAY_S)
    return any(_holds(schedule, day, second) for schedule in schedules if schedule.name == name)


def _holds(schedule: Schedule, day: int, second: int) -> bool:
    begin_s, end_s = _seconds(schedule.begin), _seconds(schedule.end)
    if begin_s < end_s:
        return _weekday(day) in schedule.days and begin_s <= second < end_s
    # Over midnight: the window of today has begun, or that of yesterday has not ended.
    began_today = _weekday(day) in schedule.days and second >= begin_s
    return began_today or (_weekday(day - 1) in schedule.days and second < end_s)


def _weekday(day: int) -> Day:
    return tuple(Day)[(day + _FIRST_DAY) % 7]


def _seconds(time_of_day: str) -> int:
    hours, minutes = time_of_day.split(":")
    return int(hours) * 3_600 + int(minutes) * 60
