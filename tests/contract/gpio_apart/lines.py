"""The GPIO lamp on its stand-in; test_gpio.py runs this with it preloaded."""

import os
from pathlib import Path
from typing import Any

import pytest

from livegate.errors import DriverError
from livegate_drivers.illuminators.gpio import GpioIlluminator, Options


@pytest.fixture
def chip() -> Path:
    path = Path(os.environ["GPIO_SHIM_DEVICE"])
    path.write_text("")
    told(path).unlink(missing_ok=True)
    return path


def told(chip: Path) -> Path:
    return chip.with_name(chip.name + ".lines")


def enter(chip: Path, **options: Any) -> None:
    with GpioIlluminator(Options(chip, **options)):
        pass


def test_a_line_is_low_switched_and_low_when_let_go(chip: Path) -> None:
    with GpioIlluminator(Options(chip, line=4)) as lamp:
        lamp.shine(1)
        lamp.shine(0)
        lamp.shine(1)
    expected = ["4 output 0", "4 1", "4 0", "4 1", "4 0", "4 released"]
    assert told(chip).read_text().splitlines() == expected


def test_a_line_by_name_that_is_active_low_is_high_while_dark(chip: Path) -> None:
    with GpioIlluminator(Options(chip, line_name="GPIO22", active_low=True)) as lamp:
        lamp.shine(1)
    assert told(chip).read_text().splitlines() == ["22 output 1", "22 0", "22 1", "22 released"]


def test_a_line_that_another_uses_is_named_with_its_user(chip: Path) -> None:
    with pytest.raises(DriverError, match=r"gpiochip9: line 5: cannot be an output .it is used by 'hog'.; free it"):
        enter(chip, line=5)


def test_a_line_held_here_is_free_again(chip: Path) -> None:
    with GpioIlluminator(Options(chip, line=4)), pytest.raises(DriverError, match="it is in use"):
        enter(chip, line=4)
    enter(chip, line=4)


def test_a_line_there_is_not_is_refused_with_those_there_are(chip: Path) -> None:
    with pytest.raises(DriverError, match="line 28: the chip has lines 0 to 27"):
        enter(chip, line=28)
    with pytest.raises(DriverError, match="line GPIO99: the chip has no line of this name"):
        enter(chip, line_name="GPIO99")


@pytest.mark.parametrize("level", [0.5, -1, 2, float("nan")])
def test_what_is_no_switching_leaves_it_as_it_is(chip: Path, level: float) -> None:
    with GpioIlluminator(Options(chip, line=4)) as lamp:
        before = told(chip).read_text()
        with pytest.raises(DriverError, match="cannot dim it to"):
            lamp.shine(level)
        assert told(chip).read_text() == before
