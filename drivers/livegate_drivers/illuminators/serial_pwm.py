r"""A lamp whose brightness a small controller on a serial port sets by pulse width.

The protocol is text, one line each way, ended by LF, 8 data bits, no parity, one stop bit:

    L <n>      from the terminal: shine with n thousandths of the full light, 0 to 1000 (0: dark)
    OK <n>     from the lamp, once it shines so
    ERR <why>  from the lamp, which then shines as before

The lamp begins dark, and must go dark by itself when it heard no line for three seconds: so it does when the terminal
loses power or its process is killed. The terminal says its level again every second.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any, Self

from livegate.errors import DeviceLost, DriverError
from livegate.options import Between
from livegate_drivers.serial_port import pyserial, remedy

_NAME = "illuminator serial_pwm"
_FULL = 1000
# No answer is longer; more without a line's end is another device, or noise.
_MAX_LINE = 64


@dataclass(frozen=True, slots=True)
class Options:
    """Which port, how fast, how long the lamp may take to answer.

    ``begin_ms`` is for controllers that start anew when the port is opened, as most with a USB plug do.
    """

    device: Path
    baud: Annotated[int, Between(1200, 4_000_000)] = 115_200
    answer_ms: Annotated[int, Between(10, 450)] = 250
    begin_ms: Annotated[int, Between(0, 10_000)] = 3_000


class SerialPwmIlluminator:
    """Speaks to the lamp with pyserial, which the extra ``livegate[serial]`` installs."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._port: Any = None

    def __enter__(self) -> Self:
        """Open the port and make the lamp dark; raise DriverError naming port and remedy when it does not answer."""
        serial, device = pyserial(_NAME), self._options.device
        answer_s = self._options.answer_ms / 1000
        try:
            self._port = serial.Serial(
                str(device), self._options.baud, timeout=answer_s, write_timeout=answer_s, exclusive=True
            )
        except (serial.SerialException, ValueError, OSError) as exc:
            raise DriverError(f"{device}: the serial port cannot be opened ({exc}); {remedy(device)}") from exc
        try:
            self._begin()
        except DeviceLost as exc:
            self._close()
            raise DriverError(f"{exc}; does a lamp with this protocol listen at {self._options.baud} baud?") from exc
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Make the lamp dark and close the port; a lamp that is gone goes dark by itself."""
        if self._port is not None:
            with suppress(DeviceLost):
                self._set(0)
            self._close()

    def shine(self, level: float) -> None:
        """Set the light and wait for the lamp's word that it shines so; DeviceLost when it does not answer, or else."""
        if self._port is None:
            raise DeviceLost(f"{self._options.device}: the lamp is closed; enter it first")
        self._set(round(_FULL * min(max(level, 0.0), 1.0)))

    def _begin(self) -> None:
        deadline_s = time.monotonic() + self._options.begin_ms / 1000
        while True:
            try:
                return self._set(0)
            except DeviceLost:
                if time.monotonic() >= deadline_s:
                    raise

    def _set(self, thousandths: int) -> None:
        serial, device = pyserial(_NAME), self._options.device
        try:
            # What is left of an answer that came too late; flushing would raise what is no OSError.
            self._port.read(self._port.in_waiting)
            self._port.write(f"L {thousandths}\n".encode())
            answer = bytes(self._port.read_until(b"\n", _MAX_LINE))
        except (serial.SerialException, OSError) as exc:
            raise DeviceLost(f"{device}: the lamp is gone ({exc}); is its plug in?") from exc
        if not answer.endswith(b"\n") or answer.strip() != f"OK {thousandths}".encode():
            heard = repr(answer.decode("ascii", "replace").strip()) if answer else "nothing"
            raise DeviceLost(f"{device}: the lamp was to answer 'OK {thousandths}' and said {heard}")

    def _close(self) -> None:
        self._port.close()
        self._port = None


def open_illuminator(options: Options) -> SerialPwmIlluminator:
    """Return the lamp on ``options.device``."""
    return SerialPwmIlluminator(options)
