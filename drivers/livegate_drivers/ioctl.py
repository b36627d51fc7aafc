"""Ask a Linux device by ioctl: its codes, and the call that a signal may not break."""

from __future__ import annotations

import ctypes
import enum
import errno
import fcntl

# A signal may come in between; one that comes so often is no signal but a fault.
MAX_INTERRUPTIONS = 100


class Way(enum.IntFlag):
    """Which way the argument travels, as the program sees it."""

    NONE = 0
    WRITE = 1
    READ = 2


def code(way: Way, family: str, number: int, argument: type[ctypes.Structure] | type[ctypes.c_int] | None) -> int:
    """Return the request of a call as ``linux/ioctl.h`` makes it (the layout of x86, Arm and RISC-V)."""
    size = 0 if argument is None else ctypes.sizeof(argument)
    return way << 30 | size << 16 | ord(family) << 8 | number


def call(handle: int, request: int, argument: ctypes.Structure | ctypes.c_int | None = None) -> None:
    """Make the call, which fills ``argument`` in place; raise OSError with the kernel's errno."""
    for _ in range(MAX_INTERRUPTIONS):
        try:
            if argument is None:
                fcntl.ioctl(handle, request)
            else:
                fcntl.ioctl(handle, request, argument)
        except InterruptedError:
            continue
        return
    raise OSError(errno.EINTR, "interrupted again and again")
