"""Write a key to a file that only its owner may read: whole or not at all, and never over another one."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write_private(path: Path, content: bytes) -> bool:
    """Make ``path`` (0600) with ``content`` on the disk; return False, and change nothing, when it is there already.

    Raises OSError when it cannot be made.
    """
    # Written whole under another name first: two processes may both start here, and the first to link wins.
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(name, path)
        except FileExistsError:
            return False
    finally:
        Path(name).unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return True
