"""What only the GPIO lamp does. What needs its stand-in is in gpio_apart/ and runs in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from livegate.errors import DriverError
from livegate_drivers.illuminators.gpio import GpioIlluminator, Options
from support.shims import compiled


def test_with_the_stand_in(tmp_path: Path) -> None:
    own = {"LD_PRELOAD": str(compiled("gpio_shim", tmp_path)), "GPIO_SHIM_DEVICE": str(tmp_path / "gpiochip9")}
    tests = Path(__file__).parent / "gpio_apart/lines.py"
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", str(tests)]
    done = subprocess.run(command, env={**os.environ, **own}, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("options", [Options(), Options(line=4, line_name="GPIO4")])
def test_one_of_number_and_name_it_must_be(options: Options) -> None:
    with pytest.raises(DriverError, match="either 'line', a number, or 'line_name'"):
        GpioIlluminator(options)


def test_a_file_is_no_chip(tmp_path: Path) -> None:
    (tmp_path / "gpiochip0").write_text("")
    with pytest.raises(DriverError, match=r"gpiochip0: is no GPIO chip .*correct 'chip'"):
        GpioIlluminator(Options(tmp_path / "gpiochip0", line=4)).__enter__()
