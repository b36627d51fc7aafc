"""Standard output whose failure is a sentence, whatever verb writes to it."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO, cast

from livegate.errors import LivegateError


@contextlib.contextmanager
def checked_output() -> Iterator[None]:
    """Let ``print`` and ``sys.stdout`` raise LivegateError where the output cannot be written, such as on a full disk.

    Everything is flushed at the end, so that a failure is told before the status is. BrokenPipeError stays what it is.
    """
    given = cast("TextIO | None", sys.stdout)
    with contextlib.ExitStack() as stack:
        if given is None:
            # Closed by whoever started us (`>&-`): what is printed is not wanted.
            given = stack.enter_context(Path(os.devnull).open("w"))
        if isinstance(given, io.TextIOWrapper):
            # An output that cannot show a letter is no reason to fail.
            given.reconfigure(errors="backslashreplace")
        checked = _Checked(given)
        stack.enter_context(contextlib.redirect_stdout(cast(TextIO, checked)))
        try:
            yield
        except SystemExit:
            # argparse ends like this after it printed its help.
            checked.flush()
            raise
        checked.flush()


class _Checked:
    """A text stream that translates its errors; everything else is the stream's own."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        with _translated(self._stream):
            return self._stream.write(text)

    def flush(self) -> None:
        with _translated(self._stream):
            self._stream.flush()


@contextlib.contextmanager
def _translated(stream: TextIO) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        _discard(stream)
        raise
    except OSError as exc:
        _discard(stream)
        raise LivegateError(
            f"standard output: cannot be written ({exc.strerror}); make room or write elsewhere"
        ) from exc


def _discard(stream: TextIO) -> None:
    """Send what is left in the buffer nowhere: Python would fail on it once more at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    # An output without a descriptor, as in a test, has no buffer of ours either.
    with contextlib.suppress(io.UnsupportedOperation):
        os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
