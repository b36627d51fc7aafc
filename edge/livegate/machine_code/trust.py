"""Whose files the terminal runs: as ssh asks it of a key, and for the same reason.

Machine code is trusted as far as the source beside it: it must belong to root or to the owner of that source, and
neither group nor others may write the file or its folder. The service's own user owns neither where the installation
is right, so it cannot change what it will run at its next start.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT_UID = 0
# The largest module of kernels needs a hundredth of it.
MAX_BYTES = 1 << 24


class NotTrusted(Exception):
    """Somebody else could have written it; the message names file, fault and remedy."""


def read_trusted(path: Path, source: Path) -> bytes:
    """Return the content of ``path``, a regular file that only root or the owner of ``source`` can have written.

    Raises NotTrusted, or OSError when it cannot be read.
    """
    owners = {ROOT_UID, source.stat().st_uid}
    with opened_folder(path.parent) as folder:
        _check(path.parent, os.fstat(folder), owners)
        # A pipe in its place must not keep the terminal waiting, nor a link lead elsewhere.
        number = os.open(path.name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    with open(number, "rb") as file:  # noqa: PTH123 - what is checked must be what is read
        status = os.fstat(number)
        if not stat.S_ISREG(status.st_mode):
            raise NotTrusted(f"{path}: expected a file; remove it")
        _check(path, status, owners)
        if status.st_size > MAX_BYTES:
            raise NotTrusted(f"{path}: {status.st_size} bytes, expected at most {MAX_BYTES}; remove it")
        return file.read(MAX_BYTES)


@contextmanager
def opened_folder(path: Path) -> Iterator[int]:
    """Open a folder, itself and no link to another, for as long as the block runs.

    Raises NotTrusted where something else lies there, OSError when it cannot be opened.
    """
    try:
        number = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY | os.O_NOFOLLOW)
    except NotADirectoryError as exc:
        raise NotTrusted(f"{path}: expected a folder; remove it") from exc
    try:
        yield number
    finally:
        os.close(number)


def _check(path: Path, status: os.stat_result, owners: set[int]) -> None:
    if status.st_uid not in owners:
        raise NotTrusted(
            f"{path}: belongs to user {status.st_uid}, expected {' or '.join(map(str, sorted(owners)))}; remove it"
        )
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise NotTrusted(f"{path}: others than its owner may write it; remove it")
