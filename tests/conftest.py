"""What every test may rely on."""

from __future__ import annotations

import ctypes.util
import importlib
import importlib.util
import os
import shutil
import signal
import sys
from pathlib import Path

import pytest
from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent))

# A deadline is a timing test in disguise.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# A shell starts what runs in its background deaf to interrupts, and what the tests start would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _has_realsense() -> bool:
    """Return whether the RealSense SDK can be imported, which it cannot without the system's libusb."""
    try:
        importlib.import_module("pyrealsense2")
    except ImportError:
        return False
    return True


# What a marked test needs from the machine. On a developer's machine its absence is a skip with this reason; in CI,
# which installs everything, it is a failure.
NEEDS = {
    "broker": (lambda: shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin"), "mosquitto is not installed"),
    "browser": (lambda: shutil.which("chromium"), "chromium is not installed"),
    "openni2": (lambda: ctypes.util.find_library("OpenNI2"), "libopenni2-0 is not installed"),
    "realsense": (_has_realsense, "pyrealsense2 or libusb-1.0-0 is not installed"),
    "systemd": (lambda: shutil.which("systemd-analyze"), "systemd-analyze is not installed"),
    "training": (lambda: importlib.util.find_spec("torch"), "PyTorch is not installed (make train-env)"),
}


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a marked test where its needs are missing, or fail it in CI."""
    for mark, (found, reason) in NEEDS.items():
        if item.get_closest_marker(mark) and not found():
            if os.environ.get("CI") == "true":
                pytest.fail(f"CI must have everything: {reason}", pytrace=False)
            pytest.skip(reason)
