"""What a lamp on a serial port may say, and not say."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from livegate.errors import DeviceLost, DriverError
from livegate_drivers.illuminators.serial_pwm import Options, SerialPwmIlluminator
from support.serial_lamp import SerialLamp


@pytest.fixture
def far() -> Iterator[SerialLamp]:
    with SerialLamp() as lamp:
        yield lamp


@pytest.fixture
def driver(far: SerialLamp) -> SerialPwmIlluminator:
    return SerialPwmIlluminator(Options(Path(far.device), answer_ms=400, begin_ms=0))


def test_a_lamp_that_does_not_answer_is_lost_and_then_cannot_be_entered(
    driver: SerialPwmIlluminator, far: SerialLamp
) -> None:
    with driver:
        far.silent = True
        with pytest.raises(DeviceLost, match=r"was to answer 'OK 1000' and said nothing"):
            driver.shine(1.0)
    with pytest.raises(DriverError, match=r"said nothing; does a lamp with this protocol listen at 115200 baud"):
        driver.__enter__()
    driver.__exit__(None, None, None)


@pytest.mark.parametrize("answer", [b"ERR hot\n", b"OK 999\n", b"OK 1000", b"\xff\xfe\n", b"x" * 500])
def test_another_answer_is_no_answer(driver: SerialPwmIlluminator, far: SerialLamp, answer: bytes) -> None:
    with driver:
        far.answer = answer
        with pytest.raises(DeviceLost, match="was to answer"):
            driver.shine(1.0)
        far.answer = None
        driver.shine(0.5)
        assert far.level() == 0.5


def test_a_level_beyond_the_full_light_is_the_full_light(driver: SerialPwmIlluminator, far: SerialLamp) -> None:
    with driver:
        driver.shine(7.0)
        assert far.level() == 1


def test_a_lamp_that_begins_late_is_waited_for(far: SerialLamp) -> None:
    far.mumbles = 3
    with SerialPwmIlluminator(Options(Path(far.device), answer_ms=400)) as driver:
        assert far.mumbles == 0
        driver.shine(1.0)
        assert far.level() == 1
