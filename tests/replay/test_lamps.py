"""A lamp on a serial port, switched by the real daemon."""

import signal
from pathlib import Path

import pytest

from livegate.configfile import load
from livegate.daemon import Daemon
from support.serial_lamp import SerialLamp
from support.terminals import RunningTerminal, write_config
from support.waiting import eventually

NIR = '[[camera]]\nname = "infrared"\nrole = "nir"\ndriver = "fake"\nwidth = 64\nheight = 48\nfps = 50\n'


def config_with(folder: Path, lamp: SerialLamp) -> Path:
    driver = f'driver = "serial_pwm"\ndevice = "{lamp.device}"\nanswer_ms = 450\n'
    table = f"[[illuminator]]\n{driver}level = 0.5\nunlit_every_ms = 200\n"
    return write_config(folder, f"\n{NIR}\n{table}")


def test_the_lamp_shines_and_goes_dark_now_and_then_while_the_terminal_runs(tmp_path: Path) -> None:
    with SerialLamp() as lamp:
        with Daemon(load(config_with(tmp_path, lamp))):
            eventually(lambda: lamp.level() == 0.5)
            eventually(lambda: lamp.history.count(0) > 3)
            eventually(lambda: lamp.level() == 0.5)
        assert lamp.level() == 0


def test_a_terminal_that_fails_leaves_it_dark(tmp_path: Path) -> None:
    with SerialLamp() as lamp:

        def run_and_fail() -> None:
            with Daemon(load(config_with(tmp_path, lamp))):
                eventually(lambda: lamp.level() == 0.5)
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            run_and_fail()
        assert lamp.level() == 0


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_terminal_that_is_ended_leaves_it_dark(tmp_path: Path, how: signal.Signals) -> None:
    # Longer than a terminal that lives is ever silent.
    with SerialLamp(patience_s=1.5) as lamp, RunningTerminal(config_with(tmp_path, lamp)) as terminal:
        eventually(lambda: lamp.level() == 0.5)
        terminal.terminate(how)
        eventually(lambda: lamp.level() == 0)
        assert terminal.ended() == (-how if how is signal.SIGKILL else 0)
