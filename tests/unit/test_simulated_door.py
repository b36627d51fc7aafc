from collections.abc import Iterator

import pytest

from livegate.errors import DeviceLost
from livegate.gate.door import DoorState
from livegate_drivers.doors.simulated import Options, SimulatedDoor

MS = 1_000_000


class Clock:
    """A clock moved by hand, in milliseconds."""

    def __init__(self) -> None:
        self.now_ms = 1_000

    def __call__(self) -> int:
        return self.now_ms * MS


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def door(clock: Clock) -> Iterator[SimulatedDoor]:
    with SimulatedDoor(Options(open_too_long_ms=5_000), clock) as door:
        yield door


def test_history_tells_the_moments_at_which_things_happened(door: SimulatedDoor, clock: Clock) -> None:
    clock.now_ms = 2_000
    door.pulse(3_000)
    clock.now_ms = 60_000
    expected = [(1_000, DoorState.LOCKED), (2_000, DoorState.UNLOCKED), (5_000, DoorState.LOCKED)]
    assert [(at_ns // MS, state) for at_ns, state in door.history()] == expected


def test_a_pulse_ends_on_the_millisecond(door: SimulatedDoor, clock: Clock) -> None:
    door.pulse(3_000)
    clock.now_ms = 3_999
    assert door.state() is DoorState.UNLOCKED
    clock.now_ms = 4_000
    assert door.state() is DoorState.LOCKED


def test_the_longer_of_two_pulses_counts(door: SimulatedDoor, clock: Clock) -> None:
    door.pulse(3_000)
    door.pulse(1_000)
    clock.now_ms = 3_500
    assert door.state() is DoorState.UNLOCKED
    door.pulse(3_000)
    clock.now_ms = 6_499
    assert door.state() is DoorState.UNLOCKED
    clock.now_ms = 6_500
    assert door.state() is DoorState.LOCKED


def test_a_locked_door_does_not_give_way(door: SimulatedDoor) -> None:
    assert not door.open_leaf()
    assert door.state() is DoorState.LOCKED


def test_a_person_walks_through_and_the_door_is_locked_again(door: SimulatedDoor, clock: Clock) -> None:
    door.pulse(3_000)
    assert door.open_leaf()
    clock.now_ms = 6_000
    assert door.state() is DoorState.UNLOCKED
    door.close_leaf()
    assert door.state() is DoorState.LOCKED


def test_a_held_door_alarms_until_it_is_closed(door: SimulatedDoor, clock: Clock) -> None:
    door.pulse(3_000)
    door.open_leaf()
    clock.now_ms = 8_999
    assert door.state() is DoorState.UNLOCKED
    clock.now_ms = 10_000
    assert door.state() is DoorState.OPEN_TOO_LONG
    door.close_leaf()
    assert door.history()[-2:] == ((9_000 * MS, DoorState.OPEN_TOO_LONG), (10_000 * MS, DoorState.LOCKED))


def test_a_forced_door_alarms_until_it_is_closed_whatever_is_pulsed(door: SimulatedDoor, clock: Clock) -> None:
    door.force_leaf()
    assert door.state() is DoorState.FORCED_OPEN
    door.pulse(3_000)
    assert door.state() is DoorState.FORCED_OPEN
    clock.now_ms = 20_000
    door.close_leaf()
    assert door.state() is DoorState.LOCKED


def test_force_on_an_unlocked_door_is_no_alarm(door: SimulatedDoor) -> None:
    door.pulse(3_000)
    door.force_leaf()
    assert door.state() is DoorState.UNLOCKED


def test_a_cut_line_is_told_and_the_lock_still_falls_in(door: SimulatedDoor, clock: Clock) -> None:
    door.pulse(3_000)
    door.cut()
    assert door.state() is DoorState.UNKNOWN
    with pytest.raises(DeviceLost):
        door.pulse(3_000)
    clock.now_ms = 5_000
    door.mend()
    assert door.state() is DoorState.LOCKED


def test_leaving_locks_at_that_moment(clock: Clock) -> None:
    with SimulatedDoor(Options(), clock) as door:
        door.pulse(3_000)
        clock.now_ms = 1_500
    assert door.history()[-1] == (1_500 * MS, DoorState.LOCKED)


def test_a_pulse_of_no_length_is_a_mistake(door: SimulatedDoor) -> None:
    with pytest.raises(ValueError, match="0 ms"):
        door.pulse(0)
