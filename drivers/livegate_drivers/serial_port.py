"""What drivers of serial devices share: pyserial where it is installed, and what to do when a port does not open."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from livegate.errors import DriverError


def pyserial(driver: str) -> ModuleType:
    """Return pyserial's module; raise DriverError naming ``driver`` and the extra that installs it."""
    try:
        import serial
    except ModuleNotFoundError as exc:
        raise DriverError(f"{driver}: needs pyserial; install livegate[serial]") from exc
    return serial  # type: ignore[no-any-return]


def remedy(device: Path) -> str:
    """Return what to do about a port that does not open."""
    if not device.exists():
        return "it is not there: check plug and 'device'"
    return "the user livegate must be in group dialout, and nothing else may hold the port"
