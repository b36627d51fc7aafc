"""A progress bar for long work: on a terminal only, silent in a pipe."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self, TextIO, TypeVar

T = TypeVar("T")

_REDRAW_S = 0.2
_CELLS = 30


class Progress:
    """Shows how much of ``total`` is done while the ``with`` block lasts, and how long the rest takes.

    Draws on ``stream`` (standard error by default) where it is a terminal, and nothing at all elsewhere.
    """

    def __init__(self, label: str, total: int, stream: TextIO | None = None) -> None:
        self._label = label
        self._total = total
        self._out = sys.stderr if stream is None else stream
        self._shown = self._out.isatty()
        self._done = 0
        self._started_s = self._drawn_s = time.monotonic()

    def __enter__(self) -> Self:
        self._started_s = self._drawn_s = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown:
            self._out.write("\n")

    def advance(self, steps: int = 1) -> None:
        """Count ``steps`` more as done."""
        self._done += steps
        now_s = time.monotonic()
        if self._shown and (now_s - self._drawn_s >= _REDRAW_S or self._done >= self._total):
            self._drawn_s = now_s
            total = max(self._total, self._done)
            self._out.write("\r" + _line(self._done, total, now_s - self._started_s, self._label))
            self._out.flush()


def progress(items: Iterable[T], total: int, label: str, stream: TextIO | None = None) -> Iterator[T]:
    """Yield ``items`` while a :class:`Progress` shows how many of ``total`` are done."""
    with Progress(label, total, stream) as bar:
        for item in items:
            yield item
            bar.advance()


def _line(done: int, total: int, elapsed_s: float, label: str) -> str:
    filled = _CELLS * done // max(total, 1)
    left_s = elapsed_s / max(done, 1) * (total - done)
    return f"{label} [{'#' * filled}{'.' * (_CELLS - filled)}] {done}/{total}  {left_s:4.0f} s left "
