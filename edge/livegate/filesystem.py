"""The file system below: what kind it is, and that it keeps what was written."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from pathlib import Path

from livegate.errors import LivegateError

_MOUNTS = Path("/proc/self/mountinfo")
UNFINISHED = ".unfinished-"
"""How names begin of what a power cut may leave behind; whoever owns the folder clears it."""


def kind_of(folder: Path) -> str:
    """Return the type of the file system that holds ``folder``, as the kernel names it ("ext4", "tmpfs", "nfs4").

    Raise LivegateError where the kernel's list of mounts cannot be read.
    """
    try:
        lines = _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError as exc:
        raise LivegateError(f"{_MOUNTS}: cannot be read ({exc.strerror}); mount /proc") from exc
    whole = folder.resolve()
    # Mounts stand in the order they were made: of two on one place the later hides the earlier.
    mounts = [_mount(line) for line in lines]
    holding = [
        (len(place.parts), order, kind) for order, (place, kind) in enumerate(mounts) if whole.is_relative_to(place)
    ]
    return max(holding)[2] if holding else "unknown"


def settle(path: Path) -> None:
    """Return once the disk has what was written to a file, or the names in a folder. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_whole(path: Path, content: bytes) -> None:
    """Make ``path`` (0600) hold ``content``, whole or not at all, on the disk when this returns. Raises OSError."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=UNFINISHED)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
    settle(path.parent)


def _mount(line: str) -> tuple[Path, str]:
    """Return mount point and type of one line of proc_pid_mountinfo(5)."""
    place, _, rest = line.partition(" - ")
    # Blanks in a path are written as octal escapes.
    path = re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), place.split()[4])
    return Path(path), rest.split()[0]
