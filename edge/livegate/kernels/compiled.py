"""How every kernel is compiled: once, kept between runs where there is a folder to keep it in, free of the GIL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

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


def kernel(*signatures: str) -> Callable[[Callable[..., Any]], Any]:
    """Compile a function for the given signatures when its module is imported, so that no frame waits for it.

    It releases the GIL while it runs and computes as IEEE 754 says: no fastmath, and a division by zero is infinite.
    Kept on disk where that is possible. Without signatures it is compiled when it is first called: for what other
    kernels call.
    """
    given: Sequence[str] | None = list(signatures) or None
    return numba.njit(given, cache=CACHE, nogil=True, error_model="numpy")
