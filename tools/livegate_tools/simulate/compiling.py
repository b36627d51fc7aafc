"""Where the renderers' kernels are kept: beside their source where that can be written, by Numba's own rules."""

from __future__ import annotations

import numba


def _nothing() -> None:
    """Be compiled, perhaps."""


def _cacheable() -> bool:
    """Numba refuses to compile at all where it is told to keep what it compiles and finds no folder to keep it in."""
    try:
        numba.njit(cache=True)(_nothing)
    except RuntimeError:
        return False
    return True


CACHE = _cacheable()
"""Given to every kernel; False on a system without a writable folder, where each run compiles anew."""
