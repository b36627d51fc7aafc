"""The buffers a device writes its pictures into: asked for, mapped, queued and taken back."""

from __future__ import annotations

import ctypes
import errno
import mmap
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from livegate.errors import DriverError
from livegate_drivers.ioctl import call
from livegate_drivers.v4l2 import uapi
from livegate_drivers.v4l2.node import Node, explained


class Buffers:
    """A device's buffers, between ``start`` and ``stop``."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._maps: list[mmap.mmap] = []

    def __len__(self) -> int:
        return len(self._maps)

    def start(self, count: int, least_bytes: int) -> None:
        """Map ``count`` buffers, or as many as the device gives, and let it fill them.

        Raise DriverError when it does not, or when a picture of ``least_bytes`` does not fit.
        """
        path = self._node.path
        request = uapi.RequestBuffers(count=count, type=uapi.TYPE_VIDEO_CAPTURE, memory=uapi.MEMORY_MMAP)
        with explained(path, "asking for its buffers"):
            call(self._node.handle, uapi.REQBUFS, request)
        if request.count == 0:
            raise DriverError(f"{path}: gives no buffers; {_BROKEN}")
        for index in range(min(count, request.count)):
            self._map(index, least_bytes)
        with explained(path, "starting its stream"):
            for index in range(len(self._maps)):
                self.give(index)
            call(self._node.handle, uapi.STREAMON, ctypes.c_int(uapi.TYPE_VIDEO_CAPTURE))

    def take(self) -> uapi.Buffer | None:
        """Return the oldest filled buffer, None where there is none yet; raise OSError when the device is gone."""
        buffer = uapi.Buffer(type=uapi.TYPE_VIDEO_CAPTURE, memory=uapi.MEMORY_MMAP)
        try:
            call(self._node.handle, uapi.DQBUF, buffer)
        except BlockingIOError:
            return None
        if buffer.index >= len(self._maps):
            raise OSError(errno.EBADMSG, f"it gave buffer {buffer.index} of {len(self._maps)}")
        return buffer

    def give(self, index: int) -> None:
        """Let the device fill this buffer again; raise OSError when it is gone."""
        buffer = uapi.Buffer(index=index, type=uapi.TYPE_VIDEO_CAPTURE, memory=uapi.MEMORY_MMAP)
        call(self._node.handle, uapi.QBUF, buffer)

    def room(self, index: int) -> int:
        """Return how many bytes this buffer holds."""
        return len(self._maps[index])

    def copy(self, index: int, used: int) -> NDArray[np.uint8]:
        """Return a copy of the first ``used`` bytes of this buffer."""
        return np.frombuffer(self._maps[index][:used], np.uint8)

    def stop(self) -> None:
        """End the stream and give the memory back; a device that is gone does not mind."""
        with suppress(OSError):
            call(self._node.handle, uapi.STREAMOFF, ctypes.c_int(uapi.TYPE_VIDEO_CAPTURE))
        # Each map holds the device open of its own.
        while self._maps:
            self._maps.pop().close()
        with suppress(OSError):
            call(
                self._node.handle,
                uapi.REQBUFS,
                uapi.RequestBuffers(type=uapi.TYPE_VIDEO_CAPTURE, memory=uapi.MEMORY_MMAP),
            )

    def _map(self, index: int, least_bytes: int) -> None:
        path = self._node.path
        buffer = uapi.Buffer(index=index, type=uapi.TYPE_VIDEO_CAPTURE, memory=uapi.MEMORY_MMAP)
        with explained(path, f"asking for buffer {index}"):
            call(self._node.handle, uapi.QUERYBUF, buffer)
        if buffer.length < max(1, least_bytes):
            raise DriverError(
                f"{path}: its buffers hold {buffer.length} bytes where a picture has {least_bytes}; {_BROKEN}"
            )
        try:
            with explained(path, f"mapping buffer {index} of {buffer.length} bytes"):
                self._maps.append(mmap.mmap(self._node.handle, buffer.length, offset=buffer.offset))
        except (ValueError, OverflowError) as exc:
            raise DriverError(f"{path}: its buffer {index} cannot be mapped ({exc}); {_BROKEN}") from exc


_BROKEN = "its kernel driver is faulty: choose another mode or camera"
