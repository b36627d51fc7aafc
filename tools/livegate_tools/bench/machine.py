"""What the figures were taken on."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from livegate.filesystem import kind_of

_PACKAGES = ("livegate", "numpy", "opencv-python-headless", "onnxruntime", "ai-edge-litert", "tflite-runtime", "numba")


def describe(state_dir: Path) -> dict[str, Any]:
    """Return processor, memory, system, package versions, load, and the file system of ``state_dir``.

    ``blas_threads`` is on how many threads NumPy may multiply matrices, None where it decides by itself.
    """
    return {
        "cpu": _cpu(),
        "architecture": platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20,
        "system": _system(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "packages": {name: found for name in _PACKAGES if (found := _version(name))},
        "blas_threads": os.environ.get("OPENBLAS_NUM_THREADS"),
        "load_before": round(os.getloadavg()[0], 2),
        "state_file_system": kind_of(state_dir),
    }


def _cpu() -> str:
    # Arm boards have no "model name"; the device tree knows what they are.
    for line in _lines(Path("/proc/cpuinfo")):
        key, _, value = line.partition(":")
        if key.strip() in ("model name", "Model"):
            return value.strip()
    return next(
        (line.strip("\0") for line in _lines(Path("/proc/device-tree/model"))), platform.processor() or "unknown"
    )


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return []
