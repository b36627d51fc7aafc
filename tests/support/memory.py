"""A folder in memory for tests of what a store holds: SQLite waits for the disk at each of their many commits.

What a disk does is for tests/faults, which stay on one.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from types import ModuleType

MEMORY = Path("/dev/shm")
_LEAST_BYTES = 1 << 30
_STORES = ("support.stores", "support.chains", "support.desks")


def keeps_stores(module: ModuleType | None) -> bool:
    """Return whether a module of tests makes stores: it takes from the helpers that make them."""
    taken = {getattr(value, "__module__", None) for value in vars(module).values()} if module else set()
    return bool(taken & set(_STORES)) and _has_room()


def _has_room() -> bool:
    return MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > _LEAST_BYTES
