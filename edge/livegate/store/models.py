"""The models that the last recorded start told of."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from livegate.events.models import ModelInForce
from livegate.store.transaction import Transaction


def told_models(connection: sqlite3.Connection) -> dict[str, ModelInForce]:
    """Return them by name; empty before the first start."""
    rows = connection.execute("SELECT name, kind, version, sha256, source FROM model_told ORDER BY name")
    return {name: ModelInForce(*rest) for name, *rest in rows}


def remember_models(t: Transaction, models: Mapping[str, ModelInForce]) -> None:
    """Let ``models`` be those that were told."""
    t.connection.execute("DELETE FROM model_told")
    t.connection.executemany(
        "INSERT INTO model_told VALUES (?, ?, ?, ?, ?)",
        [(name, model.kind, model.version, model.sha256, model.source) for name, model in models.items()],
    )
