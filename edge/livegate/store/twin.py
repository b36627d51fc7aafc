"""The desired configuration that was accepted last, so that a restart needs no centre to be as strict as before."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from livegate.errors import StoreError
from livegate.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Twin:
    """Accepted settings: ``digest`` is the SHA-256 of the payload that was signed."""

    version: int
    keyid: str
    digest: bytes
    settings: Mapping[str, Any]


def load_twin(connection: sqlite3.Connection) -> Twin | None:
    """Return what was accepted last, None when nothing was; StoreError when that is damaged."""
    row = connection.execute("SELECT version, keyid, digest, settings FROM twin").fetchone()
    if row is None:
        return None
    version, keyid, digest, settings = row
    try:
        return Twin(version, keyid, digest, json.loads(settings))
    except ValueError as exc:
        raise StoreError(f"the store's twin is damaged ({exc}); send it anew with a higher version") from exc


def keep_twin(t: Transaction, twin: Twin) -> None:
    """Remember ``twin`` in place of the one before."""
    t.connection.execute(
        "INSERT OR REPLACE INTO twin VALUES (1, ?, ?, ?, ?)",
        (twin.version, twin.keyid, twin.digest, json.dumps(twin.settings)),
    )
