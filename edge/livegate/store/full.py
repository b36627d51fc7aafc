"""What the store does when it fills: tell in time, keep room for the last words, deny or drop and own up to it."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace

from livegate.config import WhenFull
from livegate.errors import StoreFull
from livegate.events import central, integrity, kinds
from livegate.events.cloudevents import ChainHead
from livegate.events.integrity import Fill
from livegate.store.pruning import prune, told_again
from livegate.store.reading import chainhash_at
from livegate.store.room import Stream
from livegate.store.writing import Writing

# Room beyond history_events for what must still be told when attempts are refused: doors, alarms, sensors.
RESERVED_EVENTS = 256
CAPACITY_PERCENTS = (75, 90, 100)
# Dropping a share at once keeps gap events rare.
_DROP_SHARE = 20
_ORDINARY = frozenset(
    {
        kinds.ACCESS_ATTEMPT,
        kinds.CREDENTIAL_CHANGED,
        kinds.LIST_APPLIED,
        central.MESSAGE_REFUSED,
        central.CONFIG_APPLIED,
    }
)


def reached(fill: Fill) -> int:
    """Return the highest of CAPACITY_PERCENTS that ``fill`` reaches, 0 below all of them."""
    return max((percent for percent in CAPACITY_PERCENTS if fill.percent >= percent), default=0)


def make_room(t: Writing, kind: str) -> None:
    """Return when there is room for one more event of ``kind``, dropping old ones if the policy says so.

    Raises StoreFull when there is none and the policy is to deny.
    """
    stream = t.stream()
    fill = t.fill()
    if not _is_full(fill, kind):
        return
    if fill.is_tight:
        prune(t)
        t.stream_changed()
        if t.fill().used_bytes < fill.used_bytes and not _is_full(replace(fill, used_bytes=0), kind):
            # What the console holds already makes room, a share with each event, until the bound is kept again.
            return
    if t.context.limits.when_full is WhenFull.DENY:
        raise StoreFull(_refusal(fill))
    first = stream.released_through + 1
    # What is written at this moment stays: the event that comes must find its place in the chain.
    last = min(first + max(1, fill.unacknowledged // _DROP_SHARE), t.head().sequence) - 1
    if last < first:
        return
    _, before = _hole(t.connection, stream, first)
    again = told_again(t, first, last, before.sequence + 1)
    before, after, counts = _drop(t.connection, stream, first, last)
    t.stream_changed()
    for gap in again:
        t.append(gap)
    t.append(kinds.gap(before, after, counts, t.opened, t.context.environment))


def tell_capacity(t: Writing) -> None:
    """Record ``capacity`` when a level is reached; only an acknowledgement lowers it again."""
    fill = t.fill(coming=1)
    level = reached(fill)
    if level > t.stream().capacity_percent:
        t.connection.execute("UPDATE stream SET capacity_percent = ?", (level,))
        t.stream_changed()
        t.append(integrity.capacity(level, fill.shortage, fill, t.opened, t.context.environment))


def _is_full(fill: Fill, kind: str) -> bool:
    """Return whether there is no room; other events than the ordinary have some beyond the bounds."""
    if fill.when_full == WhenFull.DROP_OLDEST or kind in _ORDINARY:
        return fill.percent >= 100
    return fill.unacknowledged >= fill.history_events + RESERVED_EVENTS


def _refusal(fill: Fill) -> str:
    if fill.disk_full:
        return "the disk is full; free space on it"
    if fill.shortage is integrity.Shortage.BYTES:
        return (
            f"the database holds {fill.used_bytes} bytes and [store] max_megabytes allows no more; "
            "see whether the console runs and acknowledges, or raise max_megabytes"
        )
    return (
        f"{fill.unacknowledged} events wait for the console's acknowledgement and [store] history_events allows no "
        "more; see whether the console runs and acknowledges, or raise history_events"
    )


def _drop(
    connection: sqlite3.Connection, stream: Stream, first: int, last: int
) -> tuple[ChainHead, ChainHead, dict[str, int]]:
    """Delete events and return the whole hole since the last acknowledged one, earlier drops included."""
    counts, before = _hole(connection, stream, first)
    for kind, number in connection.execute(
        "SELECT kind, count(*) FROM event WHERE sequence BETWEEN ? AND ? GROUP BY kind", (first, last)
    ):
        counts[kind] = counts.get(kind, 0) + number
    (after,) = connection.execute("SELECT chainhash FROM event WHERE sequence = ?", (last,)).fetchone()
    connection.execute("DELETE FROM event WHERE sequence BETWEEN ? AND ?", (first, last))
    connection.execute(
        "UPDATE stream SET dropped_through = ?, dropped_counts = ?, dropped_chainhash_before = ?,"
        " dropped_chainhash_after = ?",
        (last, json.dumps(counts), bytes.fromhex(before.chainhash), after),
    )
    return before, ChainHead(last, after.hex()), counts


def _hole(connection: sqlite3.Connection, stream: Stream, first: int) -> tuple[dict[str, int], ChainHead]:
    if stream.dropped_through > stream.acknowledged_through:
        row = connection.execute("SELECT dropped_counts, dropped_chainhash_before FROM stream").fetchone()
        return json.loads(row[0]), ChainHead(stream.acknowledged_through, row[1].hex())
    chainhash = chainhash_at(connection, first - 1)
    return {}, stream.anchor if chainhash is None else ChainHead(first - 1, chainhash)
