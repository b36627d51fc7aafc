"""What every door driver must do.

A fixture module defines ``options(folder)``, as a configuration has them, for a door that works.
"""

import time
from pathlib import Path
from types import ModuleType

import pytest

from livegate.config import DoorConfig, DriverChoice
from livegate.drivers import open_door
from livegate.errors import ConfigError, DeviceLost
from livegate.gate.door import Door, DoorState

SOON_S = 10.0


@pytest.fixture
def door(doors_fixture: ModuleType, tmp_path: Path) -> Door:
    choice = DriverChoice(doors_fixture.NAME, doors_fixture.options(tmp_path), "site.toml: [door]", tmp_path)
    return open_door(DoorConfig(choice))


def wait_for(door: Door, state: DoorState) -> None:
    give_up_s = time.monotonic() + SOON_S
    while door.state() is not state:
        assert time.monotonic() < give_up_s, f"never became {state}"
        time.sleep(0.005)


def test_it_is_locked_once_entered_and_unknown_before_and_after(door: Door) -> None:
    assert door.state() is DoorState.UNKNOWN
    with door:
        assert door.state() is DoorState.LOCKED
    assert door.state() is DoorState.UNKNOWN


def test_a_pulse_unlocks_and_it_locks_by_itself(door: Door) -> None:
    with door:
        door.pulse(100)
        wait_for(door, DoorState.LOCKED)
        door.pulse(60_000)
        assert door.state() is DoorState.UNLOCKED


def test_a_pulse_returns_at_once(door: Door) -> None:
    with door:
        began_s = time.monotonic()
        door.pulse(60_000)
        assert time.monotonic() - began_s < SOON_S


def test_a_shorter_pulse_does_not_shorten_a_longer_one(door: Door) -> None:
    with door:
        door.pulse(60_000)
        door.pulse(1)
        time.sleep(0.02)
        assert door.state() is DoorState.UNLOCKED


def test_a_longer_pulse_extends_a_shorter_one(door: Door) -> None:
    with door:
        door.pulse(20)
        door.pulse(60_000)
        time.sleep(0.05)
        assert door.state() is DoorState.UNLOCKED


def test_leaving_locks_it_in_the_middle_of_a_pulse(door: Door) -> None:
    with door:
        door.pulse(60_000)
    with door:
        assert door.state() is DoorState.LOCKED


def test_it_cannot_be_pulsed_unless_entered_and_may_be_closed_twice(door: Door) -> None:
    with pytest.raises(DeviceLost):
        door.pulse(100)
    with door:
        door.__exit__(None, None, None)
        with pytest.raises(DeviceLost):
            door.pulse(100)


def test_an_unknown_option_is_refused_by_name(doors_fixture: ModuleType, tmp_path: Path) -> None:
    options = {**doors_fixture.options(tmp_path), "pulze_ms": 3}
    choice = DriverChoice(doors_fixture.NAME, options, "site.toml: [door]", tmp_path)
    with pytest.raises(ConfigError, match=r"site\.toml: \[door\]: unknown key 'pulze_ms'"):
        open_door(DoorConfig(choice))
