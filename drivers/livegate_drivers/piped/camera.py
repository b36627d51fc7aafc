"""A camera whose pictures another program writes into a pipe: what all of its drivers have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from numpy.typing import NDArray

from livegate.types import Frame, Role
from livegate_drivers.piped.process import FramePipe


@dataclass(frozen=True, slots=True)
class Start:
    """How long to wait for a program's first bytes, and what to tell who waited in vain."""

    timeout_s: float
    remedy: str


class PipedCamera:
    """The frames of one program, each dated when its first bytes came."""

    def __init__(
        self,
        role: Role,
        pipe: FramePipe,
        start: Start,
        decode: Callable[[bytes], NDArray[Any]],
        *,
        device: str | None = None,
        exposure_us: float | None = None,
    ) -> None:
        """``decode`` makes the picture of ``role`` of a frame's bytes; the rest goes into every Frame."""
        self.role = role
        self._pipe = pipe
        self._start = start
        self._decode = decode
        self._device = device
        self._exposure_us = exposure_us
        self._sequence = 0

    def __enter__(self) -> Self:
        """Start the program and wait for its first bytes; DriverError with its own words when none come."""
        self._pipe.start(self._start.timeout_s, self._start.remedy)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the program."""
        self._pipe.stop()

    def read(self, timeout_s: float) -> Frame:
        """Return the next frame; DeviceTimeout, DeviceLost when the program has ended."""
        data, arrived_ns = self._pipe.read(timeout_s)
        self._sequence += 1
        return Frame(
            self.role,
            self._decode(data),
            arrived_ns,
            self._sequence - 1,
            device=self._device,
            exposure_us=self._exposure_us,
        )
