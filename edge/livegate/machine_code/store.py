"""Where machine code lies, whether it may be used, and how it gets there.

Beside its source, in ``__pycache__/machine-code``: one file a module of kernels and machine, written by ``livegate
model warm`` and by nobody else. The terminal reads it; it never writes it.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from livegate.machine_code.machine import machine_digest, source_digest, this_machine
from livegate.machine_code.packing import Entry, Packed, pack, unpack
from livegate.machine_code.running import as_expected
from livegate.machine_code.trust import ROOT_UID, NotTrusted, read_trusted

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


def find(source: Path) -> Found:
    """Look for the machine code of a module of kernels for this machine; never raises for what it finds."""
    path = _path(source)
    try:
        return _fitting(unpack(read_trusted(path, source)), path, source)
    except FileNotFoundError:
        return _missing(source, path)
    except NotTrusted as exc:
        return Found(State.NOT_TRUSTED, str(exc))
    except OSError as exc:
        return Found(State.MISSING, f"{path}: cannot be read ({exc.strerror})")
    except (ValueError, KeyError, TypeError):
        return Found(State.DAMAGED, f"{path}: damaged")


def _fitting(packed: Packed, path: Path, source: Path) -> Found:
    if packed.source != source_digest(source):
        return Found(State.STALE, f"{path}: its source has changed since")
    if packed.machine != this_machine() or not as_expected():
        return Found(State.STALE, f"{path}: made for another machine")
    return Found(State.WHOLE, entries=packed.entries)


def keep(source: Path, entries: Sequence[Entry]) -> Path:
    """Write a module's machine code for this machine and return its file. Raises OSError.

    Others read either the file before or the new one whole. What this environment made for other versions or another
    processor goes.
    """
    path = _path(source)
    folder = path.parent
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    # Whatever the umask: nobody else may write here, and the service's user must read. What root makes in somebody's
    # checkout is that person's, to remove it again.
    folder.chmod(0o755)
    owner = source.stat()
    if os.geteuid() == ROOT_UID:
        os.chown(folder, owner.st_uid, owner.st_gid)
    packed = Packed(this_machine(), source_digest(source), sys.prefix, tuple(entries))
    number, name = tempfile.mkstemp(dir=folder, prefix=f".{path.name}-")
    try:
        with open(number, "wb") as file:  # noqa: PTH123 - mkstemp opened it
            file.write(pack(packed))
            os.fchmod(number, 0o644)
            if os.geteuid() == ROOT_UID:
                os.fchown(number, owner.st_uid, owner.st_gid)
            file.flush()
            os.fsync(number)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
    for old in _others(source, path):
        if _prefix(old, source) == sys.prefix:
            old.unlink(missing_ok=True)
    return path


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
