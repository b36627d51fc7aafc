"""One transaction: facts in, counters and events out, all of it or nothing."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field

from livegate.config import StoreConfig
from livegate.errors import StoreError
from livegate.events.cloudevents import ChainHead, Identity, StoredEvent, seal
from livegate.events.environment import Environment
from livegate.events.integrity import Fill
from livegate.gate.facts import Clock, GateFacts, GatePolicy, LimitState, ListEntry, Presence
from livegate.store import checkpoints, counting, full, gathering, media, presence
from livegate.store.commands import door_locked
from livegate.store.gathering import CentralLists, Finding
from livegate.store.list_floor import list_floors
from livegate.store.plan import Plan
from livegate.store.pseudonyms import Pseudonyms
from livegate.store.running import RunningTime
from livegate.store.upkeep import Upkeep
from livegate.types import AccessEvent, Credential, CredentialRead, Decision, Direction


@dataclass(frozen=True, slots=True)
class Context:
    """What a transaction knows besides the database."""

    identity: Identity
    limits: StoreConfig
    pseudonyms: Pseudonyms
    running: RunningTime
    environment: Environment
    """What the store's own events say of the circumstances."""
    central: CentralLists | None = None
    media_bits: int = 0
    """How many of a signature's bits two pictures of one medium may differ in."""
    upkeep: Upkeep = field(default_factory=Upkeep)
    signing: checkpoints.Signing = field(default_factory=checkpoints.Signing)


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
        self.found: list[Finding] = []
        """Damaged rows met on the way, for the background check to tell of."""
        self.appended = 0
        """How many events were recorded."""
        self._head: ChainHead | None = None
        self._running_ns = 0
        self._stream: full.Stream | None = None
        self._space: tuple[int, int] | None = None
        self._media: dict[str, str] = {}

    def facts(
        self, credential: CredentialRead | None, policy: GatePolicy, now: Clock, media: str | None = None
    ) -> GateFacts:
        """Return all the store knows of an attempt with ``credential`` and the spoof medium's signature ``media``.

        A medium seen before goes by the signature of its first sighting, which the facts name.
        """
        running_ns = self.context.running.at(now)
        canonical = None if media is None else self._canonical(media)
        known, where = (None, None) if credential is None else self._holder(credential, running_ns)
        pseudonym = None if known is None else known.pseudonym
        return GateFacts(
            now,
            known,
            self._entries(pseudonym, {canonical, media}, now),
            self._limit_states(policy, pseudonym, canonical, running_ns),
            presence=where,
            list_expired=self._expired(now),
            door_locked=door_locked(self.connection),
            media=canonical,
        )

    def count(self, decision: Decision, policy: GatePolicy, now: Clock) -> None:
        """Count ``decision`` under every limit it concerns and begin the lockouts that follow.

        The medium of an attack is remembered.
        """
        running_ns = self.context.running.at(now)
        signature = decision.pad.media_signature
        canonical = None if signature is None else self._canonical(signature)
        counting.remember_medium(self, decision, canonical, running_ns)
        pseudonym = None if decision.credential is None else decision.credential.pseudonym
        counting.count(self, decision, self._plan(policy).asked(pseudonym, canonical), running_ns)

    def note_passage(self, pseudonym: str, direction: Direction, now: Clock) -> None:
        """Note that the credential was let through in ``direction``, for anti-pass-back."""
        presence.note(self.connection, pseudonym, direction, self.context.running.at(now))

    def enqueue(self, event: AccessEvent) -> StoredEvent:
        """Record ``event`` as the next of the stream and return it; StoreError when its data is no JSON.

        Raises StoreFull when unacknowledged events fill the store and the policy is to deny; nothing is recorded then.
        """
        full.make_room(self, event.kind)
        for late in self.unsaid:
            self.append(late)
        self.unsaid = ()
        full.tell_capacity(self)
        stored = self.append(event)
        checkpoints.after_append(self)
        return stored

    def say_first(self, event: AccessEvent) -> None:
        """Record ``event`` ahead of the next one, in this transaction or a later one."""
        self.unsaid = (*self.unsaid, event)

    def append(self, event: AccessEvent) -> StoredEvent:
        """Record ``event`` without asking for room: for what the store itself must say."""
        head = self.head()
        try:
            stored = seal(event, self.context.identity, self.stream().stream, head, self.opened.wall_s)
        except (ValueError, TypeError) as exc:
            raise StoreError(f"event {event.kind}: its data cannot be written as JSON: {exc}") from exc
        self._running_ns = max(self._running_ns, self.context.running.at(self.opened))
        self.connection.execute(
            "INSERT INTO event (sequence, chainhash, kind, running_ns, body) VALUES (?, ?, ?, ?, ?)",
            (stored.sequence, bytes.fromhex(stored.chainhash), event.kind, self._running_ns, stored.body),
        )
        self._head = ChainHead(stored.sequence, stored.chainhash)
        self.appended += 1
        return stored

    def head(self) -> ChainHead:
        """Return the newest event of the stream, as this transaction sees it."""
        if self._head is None:
            self._head, self._running_ns = self._read_head()
        return self._head

    def stream(self) -> full.Stream:
        """Return the stream's own row, as this transaction sees it."""
        if self._stream is None:
            self._stream = full.read_stream(self.connection)
        return self._stream

    def stream_changed(self) -> None:
        """Read the stream's row and the size anew the next time: this transaction changed them."""
        self._stream = self._space = None

    def fill(self, coming: int = 0) -> Fill:
        """Return how full the store is, with so many events more than it holds."""
        held = self.head().sequence - self.stream().released_through + coming
        if self._space is None:
            self._space = full.space(self.connection)
        return full.fill_of(self.context.limits, held, self._space, disk_full=self.context.upkeep.disk_full)

    def _read_head(self) -> tuple[ChainHead, int]:
        # Read anew in every transaction: the command line may have written since the last one.
        row = self.connection.execute(
            "SELECT sequence, chainhash, running_ns FROM event ORDER BY sequence DESC LIMIT 1"
        ).fetchone()
        if row is None:
            return self.stream().anchor, 0
        return ChainHead(row[0], row[1].hex()), row[2]

    def _holder(self, read: CredentialRead, running_ns: int) -> tuple[Credential, Presence | None]:
        pseudonym = self.context.pseudonyms.of(read.value)
        known, where, is_local = gathering.holder(self.connection, pseudonym, read.kind, running_ns, self.found)
        # A damaged local row stays unknown: what the operator entered here is not to be replaced by what they did not.
        if not is_local and self.context.central is not None:
            known = self.context.central.lookup_allow(pseudonym, read.kind) or known
        return known, where

    def _entries(self, pseudonym: str | None, signatures: set[str | None], now: Clock) -> tuple[ListEntry, ...]:
        pairs = [("terminal", self.context.identity.terminal)]
        if pseudonym is not None:
            pairs.append(("credential", pseudonym))
        pairs += [("media", signature) for signature in signatures if signature is not None]
        local = tuple(gathering.entries(self.connection, pairs, now, self.found))
        if self.context.central is None:
            return local
        central = self.context.central.lookup_block(pairs)
        return local + tuple(entry for entry in central if entry.until_s is None or entry.until_s > now.dates_s())

    def _expired(self, now: Clock) -> tuple[str, ...]:
        if self.context.central is None:
            return ()
        return self.context.central.stale(now.dates_s(), list_floors(self.connection))

    def _canonical(self, signature: str) -> str:
        if signature not in self._media:
            nearest = media.nearest(self.connection, signature, self.context.media_bits)
            self._media[signature] = nearest or signature
        return self._media[signature]

    def _limit_states(
        self, policy: GatePolicy, pseudonym: str | None, media: str | None, running_ns: int
    ) -> tuple[LimitState, ...]:
        asked = tuple(self._plan(policy).asked(pseudonym, media))
        return gathering.limit_states(self.connection, asked, self.context.upkeep.everybody, running_ns, self.found)

    def _plan(self, policy: GatePolicy) -> Plan:
        return self.context.upkeep.plan_of(self.connection, policy.limits, self.context.identity)
