"""A text file that is written line by line, each there for a reader at once."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from livegate.errors import ConfigError, LivegateError


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
        if self._file is None:
            return
        try:
            # Python writes once more what could not be written before.
            self._file.close()
        except OSError as exc:
            raise self._failure(exc) from exc

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


def check_place(path: Path, option: str) -> None:
    """Raise ConfigError before the work where writing to the ``path`` that ``option`` names must fail after it."""
    if not path.absolute().parent.is_dir():
        raise ConfigError(f"{path}: its folder does not exist; create it or give {option} another place")
    if path.is_dir():
        raise ConfigError(f"{path}: is a folder; give {option} the name of a file")


def make_folder(path: Path) -> None:
    """Make the folder ``path`` with those above it; LivegateError where that fails."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise LivegateError(f"{path}: cannot be made ({exc.strerror}); name another place") from exc
