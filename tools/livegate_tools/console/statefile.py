"""Keeps a console's ledgers over its restarts, in one JSON file replaced as a whole."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from livegate.errors import LinkError
from livegate.events.cloudevents import ChainHead, StoredEvent
from livegate.report.topics import Topics
from livegate_tools.console.ledger import Hole, Ledger

Key = tuple[Topics, str]
"""A terminal and one of its streams."""


def read_ledgers(path: Path) -> dict[Key, Ledger]:
    """Return the ledgers in ``path``, none when there is no such file; raise LinkError when it is not ours."""
    try:
        rows = json.loads(path.read_bytes())["streams"]
        return {(Topics(row["site"], row["terminal"]), row["stream"]): _ledger(row) for row in rows}
    except FileNotFoundError:
        return {}
    except OSError as exc:
        raise LinkError(f"{path}: cannot be read ({exc.strerror})") from exc
    except (ValueError, KeyError, TypeError) as exc:
        raise LinkError(f"{path}: is not a console's state; give another file, or move it away to begin anew") from exc


def write_ledgers(path: Path, ledgers: Mapping[Key, Ledger]) -> None:
    """Replace ``path``, durably: what is acknowledged after this is never asked for again."""
    rows = [_row(topics, ledger) for (topics, _), ledger in ledgers.items()]
    fresh = path.with_name(path.name + ".new")
    try:
        with fresh.open("wb") as file:
            file.write(json.dumps({"streams": rows}, separators=(",", ":")).encode())
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as exc:
        raise LinkError(f"{path}: cannot be written ({exc.strerror}); nothing is acknowledged until it can") from exc


def _row(topics: Topics, ledger: Ledger) -> dict[str, Any]:
    return {
        "site": topics.site,
        "terminal": topics.terminal,
        "stream": ledger.stream,
        "through": ledger.head.sequence,
        "chainhash": ledger.head.chainhash,
        "holes": [_hole_row(hole) for hole in ledger.holes],
    }


def _hole_row(hole: Hole) -> dict[str, Any]:
    resumed = hole.resumed.body.decode()
    return {
        "first": hole.first,
        "last": hole.last,
        "before": hole.before,
        "resumed": resumed,
        "accounted": hole.accounted,
    }


def _ledger(row: Mapping[str, Any]) -> Ledger:
    head = ChainHead(int(row["through"]), str(row["chainhash"]))
    holes = [
        Hole(
            hole["first"], hole["last"], hole["before"], StoredEvent.parse(hole["resumed"].encode()), hole["accounted"]
        )
        for hole in row["holes"]
    ]
    return Ledger(str(row["stream"]), head, known=head.sequence, holes=holes)
