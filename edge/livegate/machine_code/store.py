"""Where machine code lies, whether it may be used, and how it gets there.

Beside its source, in ``__pycache__/machine-code``: one file a module of kernels and machine, written by ``livegate
model warm`` and by nobody else. The terminal reads it; it never writes it.
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from livegate.machine_code.machine import first_digest, machine_digest, source_digest, this_machine
from livegate.machine_code.packing import Entry, Packed, pack, unpack
from livegate.machine_code.running import as_expected
from livegate.machine_code.trust import ROOT_UID, NotTrusted, opened_folder, read_trusted

_SUFFIX = ".kernels"


class State(StrEnum):
    """What was found of a module's machine code."""

    WHOLE = "whole"
    MISSING = "missing"
    STALE = "stale"
    DAMAGED = "damaged"
    NOT_TRUSTED = "not_trusted"


@dataclass(frozen=True, slots=True)
class Found:
    """``entries`` to load where ``state`` is WHOLE; else ``why`` not, naming the file."""

    state: State
    why: str = ""
    entries: tuple[Entry, ...] = ()


def folder_of(source: Path) -> Path:
    """Return the folder that the machine code of a source file lies in."""
    return source.parent / "__pycache__" / "machine-code"


class SourceChanged(Exception):
    """A module's file is no longer what this process compiled; the message names it."""


def find(source: Path, digest_of: Callable[[Path], str] = source_digest) -> Found:
    """Look for the machine code of a module of kernels for this machine; never raises for what it finds.

    It must be of the source that ``digest_of`` tells of, by default of what the file holds now.
    """
    path = _path(source)
    try:
        digest = digest_of(source)
        return _fitting(unpack(read_trusted(path, source)), path, digest)
    except FileNotFoundError:
        return _missing(source, path)
    except NotTrusted as exc:
        return Found(State.NOT_TRUSTED, str(exc))
    except OSError as exc:
        return Found(State.MISSING, f"{path}: cannot be read ({exc.strerror})")
    except (ValueError, KeyError, TypeError):
        return Found(State.DAMAGED, f"{path}: damaged")


def _fitting(packed: Packed, path: Path, digest: str) -> Found:
    if packed.source != digest:
        return Found(State.STALE, f"{path}: its source has changed since")
    if packed.machine != this_machine() or not as_expected():
        return Found(State.STALE, f"{path}: made for another machine")
    return Found(State.WHOLE, entries=packed.entries)


def keep(source: Path, entries: Sequence[Entry]) -> Path:
    """Write a module's machine code for this machine and return its file.

    Others read either the file before or the new one whole. What this environment made for other versions or another
    processor goes. Raises OSError, NotTrusted where a link leads elsewhere, SourceChanged where the file is not what
    the ``entries`` were compiled of: they would pass for those of another source.
    """
    digest = first_digest(source)
    if source_digest(source) != digest:
        raise SourceChanged(f"{source}: it, or what it imports, has changed since it was compiled; run this again")
    path = _path(source)
    packed = pack(Packed(this_machine(), digest, sys.prefix, tuple(entries)))
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    with opened_folder(path.parent) as folder:
        # Whatever the umask: nobody else may write here, and the service's user must read.
        _give(folder, 0o755, source)
        _write(folder, path.name, packed, source)
        for old in _others(source, path):
            if _prefix(old, source) == sys.prefix:
                with suppress(FileNotFoundError):
                    os.unlink(old.name, dir_fd=folder)
    return path


def _write(folder: int, name: str, content: bytes, source: Path) -> None:
    """Put a file into an opened folder, whole or not at all."""
    part = f".{name}-{secrets.token_hex(8)}"
    number = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=folder)
    try:
        with open(number, "wb") as file:  # noqa: PTH123 - opened in the folder that was looked at
            file.write(content)
            _give(number, 0o644, source)
            file.flush()
            os.fsync(number)
        os.replace(part, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        os.unlink(part, dir_fd=folder)
        raise


def _give(number: int, mode: int, source: Path) -> None:
    """Set the mode of an opened file; what root makes in somebody's checkout is that person's, to remove it again."""
    os.fchmod(number, mode)
    if os.geteuid() == ROOT_UID:
        owner = source.stat()
        os.fchown(number, owner.st_uid, owner.st_gid)


def _path(source: Path) -> Path:
    return folder_of(source) / f"{source.stem}.{machine_digest()}{_SUFFIX}"


def _others(source: Path, path: Path) -> list[Path]:
    return [one for one in sorted(path.parent.glob(f"{source.stem}.*{_SUFFIX}")) if one != path]


def _missing(source: Path, path: Path) -> Found:
    if _others(source, path):
        return Found(State.STALE, f"{path.parent}: holds '{source.stem}' for other machines or versions only")
    return Found(State.MISSING, f"{path}: is not there")


def _prefix(path: Path, source: Path) -> str | None:
    try:
        return unpack(read_trusted(path, source)).prefix
    except (OSError, ValueError, KeyError, TypeError, NotTrusted):
        # Whose it was cannot be said, and it serves nobody.
        return sys.prefix
