"""The wall clock under suspicion: the floor of time, steps, sleep, lost time servers. All on clocks made up."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegate.clock import read_clock
from livegate.events.clock import clock_changed
from livegate.gate.facts import Clock
from livegate.trust.clockfloor import FloorKeeper, TrustedNow
from livegate.trust.clockwatch import STEP_S, SYNC_HOLD_NS, ClockCause, ClockChange, ClockWatch
from support.schemas import valid
from support.stores import ENVIRONMENT

WALL_S = 1_700_000_000.0
YEAR_S = 365 * 86_400.0
HOLD_S = SYNC_HOLD_NS / 1e9


@dataclass
class Machine:
    """Clocks as a kernel keeps them, and who watches them once a second."""

    now: Clock = Clock(WALL_S, 5_000_000_000, True)  # noqa: RUF009 - frozen

    def __post_init__(self) -> None:
        self.watch = ClockWatch()
        self.told: list[ClockChange] = []
        self.look()

    def go(self, seconds: float, synchronised: bool | None = None) -> None:
        for _ in range(round(seconds)):
            followed = self.now.synchronised if synchronised is None else synchronised
            now = replace(self.now, wall_s=self.now.wall_s + 1, synchronised=followed)
            self.now = replace(now, monotonic_ns=now.monotonic_ns + 1_000_000_000)
            self.look()

    def set(self, by_s: float) -> None:
        self.now = replace(self.now, wall_s=self.now.wall_s + by_s)

    def sleep(self, seconds: float) -> None:
        self.now = replace(
            self.now, wall_s=self.now.wall_s + seconds, asleep_ns=self.now.asleep_ns + round(seconds * 1e9)
        )

    def look(self) -> None:
        for change in self.watch.changes(self.now):
            self.told.append(change)
            self.watch.mark(change)

    @property
    def causes(self) -> list[str]:
        return [str(change.cause) for change in self.told]


def test_a_quiet_clock_tells_nothing() -> None:
    machine = Machine()
    machine.go(600)
    assert machine.told == []


@pytest.mark.parametrize("by_s", [3600.0, -3600.0, 1.5, -1.5, -50 * YEAR_S, 50 * YEAR_S])
def test_a_step_is_told_once_with_its_size(by_s: float) -> None:
    machine = Machine()
    machine.go(10)
    machine.set(by_s)
    machine.go(60)
    assert [change.cause for change in machine.told] == [ClockCause.STEP]
    assert machine.told[0].seconds == pytest.approx(by_s, abs=1e-3)


def test_small_corrections_are_not_told_until_they_add_up() -> None:
    machine = Machine()
    for _ in range(5):
        machine.set(0.3)
        machine.go(10)
    assert machine.causes == ["step"]
    assert machine.told[0].seconds == pytest.approx(1.2)


def test_a_clock_that_keeps_stepping_is_told_each_time() -> None:
    machine = Machine()
    for by_s in (3600, -3600, 3600):
        machine.set(by_s)
        machine.go(5)
    assert [round(change.seconds or 0) for change in machine.told] == [3600, -3600, 3600]


def test_sleep_is_no_step() -> None:
    machine = Machine()
    machine.go(10)
    machine.sleep(3600)
    machine.go(10)
    assert machine.causes == ["asleep"]
    assert machine.told[0].seconds == pytest.approx(3600)
    machine.sleep(600)
    machine.set(7200)
    machine.go(1)
    assert machine.causes == ["asleep", "asleep", "step"]
    assert machine.told[-1].seconds == pytest.approx(7200)


def test_a_time_server_lost_for_moments_is_not_told() -> None:
    machine = Machine()
    machine.go(HOLD_S - 5, synchronised=False)
    machine.go(60, synchronised=True)
    assert machine.told == []
    for _ in range(20):
        machine.go(5, synchronised=False)
        machine.go(5, synchronised=True)
    assert machine.told == []


def test_a_time_server_lost_and_found_is_told() -> None:
    machine = Machine()
    machine.go(HOLD_S + 5, synchronised=False)
    assert machine.causes == ["unsynchronised"]
    machine.go(600)
    machine.go(HOLD_S + 5, synchronised=True)
    assert machine.causes == ["unsynchronised", "synchronised"]


def test_below_the_floor_is_told_once_each_time() -> None:
    machine = Machine(Clock(0.0, 5_000_000_000, False, floor_s=WALL_S))
    machine.go(10)
    assert machine.told == [ClockChange(ClockCause.BELOW_FLOOR, -WALL_S)]
    machine.set(WALL_S)
    machine.go(10)
    machine.set(-3600)
    machine.go(10)
    assert machine.causes == ["below_floor", "step", "step", "below_floor"]


def test_what_could_not_be_recorded_is_returned_again() -> None:
    watch = ClockWatch()
    watch.changes(Clock(WALL_S, 0, True))
    watch.changes(Clock(WALL_S + 3601, 1_000_000_000, True))
    (again,) = watch.changes(Clock(WALL_S + 7202, 2_000_000_000, True))
    assert again.seconds == pytest.approx(7200)
    watch.mark(again)
    assert watch.changes(Clock(WALL_S + 7203, 3_000_000_000, True)) == ()


@given(st.lists(st.tuples(st.floats(-1e9, 1e9), st.floats(0, 1e6)), max_size=20))
def test_the_steps_told_add_up_to_the_steps_made(moves: list[tuple[float, float]]) -> None:
    machine = Machine()
    for by_s, slept_s in moves:
        machine.set(by_s)
        machine.sleep(slept_s)
        machine.go(1)
    for cause, made in (("step", sum(m[0] for m in moves)), ("asleep", sum(m[1] for m in moves))):
        told = sum(change.seconds or 0 for change in machine.told if change.cause == cause)
        assert abs(told - made) <= STEP_S + 1e-3


@pytest.mark.parametrize("cause", ClockCause)
@pytest.mark.parametrize("floor_s", [0.0, WALL_S])
def test_each_change_is_an_event_as_its_schema_says(cause: ClockCause, floor_s: float) -> None:
    now = Clock(-50 * YEAR_S, 1, False, floor_s=floor_s)
    seconds = -3600.123456 if cause in (ClockCause.STEP, ClockCause.ASLEEP, ClockCause.BELOW_FLOOR) else None
    event = clock_changed(ClockChange(cause, seconds), now, ENVIRONMENT)
    valid("clock.changed", dict(event.data))
    assert event.kind == "clock.changed"
    assert event.data["what"]["seconds"] in (None, -3600.123)


def test_the_floor_follows_a_synchronised_clock_and_no_other() -> None:
    shown = [Clock(100.0, 1), Clock(90.0, 2, True), Clock(50.0, 3, True), Clock(200.0, 4), Clock(60.0, 5)]
    keeper = FloorKeeper(iter(shown).__next__, 80.0)
    assert [keeper.clock().floor_s for _ in range(4)] == [80.0, 90.0, 90.0, 90.0]
    now = keeper.now()
    assert (now, now.dates_s()) == (TrustedNow(60.0, 90.0), 90.0)
    keeper.raise_to(10.0)
    assert keeper.floor_s == 90.0
    keeper.raise_to(95.0)
    assert keeper.floor_s == 95.0


def test_an_unsynchronised_clock_cannot_say_that_something_is_yet_to_come() -> None:
    assert TrustedNow(0.0, 0.0, True).is_before(301.0)
    assert not TrustedNow(0.0, 0.0, True).is_before(300.0)
    assert not TrustedNow(0.0, 0.0, False).is_before(1e9)
    assert not TrustedNow(0.0, 1e6, True).is_before(1e6 + 300)


def test_this_machine_s_clocks_agree_with_each_other() -> None:
    watch, first = ClockWatch(), read_clock()
    assert watch.changes(first) == ()
    second = read_clock()
    assert second.monotonic_ns > first.monotonic_ns
    assert second.asleep_ns >= 0
    assert not [c for c in watch.changes(second) if c.cause in (ClockCause.STEP, ClockCause.ASLEEP)]
