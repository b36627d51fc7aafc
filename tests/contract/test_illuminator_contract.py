"""What every illuminator driver must do.

A fixture module defines ``connected(folder)``, a context that gives (options, lamp): options as a configuration has
them for a lamp that works, and an object whose ``level(driver)`` says how it really shines, 0..1, and whose
``lose(driver)`` takes it away; DIMS, whether it shines with any level or only with 0 and 1; and, where it has a
device, ``missing(folder)``: (options, the name its error must give) of one that is not there.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import pytest

from livegate.capture.illuminator import Illuminator
from livegate.config import DriverChoice, IlluminatorConfig
from livegate.drivers import open_illuminator
from livegate.errors import ConfigError, DeviceLost, DriverError

WHERE = "site.toml: [[illuminator]] 1"


class Lamp(Protocol):
    def level(self, driver: Illuminator) -> float: ...

    def lose(self, driver: Illuminator) -> None: ...


Connected = tuple[Illuminator, Lamp]


@pytest.fixture
def connected(illuminators_fixture: ModuleType, tmp_path: Path) -> Iterator[Connected]:
    with illuminators_fixture.connected(tmp_path) as (options, lamp):
        yield driver_of(illuminators_fixture, options, tmp_path), lamp


def driver_of(fixture: ModuleType, options: dict[str, Any], folder: Path) -> Illuminator:
    return open_illuminator(IlluminatorConfig(DriverChoice(fixture.NAME, options, WHERE, folder)))


def test_it_is_dark_once_entered_and_shines_as_told(connected: Connected) -> None:
    driver, lamp = connected
    with driver:
        assert lamp.level(driver) == 0
        for level in (1.0, 0.0, 1.0, 1.0):
            driver.shine(level)
            assert lamp.level(driver) == level


def test_it_dims_or_says_that_it_cannot(connected: Connected, illuminators_fixture: ModuleType) -> None:
    driver, lamp = connected
    with driver:
        if illuminators_fixture.DIMS:
            driver.shine(0.25)
            assert lamp.level(driver) == pytest.approx(0.25, abs=0.01)
            return
        driver.shine(1.0)
        with pytest.raises(DriverError):
            driver.shine(0.25)


def test_leaving_makes_it_dark_whatever_the_reason(connected: Connected) -> None:
    driver, lamp = connected

    def shine_and_fail() -> None:
        with driver:
            driver.shine(1.0)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        shine_and_fail()
    assert lamp.level(driver) == 0


def test_it_may_be_entered_again_and_begins_dark(connected: Connected) -> None:
    driver, lamp = connected
    with driver:
        driver.shine(1.0)
    with driver:
        assert lamp.level(driver) == 0
        driver.shine(1.0)
        assert lamp.level(driver) == 1


def test_closing_twice_is_harmless_and_closed_is_lost(connected: Connected) -> None:
    driver, _ = connected
    with driver:
        driver.__exit__(None, None, None)
        with pytest.raises(DeviceLost):
            driver.shine(1.0)


def test_a_lost_lamp_says_so(connected: Connected) -> None:
    driver, lamp = connected
    with driver:
        driver.shine(1.0)
        lamp.lose(driver)
        with pytest.raises(DeviceLost):
            driver.shine(0.0)


def test_an_unknown_option_is_refused_by_name(illuminators_fixture: ModuleType, tmp_path: Path) -> None:
    with (
        illuminators_fixture.connected(tmp_path) as (options, _),
        pytest.raises(ConfigError, match=r"site\.toml: \[\[illuminator\]\] 1: unknown key 'colour'"),
    ):
        driver_of(illuminators_fixture, {**options, "colour": "red"}, tmp_path)


def test_a_missing_device_is_named_when_entered_and_not_before(
    illuminators_fixture: ModuleType, tmp_path: Path
) -> None:
    missing = getattr(illuminators_fixture, "missing", None)
    if missing is None:
        assert illuminators_fixture.NAME == "simulated", "only a lamp without a device cannot miss it"
        return
    options, name = missing(tmp_path)
    driver = driver_of(illuminators_fixture, options, tmp_path)
    with pytest.raises(DriverError, match=name):
        driver.__enter__()
    driver.__exit__(None, None, None)


def test_drivers_that_need_a_process_of_their_own(illuminators_apart: ModuleType, tmp_path: Path) -> None:
    own = {**illuminators_apart.environment(tmp_path), "LIVEGATE_CONTRACT_DRIVER": illuminators_apart.NAME}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", __file__]
    done = subprocess.run(command, env={**os.environ, **own}, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
