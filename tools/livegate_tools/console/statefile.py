"""Keeps what a console holds and whom it knows over its restarts, in one JSON file replaced as a whole."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from livegate.errors import LinkError, TrustError
from livegate.events.cloudevents import ChainHead
from livegate.filesystem import settle
from livegate.report.topics import Topics
from livegate.trust.keys import PublicKey
from livegate_tools.console.ledger import Hole, Ledger

Key = tuple[Topics, str]
"""A terminal and one of its streams."""


@dataclass(slots=True)
class State:
    """The ledger of every stream, and the device key each terminal showed first."""

    ledgers: dict[Key, Ledger] = field(default_factory=dict)
    devices: dict[Topics, PublicKey] = field(default_factory=dict)


def read_state(path: Path) -> State:
    """Return the state in ``path``, an empty one when there is no such file; raise LinkError when it is not ours."""
    try:
        kept = json.loads(path.read_bytes())
        ledgers = {(_whose(row), row["stream"]): _ledger(row) for row in kept["streams"]}
        devices = {_whose(row): PublicKey.of_raw(bytes.fromhex(row["key"])) for row in kept.get("devices", [])}
    except FileNotFoundError:
        return State()
    except OSError as exc:
        raise LinkError(f"{path}: cannot be read ({exc.strerror})") from exc
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, TrustError) as exc:
        raise LinkError(f"{path}: is not a console's state; give another file, or move it away to begin anew") from exc
    return State(ledgers, devices)


def write_state(path: Path, state: State) -> None:
    """Replace ``path``, durably: what is acknowledged after this is never asked for again."""
    rows = [_row(topics, ledger) for (topics, _), ledger in state.ledgers.items()]
    devices = [{"site": t.site, "terminal": t.terminal, "key": key.raw.hex()} for t, key in state.devices.items()]
    fresh = path.with_name(path.name + ".new")
    try:
        with fresh.open("wb") as file:
            file.write(json.dumps({"streams": rows, "devices": devices}, separators=(",", ":")).encode())
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        # Without this a power cut may bring the old file back, and what it lacks was released.
        settle(path.parent)
    except OSError as exc:
        raise LinkError(f"{path}: cannot be written ({exc.strerror}); nothing is acknowledged until it can") from exc


def _whose(row: Mapping[str, Any]) -> Topics:
    return Topics(str(row["site"]), str(row["terminal"]))


def _row(topics: Topics, ledger: Ledger) -> dict[str, Any]:
    return {
        "site": topics.site,
        "terminal": topics.terminal,
        "stream": ledger.stream,
        "through": ledger.head.sequence,
        "chainhash": ledger.head.chainhash,
        "begins_after": ledger.begins_after,
        "signed": ledger.signed,
        "follows": ledger.follows,
        "holes": [_hole_row(hole) for hole in ledger.holes],
        "holes_forgotten": ledger.holes_forgotten,
    }


def _hole_row(hole: Hole) -> dict[str, Any]:
    return {
        "first": hole.first,
        "last": hole.last,
        "before": hole.before,
        "after": hole.after,
        "accounted": hole.accounted,
    }


def _ledger(row: Mapping[str, Any]) -> Ledger:
    head = ChainHead(int(row["through"]), str(row["chainhash"]))
    return Ledger(
        str(row["stream"]),
        head,
        known=head.sequence,
        begins_after=int(row.get("begins_after", 0)),
        signed=int(row.get("signed", 0)),
        follows=bool(row.get("follows", False)),
        holes=[_hole(hole) for hole in row["holes"]],
        holes_forgotten=int(row.get("holes_forgotten", 0)),
    )


def _hole(row: Mapping[str, Any]) -> Hole:
    return Hole(int(row["first"]), int(row["last"]), str(row["before"]), row.get("after"), accounted=row["accounted"])
