"""The one file that says which version of an installed model is in force, and which one was before.

It is there from the first installation on, so that a version without it shows that it was lost.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from livegate.errors import AssetError, LinkError
from livegate.filesystem import replace_whole
from livegate.untrusted import parse_object

NAME = "active.json"
DIGEST = re.compile("[0-9a-f]{64}")
_MAX_BYTES = 4096
_REMEDY = "activate a version again: livegate model activate"


@dataclass(frozen=True, slots=True)
class Pointer:
    """Versions by the SHA-256 of their manifest; None stands for what ships under the name, be it nothing."""

    active: str | None = None
    previous: str | None = None
    changed: bool = False
    """Whether a version was ever put in force: before that there is nothing to go back to."""


def read_pointer(folder: Path) -> Pointer:
    """Return the pointer of the model in ``folder``; AssetError when it is gone or damaged."""
    path = folder / NAME
    try:
        with path.open("rb") as file:
            members = parse_object(file.read(_MAX_BYTES + 1), _MAX_BYTES, max_depth=2)
    except OSError as exc:
        raise AssetError(f"{path}: cannot be read ({exc.strerror}); {_REMEDY} {folder.name}") from exc
    except LinkError as exc:
        raise AssetError(f"{path}: is damaged ({exc}); {_REMEDY} {folder.name}") from exc
    given = members.pop("sum", None)
    if given != _sum(members) or not _is_whole(members):
        raise AssetError(f"{path}: is damaged (its checksum is another); {_REMEDY} {folder.name}")
    return Pointer(**members)


def write_pointer(folder: Path, pointer: Pointer) -> None:
    """Put ``pointer`` in force, whole or not at all, on the disk when this returns; OSError when it cannot be."""
    members = {"active": pointer.active, "previous": pointer.previous, "changed": pointer.changed}
    replace_whole(folder / NAME, json.dumps(members | {"sum": _sum(members)}).encode() + b"\n")


def _is_whole(members: dict[str, Any]) -> bool:
    versions = [members.get("active"), members.get("previous")]
    named = all(one is None or (isinstance(one, str) and DIGEST.fullmatch(one)) for one in versions)
    return named and members.keys() == {"active", "previous", "changed"} and isinstance(members["changed"], bool)


def _sum(members: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(members, sort_keys=True).encode()).hexdigest()
