"""Ends another thread's wait at once, from any thread, without ever blocking the caller."""

from __future__ import annotations

import contextlib
import socket


class Waker:
    """A file descriptor that becomes readable on :meth:`wake` and stays so until :meth:`clear`."""

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)

    def fileno(self) -> int:
        """Return the descriptor to wait on."""
        return self._reader.fileno()

    def wake(self) -> None:
        """Make the descriptor readable; never blocks, and does nothing once closed."""
        # A full pipe is already readable; a closed one has nobody left to wake.
        with contextlib.suppress(BlockingIOError, OSError):
            self._writer.send(b"\0")

    def clear(self) -> None:
        """Take back every wake so far."""
        with contextlib.suppress(BlockingIOError):
            while self._reader.recv(4096):
                pass

    def close(self) -> None:
        """Free the descriptors."""
        self._reader.close()
        self._writer.close()
