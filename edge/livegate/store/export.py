"""Write a stream to a file as it is stored: one event a line, byte for byte, so that anybody can prove it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from livegate.errors import LivegateError
from livegate.filesystem import settle
from livegate.progress import Progress
from livegate.store.whole import WholeStream


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written: ``events`` of ``stream``, from ``first`` to ``last`` (0 where there was none)."""

    stream: str
    first: int
    last: int
    events: int


def export(whole: WholeStream, after: int, through: int, out: Path) -> Exported:
    """Write the events after ``after`` up to ``through`` to ``out``, a new file (0600) that is on the disk at the end.

    Begins at the newest checkpoint not behind ``after``, so that the first line is signed for. Raises LivegateError
    when there is such a file already or it cannot be written, and StoreError where the store cannot be read on; no file
    is left behind then.
    """
    start, through = whole.start_before(after), min(through, whole.last)
    first = last = events = 0
    with _new_file(out) as file, Progress("exported", max(0, through - start)) as progress:
        for row in whole.rows(start, through):
            file.write(row.body + b"\n")
            first, last, events = first or row.sequence, row.sequence, events + 1
            progress.advance()
    return Exported(whole.stream, first, last, events)


@contextmanager
def _new_file(path: Path) -> Iterator[BinaryIO]:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except FileExistsError as exc:
        raise LivegateError(f"{path}: is there already; name another file, an export replaces none") from exc
    except OSError as exc:
        raise LivegateError(f"{path}: cannot be made ({exc.strerror}); name a place this user may write") from exc
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        settle(path.parent)
    except OSError as exc:
        path.unlink(missing_ok=True)
        raise LivegateError(f"{path}: cannot be written ({exc.strerror}); make room or write elsewhere") from exc
    except BaseException:
        path.unlink(missing_ok=True)
        raise
