"""A text file that is written line by line, each there for a reader at once."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from livegate.errors import LivegateError


class Lines:
    """Writes lines to ``path``, replacing what was there; raises LivegateError where that fails."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: TextIO | None = None

    def __enter__(self) -> Self:
        try:
            self._file = self._path.open("w", encoding="utf-8")
        except OSError as exc:
            raise self._failure(exc) from exc
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def write(self, line: str) -> None:
        """Write ``line`` and its end, and hand it to the operating system."""
        if self._file is None:
            raise LivegateError(f"{self._path}: is not open; write inside the with block")
        try:
            self._file.write(line + "\n")
            self._file.flush()
        except OSError as exc:
            raise self._failure(exc) from exc

    def _failure(self, exc: OSError) -> LivegateError:
        return LivegateError(f"{self._path}: cannot be written ({exc.strerror}); make room or name another place")
