"""Tests of the V4L2 driver on its stand-in; test_v4l2.py runs them with it preloaded."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from livegate.types import Role
from livegate_drivers.cameras.v4l2 import Options, V4l2Camera
from livegate_drivers.v4l2.usb import Roots

CameraOf = Callable[..., V4l2Camera]
QVGA: dict[str, Any] = {"width": 320, "height": 240}


@pytest.fixture
def device() -> Path:
    """The stand-in's control file: its period in ms, then its oddities."""
    path = Path(os.environ["V4L2_SHIM_DEVICE"])
    for suffix in (".controls", ".resets", ".asked"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    path.write_text("10")
    return path


@pytest.fixture
def camera_of(device: Path) -> CameraOf:
    def make(fourcc: str, role: Role, roots: Roots | None = None, **options: Any) -> V4l2Camera:
        return V4l2Camera(Options(device, **{"fourcc": fourcc, **QVGA, **options}), role, roots)

    return make
