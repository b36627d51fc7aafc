"""Where on the USB a camera is, found in sysfs: its serial number, and how to reset it."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from pathlib import Path

from livegate.errors import DriverError
from livegate_drivers.ioctl import Way, call, code
from livegate_drivers.v4l2.node import text

USBDEVFS_RESET = code(Way.NONE, "U", 20, None)
# The kernel tries for some seconds; who waits for us may not.
RESET_WAIT_S = 1.8


@dataclass(frozen=True, slots=True)
class Roots:
    """Where the kernel shows its devices; other folders for tests."""

    sysfs: Path = Path("/sys")
    bus: Path = Path("/dev/bus/usb")


@dataclass(frozen=True, slots=True)
class UsbDevice:
    """A device on the USB, by its folder in sysfs, which stays the same while it is plugged into the same port."""

    folder: Path

    @property
    def serial(self) -> str | None:
        """Its serial number, None where it has none."""
        return _line(self.folder / "serial")

    def node(self, roots: Roots) -> Path | None:
        """Return its node of now below ``roots.bus``: the number changes whenever it comes back."""
        bus, number = _line(self.folder / "busnum"), _line(self.folder / "devnum")
        if bus is None or number is None or not (bus.isdecimal() and number.isdecimal()):
            return None
        return roots.bus / f"{int(bus):03}" / f"{int(number):03}"


def usb_device(path: Path, roots: Roots) -> UsbDevice | None:
    """Return the USB device behind a video node, or a link to one; None for a camera that is on no USB."""
    name = Path(os.path.realpath(path)).name
    interface = Path(os.path.realpath(roots.sysfs / "class/video4linux" / name / "device"))
    # The node belongs to an interface of the device, whose folder holds the descriptor's numbers.
    device = interface.parent
    return UsbDevice(device) if (device / "idVendor").is_file() and (device / "busnum").is_file() else None


def reset(path: Path, device: UsbDevice | None, roots: Roots) -> None:
    """Reset the device behind the camera ``path``; raise DriverError when that cannot be, or takes too long."""
    node = device.node(roots) if device is not None else None
    if node is None:
        raise DriverError(f"{path}: is on no USB, or not plugged in, and cannot be reset; switch its power off and on")
    failed: list[OSError] = []

    def run() -> None:
        try:
            handle = os.open(node, os.O_WRONLY | os.O_CLOEXEC)
            try:
                call(handle, USBDEVFS_RESET)
            finally:
                os.close(handle)
        except OSError as exc:
            failed.append(exc)

    # The call itself cannot be bounded.
    thread = threading.Thread(target=run, name=f"reset-{node}", daemon=True)
    thread.start()
    thread.join(RESET_WAIT_S)
    if thread.is_alive():
        raise DriverError(
            f"{path}: the reset of {node} takes more than {RESET_WAIT_S:g} s; switch its power off and on"
        )
    if failed:
        remedy = (
            "let this program's user write to it (udev rule, DeviceAllow=char-usb_device rw; see docs/drivers.md)"
            if isinstance(failed[0], PermissionError)
            else "switch its power off and on"
        )
        raise DriverError(f"{path}: {node} cannot be reset ({failed[0].strerror}); {remedy}") from failed[0]


def _line(path: Path) -> str | None:
    try:
        return text(path.read_bytes().strip()) or None
    except OSError:
        return None
