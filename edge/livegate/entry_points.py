"""What other packages offer Livegate, looked up once: a walk through every installed package takes milliseconds."""

from __future__ import annotations

import functools
import sys
from importlib.metadata import EntryPoint, EntryPoints, entry_points
from typing import cast


def points_of(group: str) -> list[EntryPoint]:
    """Return the entry points of a group, of the packages that were installed when the process first asked."""
    return list(_all(tuple(sys.path)).select(group=group))


@functools.lru_cache(maxsize=1)
def _all(_path: tuple[str, ...]) -> EntryPoints:
    # Python 3.11 returns something else without a group; it can be asked the same.
    return cast(EntryPoints, entry_points())
