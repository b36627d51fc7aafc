"""What operators say an attempt was, kept for calibration; bounded, the oldest verdicts go first."""

from __future__ import annotations

import enum
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from livegate.store.transaction import Transaction

MAX_LABELS = 100_000


class Verdict(enum.StrEnum):
    """What an attempt really was (ISO/IEC 30107-1)."""

    BONA_FIDE = "bona_fide"
    ATTACK = "attack"


@dataclass(frozen=True, slots=True)
class Label:
    """An operator's verdict; ``pai_species`` only of an attack, and only where it is known."""

    attempt_id: str
    verdict: Verdict
    pai_species: str | None
    keyid: str


def keep_label(t: Transaction, label: Label) -> None:
    """Keep ``label`` in place of an earlier one on the same attempt."""
    (newest,) = t.connection.execute("SELECT coalesce(max(number), 0) FROM label").fetchone()
    t.connection.execute(
        "INSERT OR REPLACE INTO label (attempt_id, number, label, pai_species, keyid, said_s)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (label.attempt_id, newest + 1, str(label.verdict), label.pai_species, label.keyid, t.opened.wall_s),
    )
    # Numbers have holes where a verdict was replaced, so this may forget a few early; it never keeps too many.
    t.connection.execute("DELETE FROM label WHERE number <= ?", (newest + 1 - MAX_LABELS,))


def labelled_attempts(connection: sqlite3.Connection) -> Iterator[tuple[Label, bytes]]:
    """Yield every verdict whose attempt's event is still kept, with that event as it is stored, oldest event first."""
    rows = connection.execute(
        "SELECT label.attempt_id, label.label, label.pai_species, label.keyid, event.body FROM event"
        " JOIN label ON label.attempt_id = json_extract(CAST(event.body AS TEXT), '$.data.what.attempt_id')"
        " WHERE event.kind = 'access.attempt' AND event.sequence > (SELECT anchor_sequence FROM stream)"
        " ORDER BY event.sequence"
    )
    for attempt_id, verdict, species, keyid, body in rows:
        yield Label(attempt_id, Verdict(verdict), species, keyid), bytes(body)


def count_labels(connection: sqlite3.Connection) -> int:
    """Return how many verdicts are kept."""
    (count,) = connection.execute("SELECT count(*) FROM label").fetchone()
    return int(count)
