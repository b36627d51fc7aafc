"""A progress bar for long work: on a terminal only, silent in a pipe."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TextIO, TypeVar

T = TypeVar("T")

_REDRAW_S = 0.2
_CELLS = 30


def progress(items: Iterable[T], total: int, label: str, stream: TextIO | None = None) -> Iterator[T]:
    """Yield ``items`` while drawing how many of ``total`` are done and how long the rest takes.

    Draws on ``stream`` (standard error by default) where it is a terminal, and nothing at all elsewhere.
    """
    out = sys.stderr if stream is None else stream
    if not out.isatty():
        yield from items
        return
    started_s = drawn_s = time.monotonic()
    for done, item in enumerate(items, start=1):
        yield item
        now_s = time.monotonic()
        if now_s - drawn_s >= _REDRAW_S or done == total:
            drawn_s = now_s
            out.write("\r" + _line(done, max(total, done), now_s - started_s, label))
            out.flush()
    out.write("\n")


def _line(done: int, total: int, elapsed_s: float, label: str) -> str:
    filled = _CELLS * done // max(total, 1)
    left_s = elapsed_s / max(done, 1) * (total - done)
    return f"{label} [{'#' * filled}{'.' * (_CELLS - filled)}] {done}/{total}  {left_s:4.0f} s left "
