"""A device's stream of raw pictures: the mode agreed, each picture's bytes copied, dated and numbered.

Every wait is bounded by the caller's: the device is opened without blocking, and only poll ever waits.
"""

from __future__ import annotations

import enum
import os
import select
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from livegate.errors import DeviceLost, DeviceTimeout, PictureError
from livegate_drivers.v4l2 import uapi
from livegate_drivers.v4l2.agreement import Layout, agree
from livegate_drivers.v4l2.buffers import Buffers
from livegate_drivers.v4l2.modes import Mode
from livegate_drivers.v4l2.node import Node, open_node

BUFFERS = 4
# A device that says it has a picture and then has none is asked again after this, not at once and for ever.
PAUSE_S = 0.002


class Dated(enum.StrEnum):
    """Which clock dates the pictures: the kernel's, by its monotonic time stamp, or ours when they arrive."""

    KERNEL = "kernel"
    ARRIVAL = "arrival"


@dataclass(frozen=True, slots=True, eq=False)
class Raw:
    """One picture as the device gave it: ``data`` (N,) uint8, a copy of its bytes that is the caller's own.

    ``captured_ns`` is on the monotonic clock (time.monotonic_ns()): the device's own word where the kernel says so, be
    it plausible or not, else the time of arrival. ``sequence`` counts the device's pictures from 0; gaps are drops.
    """

    data: NDArray[np.uint8]
    captured_ns: int
    sequence: int


class Stream:
    """One V4L2 device streaming in one mode: ``open``, ``start``, ``read`` again and again, ``close``; for one thread.

    Between ``open`` and ``start`` its controls may be set through ``node``.
    """

    def __init__(self, path: Path, mode: Mode, dated: Dated = Dated.KERNEL) -> None:
        self._path = path
        self._mode = mode
        self._dated = dated
        self._node: Node | None = None
        self._buffers: Buffers | None = None
        self._layout: Layout | None = None
        self._counted = (0, -1)

    @property
    def node(self) -> Node:
        """The device, while open; raise DeviceLost when it is closed."""
        if self._node is None:
            raise DeviceLost(f"{self._path}: the camera is closed; enter it first")
        return self._node

    def open(self) -> Layout:
        """Open the device and agree on the mode; raise DriverError with what it has and what to do."""
        self._node = open_node(self._path)
        self._counted = (0, -1)
        self._layout = agree(self._node, self._mode)
        return self._layout

    def start(self) -> None:
        """Let the pictures come; raise DriverError when the device does not stream."""
        node, least = self.node, self._layout.least_bytes if self._layout else 0
        self._buffers = Buffers(node)
        self._buffers.start(BUFFERS, least)

    def close(self) -> None:
        """End the stream and let go of the device; closing twice is harmless."""
        if self._buffers is not None:
            self._buffers.stop()
        if self._node is not None:
            os.close(self._node.handle)
        self._buffers = self._node = self._layout = None

    def read(self, timeout_s: float) -> Raw:
        """Return the newest picture that waits, or the next one; older ones that wait are dropped.

        Raise DeviceTimeout when none came within ``timeout_s``, DeviceLost when the device is gone or closed,
        PictureError for one that the device itself calls damaged or whose size is a lie.
        """
        node, deadline_ns = self.node, time.monotonic_ns() + round(timeout_s * 1e9)
        buffers = self._buffers
        if buffers is None:
            raise DeviceLost(f"{self._path}: the stream was not started")
        poll, pause_s = select.poll(), 0.0
        poll.register(node.handle, select.POLLIN)
        while (filled := self._newest(buffers)) is None:
            left_s = (deadline_ns - time.monotonic_ns()) / 1e9
            if left_s <= 0:
                raise DeviceTimeout(f"{self._path}: no frame within {timeout_s:g} s")
            time.sleep(min(pause_s, left_s))
            poll.poll(left_s * 1000)
            pause_s = PAUSE_S
        return self._raw(buffers, *filled)

    def _newest(self, buffers: Buffers) -> tuple[uapi.Buffer, int] | None:
        """Take the newest filled buffer with its number and give the older ones back; None where there is none."""
        newest: tuple[uapi.Buffer, int] | None = None
        with self._lost():
            for _ in range(len(buffers)):
                buffer = buffers.take()
                if buffer is None:
                    break
                if newest is not None:
                    buffers.give(newest[0].index)
                newest = buffer, self._number(buffer.sequence)
        return newest

    def _raw(self, buffers: Buffers, filled: uapi.Buffer, sequence: int) -> Raw:
        """Copy one buffer's picture out and give the buffer back."""
        arrived_ns = time.monotonic_ns()
        used, room = filled.bytesused, buffers.room(filled.index)
        damaged = bool(filled.flags & uapi.BUF_FLAG_ERROR)
        data = None if damaged or not 0 < used <= room else buffers.copy(filled.index, used)
        with self._lost():
            buffers.give(filled.index)
        if data is None:
            why = "the device calls it damaged" if damaged else f"it has {used} bytes in a buffer of {room}"
            raise PictureError(f"{self._path}: frame {sequence} cannot be used: {why}")
        return Raw(data, self._date(filled, arrived_ns), sequence)

    def _date(self, filled: uapi.Buffer, arrived_ns: int) -> int:
        monotonic = filled.flags & uapi.BUF_FLAG_TIMESTAMP_MASK == uapi.BUF_FLAG_TIMESTAMP_MONOTONIC
        kernel_ns = int(filled.seconds) * 10**9 + int(filled.microseconds) * 1000
        # Some drivers leave it out and say that it is there.
        return kernel_ns if kernel_ns and monotonic and self._dated is Dated.KERNEL else arrived_ns

    def _number(self, kernel: int) -> int:
        """Return this picture's own number: the kernel's steps, or one where it does not count on."""
        last_kernel, last = self._counted
        step = (kernel - last_kernel) % 2**32
        counts_on = last >= 0 and 0 < step < 2**31
        self._counted = (kernel, last + (step if counts_on else 1))
        return self._counted[1]

    @contextmanager
    def _lost(self) -> Iterator[None]:
        try:
            yield
        except OSError as exc:
            raise DeviceLost(f"{self._path}: the camera is gone or broken ({exc.strerror}); is its plug in?") from exc
