"""What C libraries write on standard error behind Python's back, caught: libjpeg and libpng know no other way."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_STDERR = 2
# A process has one standard error: two threads exchanging it at once would lose it for good.
_LOCK = threading.Lock()


class Caught:
    """Holds what was written, once the block has ended."""

    text = ""


@contextmanager
def caught_stderr() -> Iterator[Caught]:
    """Keep file descriptor 2 of the whole process to oneself, and give back its text at the end.

    What other threads write there meanwhile is caught, too: for command-line tools, not for the daemon. Where standard
    error is closed nothing is caught and nothing is wrong.
    """
    caught = Caught()
    with _LOCK, tempfile.TemporaryFile() as file:
        try:
            saved = os.dup(_STDERR)
        except OSError:
            yield caught
            return
        try:
            os.dup2(file.fileno(), _STDERR)
            yield caught
        finally:
            os.dup2(saved, _STDERR)
            os.close(saved)
            file.seek(0)
            caught.text = file.read().decode("utf-8", "replace")
