"""Read JSON lines that may be anybody's: never more than one bounded line in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

MAX_LINE_BYTES = 1_048_576


def bounded_lines(file: BinaryIO, max_bytes: int = MAX_LINE_BYTES) -> Iterator[tuple[int, bytes | None]]:
    """Yield the number (from 1) and content of every line that is not blank, None in place of one too long.

    Line ends, those of other systems too, do not belong to the content.
    """
    number = 0
    while line := file.readline(max_bytes + 1):
        number += 1
        if len(line) > max_bytes and not line.endswith(b"\n"):
            _skip(file, max_bytes)
            yield number, None
        elif content := line.rstrip(b"\r\n"):
            yield number, content


def _skip(file: BinaryIO, max_bytes: int) -> None:
    while (rest := file.readline(max_bytes)) and not rest.endswith(b"\n"):
        continue
