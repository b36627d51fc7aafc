"""How much of the store's room is taken: the stream's own row, and the bytes of the file."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from livegate.config import StoreConfig
from livegate.events.cloudevents import ChainHead
from livegate.events.integrity import Fill


@dataclass(frozen=True, slots=True)
class Stream:
    """The one row of the stream's own table, as far as recording needs it."""

    stream: str
    anchor: ChainHead
    acknowledged_through: int
    dropped_through: int
    capacity_percent: int

    @property
    def released_through(self) -> int:
        """The highest sequence that is held no more."""
        return max(self.acknowledged_through, self.dropped_through)


def read_stream(connection: sqlite3.Connection) -> Stream:
    """Return the stream's row."""
    row = connection.execute(
        "SELECT stream, anchor_sequence, anchor_chainhash, acknowledged_through, dropped_through, capacity_percent"
        " FROM stream"
    ).fetchone()
    return Stream(row[0], ChainHead(row[1], row[2].hex()), *row[3:])


def space(connection: sqlite3.Connection) -> tuple[int, int]:
    """Return how many bytes of the database hold something, and how many are free in it."""
    (pages,), (free,), (size,) = (
        connection.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * size, free * size


def fill_of(limits: StoreConfig, held: int, used_and_free: tuple[int, int], *, disk_full: bool) -> Fill:
    """Return how full the store is with ``held`` unacknowledged events, ``space`` being what it is."""
    used, free = used_and_free
    budget = limits.max_megabytes * 1_000_000
    return Fill(held, limits.history_events, used, budget, str(limits.when_full), disk_full, free)
