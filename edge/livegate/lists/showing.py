"""What a central list holds, entry by entry, for people to look at."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from livegate.errors import StoreError
from livegate.lists import file
from livegate.lists.chunks import ACTIONS
from livegate.lists.values import BlockKind, CredentialKind, ListName

_COLUMNS = {
    ListName.BLOCK: "kind, value, action, reason, until_s",
    ListName.ALLOW: "kind, value, from_s, until_s, schedule, zones, duress",
}


def entries(path: Path, name: ListName) -> Iterator[dict[str, Any]]:
    """Yield what the list in the file at ``path`` holds, sorted by kind and value; StoreError when it is damaged."""
    try:
        with closing(file.reader(path)) as connection:
            # Both parts of the query come from above.
            for row in connection.execute(f"SELECT {_COLUMNS[name]} FROM entry ORDER BY kind, value"):  # noqa: S608
                yield _block(*row) if name is ListName.BLOCK else _allow(*row)
    except sqlite3.Error as exc:
        raise StoreError(
            f"{path}: the central {name} list cannot be read: {exc}; the daemon asks for it again"
        ) from exc


def _block(kind: int, value: bytes, action: int, reason: str, until_s: float | None) -> dict[str, Any]:
    of = tuple(BlockKind)[kind]
    named = value.decode() if of is BlockKind.TERMINAL else value.hex()
    return {"kind": str(of), "value": named, "action": str(ACTIONS[action]), "reason": reason, "until_s": until_s}


def _allow(
    kind: int, value: bytes, from_s: float | None, until_s: float | None, schedule: str | None, zones: str, duress: int
) -> dict[str, Any]:
    return {
        "pseudonym": value.hex(),
        "kind": str(tuple(CredentialKind)[kind]),
        "valid_from_s": from_s,
        "valid_until_s": until_s,
        "schedule": schedule,
        "zones": zones.split(),
        "duress": bool(duress),
    }
