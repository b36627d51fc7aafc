"""A reader that sends each credential as a line of text over a serial port (most USB and RS-232 readers do)."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any, Self

from livegate.errors import DeviceLost, DeviceTimeout, DriverError
from livegate.options import Between, Matches
from livegate.types import CredentialRead
from livegate_drivers.serial_port import pyserial, remedy

_NAME = "reader serial_line"
# No credential is longer; a line that is, is noise or an attempt to fill the memory.
MAX_LINE = 256
_LINE_END = re.compile(rb"[\r\n]")


@dataclass(frozen=True, slots=True)
class Options:
    r"""Which port, how fast, and what of a line is the credential.

    A line ends with CR or LF. ``prefix`` must begin it and is taken off; ``pattern`` must then match the whole rest,
    and its first group, if it has one, is the value. Lines that do not fit are noise and ignored.
    """

    device: Path
    baud: Annotated[int, Between(50, 4_000_000)] = 9600
    kind: Annotated[str, Matches("[a-z]+")] = "card"
    prefix: str = ""
    pattern: str = ".+"


class SerialLineReader:
    """Reads lines from a serial port with pyserial, which the extra ``livegate[serial]`` installs."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._port: Any = None
        self._received = bytearray()
        self._overlong = False
        try:
            self._pattern = re.compile(options.pattern)
        except re.error as exc:
            raise DriverError(f"{options.device}: 'pattern' is no regular expression: {exc}") from exc

    def __enter__(self) -> Self:
        """Open the port; raise DriverError naming port and remedy."""
        serial, device = pyserial(_NAME), self._options.device
        try:
            self._port = serial.Serial(str(device), self._options.baud, timeout=0)
        except (serial.SerialException, ValueError, OSError) as exc:
            raise DriverError(f"{device}: the serial port cannot be opened ({exc}); {remedy(device)}") from exc
        self._received.clear()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the port."""
        if self._port is not None:
            self._port.close()
        self._port = None

    def read(self, timeout_s: float) -> CredentialRead:
        """Return the credential of the next line that fits; DeviceTimeout after ``timeout_s``, DeviceLost when gone."""
        deadline_ns = time.monotonic_ns() + round(timeout_s * 1e9)
        left_s = timeout_s
        while True:
            self._receive(0.0 if self._has_line() else max(0.0, left_s))
            while (line := self._line()) is not None:
                if (value := self._value(line)) is not None:
                    return CredentialRead(self._options.kind, value, time.monotonic_ns())
            left_s = (deadline_ns - time.monotonic_ns()) / 1e9
            if left_s <= 0:
                raise DeviceTimeout(f"{self._options.device}: no credential within {timeout_s:g} s")

    def _has_line(self) -> bool:
        return _LINE_END.search(self._received) is not None

    def _line(self) -> bytes | None:
        """Take the next whole line out of what was received."""
        match = _LINE_END.search(self._received)
        if match is None:
            if len(self._received) > MAX_LINE:
                self._received.clear()
                self._overlong = True
            return None
        line = bytes(self._received[: match.start()])
        del self._received[: match.end()]
        overlong, self._overlong = self._overlong or len(line) > MAX_LINE, False
        return b"" if overlong else line

    def _receive(self, timeout_s: float) -> None:
        if self._port is None:
            raise DeviceLost(f"{self._options.device}: the reader is closed; enter it first")
        serial = pyserial(_NAME)
        try:
            self._port.timeout = timeout_s
            self._received += self._port.read(max(1, min(self._port.in_waiting, MAX_LINE)))
        except (serial.SerialException, OSError) as exc:
            raise DeviceLost(f"{self._options.device}: the reader is gone ({exc}); is its plug in?") from exc

    def _value(self, line: bytes) -> str | None:
        """Return the credential in ``line``, None for noise."""
        if not line.isascii():
            return None
        text = line.decode("ascii").strip()
        if not text.startswith(self._options.prefix):
            return None
        match = self._pattern.fullmatch(text.removeprefix(self._options.prefix))
        if match is None:
            return None
        return match[1] if self._pattern.groups else match[0]


def open_reader(options: Options) -> SerialLineReader:
    """Return a reader on ``options.device``; raise DriverError for a pattern that is no regular expression."""
    return SerialLineReader(options)
