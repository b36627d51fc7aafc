"""The console as a library: takes events of any number of terminals, proves their chains, acknowledges, asks again."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from livegate.errors import LinkError
from livegate.events.cloudevents import StoredEvent
from livegate.report.acks import Ack, format_ack, parse_sequence
from livegate.report.session import MAX_PACKET_BYTES, Arrival, Happening, Message, Receipt, Session, Subscribed
from livegate.report.status import Status, parse_status
from livegate.report.topics import Topics, split
from livegate.untrusted import parse_object
from livegate_tools.console.ledger import Ledger, Taken
from livegate_tools.console.statefile import Key, read_ledgers, write_ledgers

log = logging.getLogger(__name__)

_MAX_DEPTH = 16
_PAUSE_S = 0.01
_MAX_STREAMS = 100_000


@dataclass(frozen=True, slots=True)
class Seen:
    """An event that arrived for the first time, in its place, and fits the chain; ``members`` is its parsed body."""

    topics: Topics
    stream: str
    event: StoredEvent
    members: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Rules:
    """What the console listens to and how it answers.

    ``consumer`` is the name it acknowledges under; terminals release events only to the one they are configured
    with. Acknowledgements are gathered: one after ``ack_every`` events or ``ack_after_s``, whichever is first.
    """

    scope: Topics = field(default_factory=lambda: Topics("+", "+"))
    consumer: str = "console"
    acknowledge: bool = True
    ack_every: int = 100
    ack_after_s: float = 0.2
    want_after_s: float = 1.0


@dataclass(slots=True)
class _Desk:
    """One stream's ledger, and when what is to be done about it.

    ``unsure``: a connection was made since we last asked, so the terminal may have sent what nobody kept for us.
    """

    topics: Topics
    ledger: Ledger
    pending: int = 0
    unsure: bool = False
    due_s: float | None = None
    moved_s: float = 0.0
    asked_s: float = float("-inf")


class Centre:
    """The console's side of the conversation (livegate.report.worker); every method belongs to the MQTT thread.

    ``sink`` is called once for each new event, in order, before it is acknowledged; ``state_file`` keeps the ledgers
    over restarts and is written before an acknowledgement goes out.
    """

    def __init__(
        self,
        rules: Rules,
        sink: Callable[[Seen], None],
        problem: Callable[[str], None],
        state_file: Path | None = None,
    ):
        kept = read_ledgers(state_file) if state_file else {}
        self._desks = {key: _Desk(key[0], ledger) for key, ledger in kept.items()}
        self.statuses: dict[Topics, Status] = {}
        self.health: dict[Topics, Mapping[str, Any]] = {}
        self._rules = rules
        self._sink = sink
        self._problem = problem
        self._state_file = state_file
        self._unsaved = False
        self._unanswered = 0

    def ledgers(self) -> dict[Key, Ledger]:
        """Return the ledger of every stream heard of; they are live, so only look."""
        return {key: desk.ledger for key, desk in list(self._desks.items())}

    def will(self) -> Message | None:
        """A console leaves no last will."""
        return None

    def opened(self, session: Session) -> None:
        """Ask for what our terminals publish, and say anew what we hold."""
        scope = self._rules.scope
        self._unanswered = 0
        session.subscribe(scope.status, scope.events, scope.health)
        for desk in self._desks.values():
            desk.due_s = 0.0 if desk.pending else None

    def turn(self, session: Session) -> float:
        """Acknowledge and ask where it is due."""
        if not self._rules.acknowledge:
            return 1.0
        now_s = time.monotonic()
        due = [desk for desk in self._desks.values() if self._is_due(desk, now_s)]
        if due:
            self._save()
        for desk in due[: session.receive_maximum - self._unanswered]:
            self._answer(session, desk, now_s)
        waits = [desk.due_s for desk in self._desks.values() if desk.due_s is not None]
        return max(_PAUSE_S, min(waits, default=now_s + 1) - now_s)

    def happened(self, happening: Happening) -> None:
        """Take a message, or the broker's answer."""
        if isinstance(happening, Receipt):
            self._unanswered -= 1
            if happening.refusal:
                self._problem(f"broker does not take acknowledgements: {happening.refusal}; check its access list")
        elif isinstance(happening, Subscribed):
            if happening.refusal:
                self._problem(f"broker does not let us read events: {happening.refusal}; check its access list")
        else:
            try:
                self._arrived(happening)
            except LinkError as exc:
                log.warning("message on %s refused: %s", happening.topic, exc)

    def closing(self, session: Session) -> None:
        """Acknowledge what is held."""
        for desk in self._desks.values():
            if desk.pending:
                desk.due_s = 0.0
        self.turn(session)

    def _arrived(self, arrival: Arrival) -> None:
        found = split(arrival.topic)
        if found is None:
            return
        topics, name = found
        if name == "events":
            self._take_event(topics, arrival.payload)
        elif name == "status":
            self._take_status(topics, parse_status(arrival.payload))
        elif name == "health":
            self.health[topics] = parse_object(arrival.payload, MAX_PACKET_BYTES, _MAX_DEPTH)

    def _take_status(self, topics: Topics, status: Status) -> None:
        self.statuses[topics] = status
        desk = self._desk(topics, status.stream)
        desk.ledger.claim(status.sent_through)
        desk.unsure = True
        desk.due_s = desk.moved_s = time.monotonic()

    def _take_event(self, topics: Topics, body: bytes) -> None:
        members = parse_object(body, MAX_PACKET_BYTES, _MAX_DEPTH)
        stream, chainhash = members.get("stream"), members.get("chainhash")
        if not isinstance(stream, str) or not isinstance(chainhash, str):
            raise LinkError("event lacks 'stream' or 'chainhash'")
        if members.get("source") != f"urn:livegate:{topics.site}:{topics.terminal}":
            raise LinkError(f"event comes from {members.get('source')!r}, which is not whose topic this is")
        event = StoredEvent(parse_sequence(members.get("sequence"), "sequence"), chainhash, body)
        desk = self._desk(topics, stream)
        taken = desk.ledger.take(event, members, asking=self._rules.acknowledge)
        self._plan(desk, taken)
        if taken is Taken.NEW:
            self._unsaved = True
            self._sink(Seen(topics, stream, event, members))
        elif taken is Taken.ALTERED:
            self._problem(f"{topics.site}/{topics.terminal}: event {event.sequence} of {stream} does not fit the chain")

    def _plan(self, desk: _Desk, taken: Taken) -> None:
        """Set when to answer for what was taken."""
        now_s = time.monotonic()
        after_s = self._rules.ack_after_s
        if taken is Taken.NEW:
            desk.pending += 1
            desk.moved_s = now_s
            after_s = 0.0 if desk.pending >= self._rules.ack_every else after_s
        elif taken is Taken.AHEAD:
            after_s = max(0.0, desk.asked_s + self._rules.want_after_s - now_s)
        due_s = now_s + after_s
        desk.due_s = due_s if desk.due_s is None else min(desk.due_s, due_s)

    def _is_due(self, desk: _Desk, now_s: float) -> bool:
        if desk.due_s is None and (desk.ledger.behind or desk.unsure):
            desk.due_s = max(desk.moved_s, desk.asked_s) + self._rules.want_after_s
        return desk.due_s is not None and now_s >= desk.due_s

    def _answer(self, session: Session, desk: _Desk, now_s: float) -> None:
        ledger = desk.ledger
        # What is behind a hole is surely missing; what the terminal only says it sent may still be on its way.
        quiet_s = now_s - (desk.asked_s if ledger.skipping else max(desk.asked_s, desk.moved_s))
        asks = (ledger.behind or desk.unsure) and quiet_s >= self._rules.want_after_s
        if asks:
            desk.unsure = False
            desk.asked_s = now_s
        head = ledger.head
        want = ledger.want if asks else None
        ack = Ack(ledger.stream, head.sequence, head.chainhash, self._rules.consumer, want)
        session.publish(Message(desk.topics.ack, format_ack(ack)))
        self._unanswered += 1
        desk.pending = 0
        desk.due_s = None

    def _desk(self, topics: Topics, stream: str) -> _Desk:
        desk = self._desks.get((topics, stream))
        if desk is None:
            if len(self._desks) >= _MAX_STREAMS:
                raise LinkError(f"more than {_MAX_STREAMS} streams; this one is ignored")
            desk = self._desks[topics, stream] = _Desk(topics, Ledger.begin(stream))
        return desk

    def _save(self) -> None:
        if self._state_file and self._unsaved:
            write_ledgers(self._state_file, self.ledgers())
            self._unsaved = False
