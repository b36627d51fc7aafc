"""The files of a store and who may touch them: the folder, its lock, private files, broken ones set aside."""

from __future__ import annotations

import fcntl
import os
import secrets
import stat
from datetime import UTC, datetime
from pathlib import Path

from livegate.errors import StoreError
from livegate.store.ownkeys import MEDIA_KEY
from livegate.store.reserve import RESERVE
from livegate.trust.keyfiles import check_private, user_name, user_text

DATABASE = "livegate.db"
LOCK = "livegate.lock"
CHECK = "livegate.check"
"""While it is there, the next start checks the whole database."""
_TRACES = (MEDIA_KEY, CHECK, RESERVE, "lists.*")


def prepare_folder(folder: Path) -> None:
    """Make the state folder (0700) where there is none; raise StoreError when it is not safely ours."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
    except OSError as exc:
        raise StoreError(
            f"{folder}: the state folder cannot be made ({exc.strerror}); "
            "set [terminal] state_dir to a folder you may write"
        ) from exc
    if status.st_uid != os.geteuid():
        raise StoreError(somebody_elses(folder, status.st_uid))
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise StoreError(f"{folder}: others may write to it and swap its files; run chmod 700 {folder}")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise StoreError(f"{folder}: cannot be written; is the disk mounted read-only, or does chmod 700 help?")


def somebody_elses(folder: Path, uid: int) -> str:
    """Return the sentence for a state folder of another user: the store is used by the one it belongs to only."""
    # Without a name sudo takes the number, which a shell would read as a comment.
    name = user_name(uid) or f"'#{uid}'"
    return f"{folder}: belongs to {user_text(uid)}; run this as that user (sudo -u {name} livegate ...)"


def private_file(path: Path) -> bool:
    """Make an empty file only its owner may read, or check one that is there; return whether it was made."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
    except FileExistsError:
        check_private(path)
        return False
    except OSError as exc:
        raise StoreError(f"{path}: cannot be made ({exc.strerror}); check the disk and its permissions") from exc
    return True


def lock(folder: Path) -> int:
    """Return an open descriptor that holds the daemon's lock on ``folder`` until closed; StoreError when taken."""
    path = folder / LOCK
    private_file(path)
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        os.close(descriptor)
        raise StoreError(
            f"{folder}: another Livegate daemon runs on this state folder; "
            "stop it, or give this one its own [terminal] state_dir"
        ) from exc
    return descriptor


def is_locked(folder: Path) -> bool:
    """Return whether a daemon holds its lock on ``folder``; asked of the kernel, so that none is kept from starting."""
    try:
        inode = (folder / LOCK).stat().st_ino
        locks = Path("/proc/locks").read_text("ascii").splitlines()
    except OSError:
        return False
    return any(
        "FLOCK" in fields and fields[5].endswith(f":{inode}") for line in locks if len(fields := line.split()) > 5
    )


def traces(folder: Path) -> tuple[str, ...]:
    """Return the names of files in ``folder`` that only a terminal makes whose store was there: it is no first start.

    The device's key and that of pseudonyms are not among them, which may be made ahead.
    """
    try:
        return tuple(sorted(path.name for pattern in _TRACES for path in folder.glob(pattern)))
    except OSError as exc:
        raise StoreError(f"{folder}: cannot be read ({exc.strerror}); check the disk and its permissions") from exc


def set_aside(database: Path) -> Path:
    """Rename a broken database and its companions out of the way; return the new name of the database."""
    mark = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ") + f"-{secrets.token_hex(2)}"
    aside = database.with_name(f"{database.name}.broken-{mark}")
    try:
        for ending in ("", "-wal", "-shm"):
            part = database.with_name(database.name + ending)
            if part.exists():
                part.rename(aside.with_name(aside.name + ending))
    except OSError as exc:
        raise StoreError(
            f"{database}: is broken and cannot be moved aside ({exc.strerror}); move it away by hand"
        ) from exc
    return aside
