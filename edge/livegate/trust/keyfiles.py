"""Files that only their owner may touch: keys are written whole or not at all, and never over another one."""

from __future__ import annotations

import os
import pwd
import stat
import tempfile
from pathlib import Path

from livegate.errors import StoreError
from livegate.filesystem import settle


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
    settle(path.parent)
    return True


def check_private(path: Path) -> None:
    """Raise StoreError unless ``path`` is a plain file that its owner, we, can write and nobody else can touch."""
    try:
        status = path.lstat()
    except OSError as exc:
        raise StoreError(f"{path}: cannot be read ({exc.strerror}); check the disk and its permissions") from exc
    if not stat.S_ISREG(status.st_mode):
        raise StoreError(f"{path}: is not a plain file; move it away")
    if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise StoreError(f"{path}: others may read or write it; run chmod 600 {path}")
    if not os.access(path, os.R_OK | os.W_OK):
        raise StoreError(f"{path}: cannot be read and written; run chmod 600 {path} as {user_text(status.st_uid)}")


def user_text(uid: int) -> str:
    """Return a user's name, or "user" and the number where it has none."""
    return user_name(uid) or f"user {uid}"


def user_name(uid: int) -> str | None:
    """Return a user's name, None where there is none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return None
