"""The serial reader against a pty pair; RTS and RS-485 cannot be shown that way."""

import os
import pty
import subprocess
import sys
import tty
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from livegate.errors import DeviceLost, DeviceTimeout, DriverError
from livegate_drivers.readers.serial_line import MAX_LINE, Options, SerialLineReader

SOON_S = 10.0

Send = Callable[[bytes], int]


@pytest.fixture
def port() -> Iterator[tuple[Path, Send]]:
    reader_side, terminal_side = pty.openpty()
    tty.setraw(terminal_side)
    yield Path(os.ttyname(terminal_side)), lambda sent: os.write(reader_side, sent)
    os.close(reader_side)
    os.close(terminal_side)


def test_any_line_end_will_do_and_empty_lines_are_nothing(port: tuple[Path, Send]) -> None:
    device, send = port
    with SerialLineReader(Options(device)) as reader:
        send(b"\r\n0001\r\n\r\n0002\r0003\n")
        assert [reader.read(SOON_S).value for _ in range(3)] == ["0001", "0002", "0003"]


def test_a_line_may_come_in_pieces(port: tuple[Path, Send]) -> None:
    device, send = port
    with SerialLineReader(Options(device)) as reader:
        send(b"00")
        with pytest.raises(DeviceTimeout):
            reader.read(0.05)
        send(b"42\n")
        assert reader.read(SOON_S).value == "0042"


def test_what_does_not_fit_is_noise(port: tuple[Path, Send]) -> None:
    device, send = port
    options = Options(device, prefix="UID:", pattern="([0-9A-F]{8})[0-9A-F]*", kind="tag")
    with SerialLineReader(options) as reader:
        send(b"ready\nUID:xyz\n\xff\xfe\nUID:0011223344\n")
        read = reader.read(SOON_S)
        assert (read.kind, read.value) == ("tag", "00112233")
        with pytest.raises(DeviceTimeout):
            reader.read(0.05)


def test_an_endless_line_is_dropped_whole(port: tuple[Path, Send]) -> None:
    device, send = port
    with SerialLineReader(Options(device)) as reader:
        for _ in range(5):
            send(b"9" * MAX_LINE)
            with pytest.raises(DeviceTimeout):
                reader.read(0.05)
        send(b"77\n88\n")
        assert reader.read(SOON_S).value == "88"


def test_what_came_before_it_was_opened_is_not_delivered(port: tuple[Path, Send]) -> None:
    device, send = port
    send(b"old\n")
    with SerialLineReader(Options(device)) as reader:
        send(b"new\n")
        assert reader.read(SOON_S).value == "new"


def test_a_pulled_plug_is_a_loss() -> None:
    reader_side, terminal_side = pty.openpty()
    tty.setraw(terminal_side)
    with SerialLineReader(Options(Path(os.ttyname(terminal_side)))) as reader:
        os.close(reader_side)
        with pytest.raises(DeviceLost, match="is its plug in"):
            reader.read(SOON_S)
    os.close(terminal_side)


def test_a_file_is_no_port_and_a_pattern_must_be_one(tmp_path: Path) -> None:
    (tmp_path / "port").write_text("")
    with pytest.raises(DriverError, match=r"port: the serial port cannot be opened.*dialout"):
        SerialLineReader(Options(tmp_path / "port")).__enter__()
    with pytest.raises(DriverError, match="regular expression"):
        SerialLineReader(Options(tmp_path / "port", pattern="("))


def test_without_pyserial_the_extra_is_named() -> None:
    program = """
import sys
sys.modules["serial"] = None
from pathlib import Path
from livegate_drivers.readers.serial_line import Options, open_reader
open_reader(Options(Path("/dev/ttyS0"))).__enter__()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert "DriverError: reader serial_line: needs pyserial; install livegate[serial]" in done.stderr
