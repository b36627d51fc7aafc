"""One transaction: facts in, counters and events out, all of it or nothing."""

from __future__ import annotations

import sqlite3

from livegate.events.cloudevents import StoredEvent
from livegate.gate.facts import Clock, GateFacts, GatePolicy, ListEntry, Presence
from livegate.store import checkpoints, counting, full, gathering, presence
from livegate.store.commands import door_locked
from livegate.store.list_floor import list_floors
from livegate.store.lost import memory_lost
from livegate.store.plan import Plan
from livegate.store.rows import PERSON, key_id
from livegate.store.writing import Context, Writing
from livegate.types import AccessEvent, Credential, CredentialRead, Decision, Direction


class Transaction(Writing):
    """Made by ``Store.transaction``; usable until that block ends, in the thread that opened it."""

    def __init__(
        self, connection: sqlite3.Connection, context: Context, opened: Clock, unsaid: tuple[AccessEvent, ...] = ()
    ) -> None:
        """As for Writing."""
        super().__init__(connection, context, opened, unsaid)
        self._media: dict[str, str] = {}

    def facts(
        self, credential: CredentialRead | None, policy: GatePolicy, now: Clock, media: str | None = None
    ) -> GateFacts:
        """Return all the store knows of an attempt with ``credential`` and the spoof medium's signature ``media``.

        A medium seen before goes by the signature of its first sighting, which the facts name.
        """
        running_ns = self.context.running.at(now)
        plan = self._plan(policy)
        canonical = None if media is None else self._canonical(media)
        known, where = (None, None) if credential is None else self._holder(credential, running_ns)
        pseudonym = None if known is None else known.pseudonym
        return GateFacts(
            now,
            known,
            self._entries(pseudonym, media, canonical, plan, now),
            gathering.limit_states(
                self.connection,
                plan.asked(pseudonym, canonical),
                self.context.upkeep.everybody,
                running_ns,
                self.found,
            ),
            where,
            self._expired(now),
            door_locked(self.connection),
            canonical,
            memory_lost(self.connection),
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

    def _holder(self, read: CredentialRead, running_ns: int) -> tuple[Credential, Presence | None]:
        pseudonym = self.context.pseudonyms.of(read.value)
        known, where, is_local = gathering.holder(self.connection, pseudonym, read.kind, running_ns, self.found)
        # A damaged local row stays unknown: what the operator entered here is not to be replaced by what they did not.
        if not is_local and self.context.central is not None:
            known = self.context.central.lookup_allow(pseudonym, read.kind) or known
        return known, where

    def _entries(
        self, pseudonym: str | None, media: str | None, canonical: str | None, plan: Plan, now: Clock
    ) -> tuple[ListEntry, ...]:
        signatures = () if media is None else {media, canonical or media}
        numbers = [plan.terminal, *(key_id("media", signature) for signature in signatures)]
        if pseudonym is not None:
            numbers.append(key_id(PERSON, pseudonym))
        local = gathering.entries(self.connection, numbers, now, self.found)
        if self.context.central is None:
            return local
        pairs = [("terminal", self.context.identity.terminal), *(("media", signature) for signature in signatures)]
        if pseudonym is not None:
            pairs.append(("credential", pseudonym))
        central = self.context.central.lookup_block(pairs)
        return local + tuple(entry for entry in central if entry.until_s is None or entry.until_s > now.dates_s())

    def _expired(self, now: Clock) -> tuple[str, ...]:
        if self.context.central is None:
            return ()
        return self.context.central.stale(now.dates_s(), list_floors(self.connection))

    def _canonical(self, signature: str) -> str:
        if signature not in self._media:
            nearest = self.context.upkeep.media.nearest(self.connection, signature, self.context.media_bits)
            self._media[signature] = nearest or signature
        return self._media[signature]

    def _plan(self, policy: GatePolicy) -> Plan:
        return self.context.upkeep.plan_of(self.connection, policy.limits, self.context.identity)
