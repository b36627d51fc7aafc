"""A V4L2 device that was opened, and why one cannot be used, in words."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from livegate.errors import DriverError
from livegate_drivers.ioctl import call
from livegate_drivers.v4l2 import uapi


@dataclass(frozen=True, slots=True)
class Node:
    """An open capture device; ``card`` and ``bus_info`` are what it says of itself."""

    path: Path
    handle: int
    card: str
    bus_info: str


@contextmanager
def explained(path: Path, doing: str) -> Iterator[None]:
    """Turn the OSError of a call into a DriverError that names the device, what failed and what to do."""
    try:
        yield
    except OSError as exc:
        if exc.errno in _WHOLE:
            raise DriverError(f"{path}: {_WHOLE[exc.errno].format(path)}") from exc
        why = os.strerror(exc.errno) if exc.errno else str(exc)
        raise DriverError(f"{path}: {doing} failed ({why}); {_remedy(exc.errno)}") from exc


def open_node(path: Path) -> Node:
    """Open ``path``, a device or a link to one, without waiting; raise DriverError for what is no capture device."""
    with explained(path, "opening it as a V4L2 camera"):
        handle = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        with explained(path, "asking what it is"):
            capability = uapi.Capability()
            call(handle, uapi.QUERYCAP, capability)
        _check_capable(path, capability)
    except DriverError:
        os.close(handle)
        raise
    return Node(path, handle, text(capability.card), text(capability.bus_info))


def text(raw: bytes) -> str:
    """Return what a device calls something, without what no terminal should be shown."""
    return "".join(c if c.isprintable() else "?" for c in raw.decode("utf-8", "replace")).strip()


def fourcc_name(number: int) -> str:
    """Return a pixel format's four characters, without blanks at the end."""
    return text(number.to_bytes(4, "little")).rstrip("?")


def fourcc_number(name: str) -> int:
    """Return the kernel's number of a pixel format of up to four characters."""
    return int.from_bytes(name.ljust(4).encode("ascii"), "little")


def _check_capable(path: Path, capability: uapi.Capability) -> None:
    can = capability.device_caps if capability.capabilities & uapi.CAP_DEVICE_CAPS else capability.capabilities
    if can & uapi.CAP_VIDEO_CAPTURE and can & uapi.CAP_STREAMING:
        return
    card = text(capability.card)
    if can & uapi.CAP_META_CAPTURE:
        problem = "gives metadata, no pictures; take the camera's other node (ls -l /dev/v4l/by-id, …-index0)"
    elif can & uapi.CAP_VIDEO_CAPTURE_MPLANE:
        problem = "is a multi-planar node, which this driver does not read; use driver gstreamer (v4l2src)"
    else:
        problem = "does not capture pictures (v4l2-ctl --list-devices)"
    raise DriverError(f"{path}: '{card}' {problem}")


def _remedy(number: int | None) -> str:
    return _REMEDIES.get(number or 0, "plug the camera in again and look at what the kernel says (dmesg)")


_NO_CAMERA = "cannot be opened as a V4L2 camera: it is no such device; correct 'device' (v4l2-ctl --list-devices)"
_WHOLE = {
    errno.ENOENT: "is not there; plug the camera in or correct 'device' (ls /dev/v4l/by-id /dev/video*)",
    errno.EACCES: "may not be opened; put this program's user into group video",
    errno.EPERM: "may not be opened; allow it in the service's DeviceAllow, and put its user into group video",
    errno.EBUSY: "is busy: another program may hold it (fuser {})",
    errno.ENOTTY: _NO_CAMERA,
    errno.EISDIR: _NO_CAMERA,
    errno.ENODEV: "the camera was unplugged; plug it in again",
    errno.ENXIO: "the camera was unplugged; plug it in again",
}
_REMEDIES = {
    errno.ENOSPC: "its USB bus has no room left: choose MJPG, a smaller picture or fewer fps, or another port",
    errno.EPIPE: "the sensor behind this node is not linked or not set up (media-ctl); use driver libcamera",
    errno.ENOLINK: "the sensor behind this node is not linked or not set up (media-ctl); use driver libcamera",
    errno.ENOMEM: "the kernel has no memory for its pictures: choose a smaller picture, or fewer cameras at once",
}
