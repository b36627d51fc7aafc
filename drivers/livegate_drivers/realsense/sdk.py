"""The vendor's SDK, imported when it is needed and not before, and its errors in our words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from livegate.errors import DeviceLost, DriverError


def load_sdk() -> Any:
    """Return the module pyrealsense2; raise DriverError naming extra, system package and the way without it."""
    try:
        import pyrealsense2
    except ImportError as exc:
        if "libusb" in str(exc):
            raise DriverError(f"driver 'realsense': {exc}; install the system package libusb-1.0-0") from exc
        raise DriverError(
            f"driver 'realsense' needs pyrealsense2 ({exc}): pip install 'livegate[realsense]'. There are wheels for"
            " x86-64, and for aarch64 with Python 3.12; elsewhere read the camera with driver 'v4l2' (Z16, GREY, YUYV)"
        ) from exc
    return pyrealsense2


@contextmanager
def refused(place: str) -> Iterator[None]:
    """Turn what the SDK refuses while a device is prepared into DriverError."""
    try:
        yield
    except RuntimeError as exc:
        raise DriverError(
            f"{place}: {exc}; plug the camera in again, close other programs that use it, and look at its USB port"
        ) from exc


@contextmanager
def gone(place: str) -> Iterator[None]:
    """Turn what the SDK refuses while a device streams into DeviceLost."""
    try:
        yield
    except RuntimeError as exc:
        raise DeviceLost(f"{place}: {exc}") from exc
