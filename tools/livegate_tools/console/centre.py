"""The console's side of the conversation: takes what terminals publish, proves it, answers, says what is to be said."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path

from livegate.errors import LinkError
from livegate.events.cloudevents import ChainHead
from livegate.report.acks import format_ack
from livegate.report.session import Arrival, Happening, Message, Puback, Session
from livegate.report.topics import Topics, split
from livegate_tools.console.commanding import Commands
from livegate_tools.console.desks import Desks, Rules
from livegate_tools.console.devices import Devices
from livegate_tools.console.heard import Heard, check_terminal
from livegate_tools.console.ledger import Ledger, Taken
from livegate_tools.console.listserving import ListServer
from livegate_tools.console.posting import Letter, Postbox
from livegate_tools.console.problems import Problems
from livegate_tools.console.reading import Seen, read_event
from livegate_tools.console.receipts import Receipts
from livegate_tools.console.statefile import Key, State, read_state, write_state

__all__ = ["Centre", "Rules", "Seen"]

_PAUSE_S = 0.01
_TOPIC_SHOWN = 128
_LIST_STATE = re.compile(r"lists/(block|allow)/state")


class Centre:
    """A Conversation of livegate.report.worker; every method belongs to the MQTT thread.

    ``sink`` is called once for each new event, in order, before it is acknowledged. When it raises LivegateError the
    connection is made anew and the event is asked for again, and given again. ``settle`` is called before an
    acknowledgement goes out, and then ``state_file`` is written, which keeps the ledgers over restarts.
    """

    def __init__(
        self,
        rules: Rules,
        sink: Callable[[Seen], None],
        problem: Callable[[str], None],
        state_file: Path | None = None,
        receipts: Receipts | None = None,
        settle: Callable[[], None] | None = None,
    ):
        kept = read_state(state_file) if state_file else State()
        self.heard = Heard()
        self.postbox = Postbox()
        self.commands = Commands()
        self.lists = ListServer()
        self._problems = Problems(problem)
        self._desks = Desks(rules, kept.ledgers, self._problems)
        self._devices = Devices(kept.devices)
        self._receipts = receipts
        self._settle = settle
        self._rules = rules
        self._sink = sink
        self._state_file = state_file
        self._unsaved = False

    def ledgers(self) -> dict[Key, Ledger]:
        """Return the ledger of every stream heard of; they are live, so only look."""
        return self._desks.ledgers()

    def will(self) -> Message | None:
        """A console leaves no last will."""
        return None

    def opened(self, session: Session) -> None:
        """Ask for what our terminals publish, and say anew what we hold."""
        scope = self._rules.scope
        # The status last: once it is here, so is what else the broker keeps of a terminal.
        session.subscribe(scope.replies, scope.twin_reported, scope.list_state("+"))
        session.subscribe(*((scope.events, scope.health) if self._rules.follow else ()), scope.status)
        self.postbox.reconnected()
        self._desks.reconnected()

    def turn(self, session: Session) -> float:
        """Acknowledge and ask where it is due; send what is to be sent."""
        if self._rules.acknowledge:
            self._acknowledge(session)
        self.postbox.send(session)
        self._send_chunks(session)
        due_s = self._desks.next_s() if self._rules.acknowledge else math.inf
        return max(_PAUSE_S, min(1.0, due_s))

    def happened(self, happening: Happening) -> None:
        """Take a message, or the broker's answer."""
        if isinstance(happening, Arrival):
            self._arrived(happening)
        elif isinstance(happening, Puback):
            if happening.refusal:
                text = f"broker does not take a message: {happening.refusal}; check its access list"
                self._problems.report("puback", text)
            self.postbox.answered(happening)
        elif happening.refusal:
            text = f"broker does not let us read: {happening.refusal}; check its access list"
            self._problems.report("subscribed", text)

    def closing(self, session: Session) -> None:
        """Acknowledge what is held."""
        self._desks.reconnected()
        self.turn(session)

    def _acknowledge(self, session: Session) -> None:
        room = self.postbox.room(session)
        if not room or not self._desks.due():
            return
        self._save()
        for topics, ack in self._desks.answers(room):
            self.postbox.hand_over(session, Letter(Message(topics.ack, format_ack(ack))))

    def _send_chunks(self, session: Session) -> None:
        """Fill what room the broker has left; chunks are read when they can be sent, and never queue."""
        self.lists.turn(self.heard.lists, self.heard.is_online)
        try:
            while self.postbox.room(session) and (message := self.lists.next_message()) is not None:
                self.postbox.hand_over(session, Letter(message))
        except LinkError as exc:
            self._problems.report("chunk", str(exc))

    def _arrived(self, arrival: Arrival) -> None:
        found = split(arrival.topic)
        if found is None:
            return
        topics, name = found
        try:
            check_terminal(topics)
            if name != "events":
                self._take_word(topics, name, arrival.payload)
                return
            seen = read_event(topics, arrival.payload)
            self._desks.know(seen.topics, seen.stream)
        except LinkError as exc:
            topic = arrival.topic[:_TOPIC_SHOWN]
            self._problems.report(("refused", topic), f"message on {topic!r}: {exc}")
            return
        self._take_event(seen)

    def _take_word(self, topics: Topics, name: str, payload: bytes) -> None:
        """Take what a terminal says beside its events."""
        if name == "status":
            status = self.heard.take_status(topics, payload)
            self._desks.claim(topics, status.stream, status.sent_through)
        elif name == "health":
            self._take_health(topics, payload)
        elif name == "replies":
            self.commands.take_reply(topics, payload)
        elif name == "twin/reported":
            self.heard.take_twin(topics, payload)
        elif (listed := _LIST_STATE.fullmatch(name)) is not None:
            state = self.heard.take_list(topics, listed[1], payload)
            self.lists.hear(topics, listed[1], state)

    def _take_health(self, topics: Topics, payload: bytes) -> None:
        gauges = self.heard.take_health(topics, payload).get("gauges")
        status = self.heard.statuses.get(topics)
        released = gauges.get("outbox_acknowledged_through") if isinstance(gauges, dict) else None
        if status is not None and isinstance(released, int):
            self._desks.claim_released(topics, status.stream, released)

    def _take_event(self, seen: Seen) -> None:
        if self._desks.take(seen, self._keep, self._devices.proves) is Taken.ALTERED:
            where = f"{seen.topics.site}/{seen.topics.terminal}"
            text = f"{where}: event {seen.event.sequence} of {seen.stream} does not fit the chain"
            self._problems.report(("altered", seen.topics), text)

    def _keep(self, seen: Seen) -> None:
        self._sink(seen)
        self._unsaved = True
        self._countersign(seen)

    def _countersign(self, seen: Seen) -> None:
        try:
            signed = self._devices.check(seen)
        except LinkError as exc:
            self._problems.report(("device", seen.topics), str(exc))
            return
        if signed is None:
            return
        self._desks.vouch(seen.topics, seen.stream, signed.sequence)
        if self._receipts is not None:
            self._receipts.sign(seen.stream, ChainHead(seen.event.sequence, seen.event.chainhash))

    def _save(self) -> None:
        # The state last: what it says is held must be.
        if self._settle is not None:
            self._settle()
        if self._receipts is not None:
            self._receipts.settle()
        if self._state_file and self._unsaved:
            write_state(self._state_file, State(self._desks.ledgers(), self._devices.keys))
            self._unsaved = False
