"""One transaction: facts in, counters and events out, all of it or nothing."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass

from livegate.config import Limit, StoreConfig, WhenFull
from livegate.errors import StoreError, StoreFull
from livegate.events import kinds
from livegate.events.cloudevents import ChainHead, Identity, StoredEvent, seal
from livegate.events.environment import Environment
from livegate.gate import limits as gate_limits
from livegate.gate.facts import Clock, GateFacts, GatePolicy, LimitState, ListEntry
from livegate.store import windows
from livegate.store.pseudonyms import Pseudonyms
from livegate.types import AccessEvent, Credential, CredentialRead, Decision

# Room beyond history_events for what must still be told when attempts are refused: doors, alarms, sensors.
RESERVED_EVENTS = 256
CAPACITY_PERCENTS = (75, 90, 100)
# Dropping a share at once keeps gap events rare.
_DROP_SHARE = 20
_ORDINARY = frozenset({kinds.ACCESS_ATTEMPT, kinds.CREDENTIAL_CHANGED, kinds.LIST_APPLIED})


@dataclass(frozen=True, slots=True)
class Context:
    """What a transaction knows besides the database."""

    identity: Identity
    limits: StoreConfig
    pseudonyms: Pseudonyms
    running: windows.RunningTime
    environment: Environment
    """What the store's own events say of the circumstances."""


@dataclass(frozen=True, slots=True)
class _Stream:
    stream: str
    anchor: ChainHead
    acknowledged_through: int
    dropped_through: int
    capacity_percent: int


def capacity_reached(unacknowledged: int, history_events: int) -> int:
    """Return the highest of CAPACITY_PERCENTS that ``unacknowledged`` events reach, 0 below all of them."""
    return max((p for p in CAPACITY_PERCENTS if unacknowledged * 100 >= p * history_events), default=0)


class Transaction:
    """Made by ``Store.transaction``; usable until that block ends, in the thread that opened it."""

    def __init__(
        self, connection: sqlite3.Connection, context: Context, opened: Clock, unsaid: tuple[AccessEvent, ...] = ()
    ) -> None:
        """``unsaid`` are events of before that had no room then; they go ahead of the first one recorded here."""
        self.connection = connection
        self.context = context
        self.unsaid = unsaid
        self.opened = opened
        """The moment the transaction began; events are recorded with its wall time."""
        self._head: ChainHead | None = None
        self._running_ns = 0

    def facts(
        self, credential: CredentialRead | None, policy: GatePolicy, now: Clock, media: str | None = None
    ) -> GateFacts:
        """Return all the store knows of an attempt with ``credential`` and the spoof medium's signature ``media``."""
        known = None if credential is None else self._credential(credential)
        pseudonym = None if known is None else known.pseudonym
        entries = self._entries(pseudonym, media, now)
        return GateFacts(now, known, entries, self._limit_states(policy, pseudonym, media, now))

    def count(self, decision: Decision, policy: GatePolicy, now: Clock) -> None:
        """Count ``decision`` in the windows of every limit it concerns, and begin the lockouts that follow."""
        pseudonym = None if decision.credential is None else decision.credential.pseudonym
        running_ns = self.context.running.at(now)
        for limit in policy.limits:
            key = self._key(limit, pseudonym, decision.pad.media_signature)
            if key is not None and gate_limits.counts(limit, decision):
                windows.count(self.connection, limit, key, running_ns)

    def enqueue(self, event: AccessEvent) -> StoredEvent:
        """Record ``event`` as the next of the stream and return it; StoreError when its data is no JSON.

        Raises StoreFull when unacknowledged events fill the store and the policy is to deny; nothing is recorded then.
        """
        stream = self._stream()
        held = self.head().sequence - max(stream.acknowledged_through, stream.dropped_through)
        if held >= self._room(event.kind):
            held = self._make_room(stream, held)
        for late in self.unsaid:
            self._append(late, stream.stream)
        self.unsaid = ()
        self._tell_capacity(stream, held + 1)
        return self._append(event, stream.stream)

    def head(self) -> ChainHead:
        """Return the newest event of the stream, as this transaction sees it."""
        if self._head is None:
            self._head, self._running_ns = self._read_head()
        return self._head

    def _read_head(self) -> tuple[ChainHead, int]:
        # Read anew in every transaction: the command line may have written since the last one.
        row = self.connection.execute(
            "SELECT sequence, chainhash, running_ns FROM event ORDER BY sequence DESC LIMIT 1"
        ).fetchone()
        if row is None:
            return self._stream().anchor, 0
        return ChainHead(row[0], row[1].hex()), row[2]

    def _append(self, event: AccessEvent, stream: str) -> StoredEvent:
        head = self.head()
        try:
            stored = seal(event, self.context.identity, stream, head, self.opened.wall_s)
        except (ValueError, TypeError) as exc:
            raise StoreError(f"event {event.kind}: its data cannot be written as JSON: {exc}") from exc
        self._running_ns = max(self._running_ns, self.context.running.at(self.opened))
        self.connection.execute(
            "INSERT INTO event (sequence, chainhash, kind, running_ns, body) VALUES (?, ?, ?, ?, ?)",
            (stored.sequence, bytes.fromhex(stored.chainhash), event.kind, self._running_ns, stored.body),
        )
        self._head = ChainHead(stored.sequence, stored.chainhash)
        return stored

    def _room(self, kind: str) -> int:
        history = self.context.limits.history_events
        drops = self.context.limits.when_full is WhenFull.DROP_OLDEST
        return history if drops or kind in _ORDINARY else history + RESERVED_EVENTS

    def _make_room(self, stream: _Stream, held: int) -> int:
        """Drop the oldest unacknowledged events and own up to it; return how many are held then."""
        if self.context.limits.when_full is WhenFull.DENY:
            raise StoreFull(
                f"{held} events wait for the console's acknowledgement and [store] history_events allows no more; "
                "see whether the console runs and acknowledges, or raise history_events"
            )
        first = max(stream.acknowledged_through, stream.dropped_through) + 1
        last = first + max(1, held // _DROP_SHARE) - 1
        before, after, counts = self._drop(stream, first, last)
        self._append(kinds.gap(before, after, counts, self.opened, self.context.environment), stream.stream)
        return held - (last - first + 1) + 1

    def _drop(self, stream: _Stream, first: int, last: int) -> tuple[ChainHead, ChainHead, dict[str, int]]:
        """Delete events and return the whole hole since the last acknowledged one, earlier drops included."""
        counts, before = self._hole(stream, first)
        for kind, number in self.connection.execute(
            "SELECT kind, count(*) FROM event WHERE sequence BETWEEN ? AND ? GROUP BY kind", (first, last)
        ):
            counts[kind] = counts.get(kind, 0) + number
        (after,) = self.connection.execute("SELECT chainhash FROM event WHERE sequence = ?", (last,)).fetchone()
        self.connection.execute("DELETE FROM event WHERE sequence BETWEEN ? AND ?", (first, last))
        self.connection.execute(
            "UPDATE stream SET dropped_through = ?, dropped_counts = ?, dropped_chainhash_before = ?,"
            " dropped_chainhash_after = ?",
            (last, json.dumps(counts), bytes.fromhex(before.chainhash), after),
        )
        return before, ChainHead(last, after.hex()), counts

    def _hole(self, stream: _Stream, first: int) -> tuple[dict[str, int], ChainHead]:
        if stream.dropped_through > stream.acknowledged_through:
            row = self.connection.execute("SELECT dropped_counts, dropped_chainhash_before FROM stream").fetchone()
            return json.loads(row[0]), ChainHead(stream.acknowledged_through, row[1].hex())
        row = self.connection.execute("SELECT chainhash FROM event WHERE sequence = ?", (first - 1,)).fetchone()
        return {}, stream.anchor if row is None else ChainHead(first - 1, row[0].hex())

    def _tell_capacity(self, stream: _Stream, held: int) -> None:
        history = self.context.limits.history_events
        reached = capacity_reached(held, history)
        # Only an acknowledgement lowers it again, so that dropping at the brim does not tell the same over and over.
        if reached > stream.capacity_percent:
            self.connection.execute("UPDATE stream SET capacity_percent = ?", (reached,))
            when_full = str(self.context.limits.when_full)
            event = kinds.capacity(reached, held, history, when_full, self.opened, self.context.environment)
            self._append(event, stream.stream)

    def _stream(self) -> _Stream:
        row = self.connection.execute(
            "SELECT stream, anchor_sequence, anchor_chainhash, acknowledged_through, dropped_through, capacity_percent"
            " FROM stream"
        ).fetchone()
        return _Stream(row[0], ChainHead(row[1], row[2].hex()), *row[3:])

    def _credential(self, read: CredentialRead) -> Credential:
        pseudonym = self.context.pseudonyms.of(read.value)
        row = self.connection.execute(
            "SELECT valid_from_s, valid_until_s FROM credential WHERE pseudonym = ? AND kind = ?",
            (pseudonym, read.kind),
        ).fetchone()
        return Credential(pseudonym, read.kind, row is not None, *(row or (None, None)))

    def _entries(self, pseudonym: str | None, media: str | None, now: Clock) -> tuple[ListEntry, ...]:
        keys = (("terminal", self.context.identity.terminal), ("credential", pseudonym), ("media", media))
        found = []
        for kind, value in keys:
            rows = self.connection.execute(
                "SELECT kind, value, action, reason, until_s, source FROM list_entry"
                " WHERE kind = ? AND value = ? AND (until_s IS NULL OR until_s > ?)",
                (kind, value, now.wall_s),
            )
            found += [ListEntry(*row) for row in rows]
        return tuple(found)

    def _limit_states(
        self, policy: GatePolicy, pseudonym: str | None, media: str | None, now: Clock
    ) -> tuple[LimitState, ...]:
        running_ns = self.context.running.at(now)
        keys = [(limit, self._key(limit, pseudonym, media)) for limit in policy.limits]
        return tuple(windows.state(self.connection, limit, key, running_ns) for limit, key in keys if key is not None)

    def _key(self, limit: Limit, pseudonym: str | None, media: str | None) -> str | None:
        identity = self.context.identity
        return gate_limits.key_value(limit, pseudonym, media, identity.terminal, identity.door)
