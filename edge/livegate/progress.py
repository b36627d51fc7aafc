"""Progress of long work: on a terminal only, never in a pipe or a log."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self, TextIO

_WIDTH = 30
_REDRAW_S = 0.1


class Progress:
    """Shows on ``stream`` (standard error) how much of ``total`` is done, while the ``with`` block lasts.

    Without a total, which a stream of files does not have, it shows a count instead of a bar.
    """

    def __init__(self, title: str, total: int | None = None, stream: TextIO | None = None) -> None:
        self._title = title
        self._total = total
        self._stream = stream or sys.stderr
        self._shown = self._stream.isatty() and total != 0
        self._done = 0
        self._drawn_s = -_REDRAW_S
        self._drawn = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear()

    def clear(self) -> None:
        """Take the line away, so that something else can be printed; the next step draws it again."""
        if self._drawn:
            self._drawn = False
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def advance(self, steps: int = 1) -> None:
        """Count ``steps`` more as done."""
        self._done += steps
        now_s = time.monotonic()
        if self._shown and now_s - self._drawn_s >= _REDRAW_S:
            self._drawn_s = now_s
            self._draw()

    def _draw(self) -> None:
        if self._total is None:
            done = str(self._done)
        else:
            full = _WIDTH * min(self._done, self._total) // self._total
            done = f"[{'#' * full}{'.' * (_WIDTH - full)}] {self._done} of {self._total}"
        self._drawn = True
        self._stream.write(f"\r{self._title} {done}")
        self._stream.flush()
