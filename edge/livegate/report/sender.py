"""The terminal's side of the conversation: status, events in order, health, and the acknowledgements that come back."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from livegate.config import Mqtt
from livegate.errors import LinkError, StoreError
from livegate.events.cloudevents import timestamp
from livegate.report.down.inbox import Inbox
from livegate.report.down.refusals import Refusals, reason_of
from livegate.report.health import Measures, finite, format_health
from livegate.report.in_flight import InFlight
from livegate.report.outflow import Outflow
from livegate.report.releasing import Releasing
from livegate.report.rhythm import Rhythm
from livegate.report.session import Arrival, Happening, Message, Puback, Session
from livegate.report.source import EventSource
from livegate.report.status import Presence, Status, format_status, new_challenge
from livegate.report.topics import Topics
from livegate.report.window import Window

# Half of what mosquitto queues for an absent console before it drops the newest (1000).
_SPAN = 500


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who speaks: whose topics, in which boot, with which firmware."""

    topics: Topics
    boot_id: str
    firmware: str


class Sender:
    """A Conversation of livegate.report.worker; every method belongs to the MQTT thread."""

    def __init__(
        self,
        mqtt: Mqtt,
        speaker: Speaker,
        store: EventSource,
        measures: Measures,
        problem: Callable[[str], None],
        rhythm: Rhythm | None = None,
    ):
        self.counts: Counter[str] = Counter()
        self.window = Window(store.acknowledged_through(), store.last().sequence, _SPAN, mqtt.resend_after_s)
        self._releasing = Releasing(store, self.window, mqtt.releasing_consumer)
        self._speaker = speaker
        self._store = store
        self._measures = measures
        self._problem = problem
        self._inbox: Inbox | None = None
        self._rhythm = rhythm or Rhythm()
        self._health_s = self._rhythm.health_s
        self._in_flight = InFlight(self._rhythm.puback_s)
        self._outflow = Outflow(
            store, self.window, self._in_flight, speaker.topics.events, self._rhythm, self.counts, problem
        )
        self._answers: dict[int, Message] = {}
        self._announcements: tuple[Message, ...] = ()
        self._announcing: set[int] = set()
        self._told_all: Callable[[], None] = _nothing
        self._to_announce: deque[Message] = deque()
        self._refusals = Refusals(None)
        self._health_due_s = 0.0
        self._challenge = ""
        self._since = ""

    def wake(self) -> None:
        """Note that an event was committed; from any thread."""
        self._outflow.woken = True

    def listen(self, inbox: Inbox) -> None:
        """Hand to ``inbox`` all that is no acknowledgement; before the first connection."""
        self._inbox = inbox
        self._refusals = inbox.refusals

    def announce(self, messages: tuple[Message, ...], told: Callable[[], None]) -> None:
        """Publish ``messages`` on every connection, and call ``told`` once a broker has taken all of them."""
        self._announcements, self._told_all = messages, told

    def adjust(self, resend_after_s: float, health_s: float | None) -> None:
        """Change the rhythm; ``health_s`` None for the usual one."""
        self.window.resend_after_s = resend_after_s
        self._health_s = health_s or self._rhythm.health_s

    def will(self) -> Message:
        """Return the status the broker is to publish when we are gone; draws the challenge of the next connection."""
        self._challenge = new_challenge()
        self._since = timestamp(time.time())
        return self._status(Presence.OFFLINE)

    def opened(self, session: Session) -> None:
        """Subscribe, say that we are here, and go on where the broker lost us."""
        unanswered = len(self._in_flight)
        self._in_flight.clear()
        session.subscribe(*self._filters())
        if self._inbox is not None:
            self._inbox.opened(self._challenge, list(self._answers.values()))
            self._answers.clear()
        self._in_flight.publish(session, self._status(Presence.ONLINE))
        self._to_announce = deque(self._announcements)
        self._announcing.clear()
        # A broker that remembers our session remembers what it took; one that forgot has lost its queues as well.
        after = self.window.next_after - unanswered if session.remembered else self.window.acknowledged
        self._outflow.go_back(max(after, self.window.acknowledged))
        self.window.connected(time.monotonic())
        self._health_due_s = 0.0
        self.wake()

    def turn(self, session: Session) -> float:
        """Resend when the console has been silent too long, tell our health, send what there is room for."""
        now_s = time.monotonic()
        self._in_flight.check(now_s)
        self._refusals.tell(now_s)
        self._release(now_s)
        if self._outflow.stalled(now_s):
            # The answers may be there, and the broker have lost our wish to hear them.
            session.subscribe(*self._filters())
        if now_s >= self._health_due_s:
            self._health_due_s = now_s + self._health_s
            self._in_flight.publish(session, Message(self._speaker.topics.health, self._health()))
        more = self._inbox.turn() if self._inbox is not None else False
        if self._inbox is not None and self._inbox.wants_again(now_s):
            session.subscribe(*self._filters())
        self._send_answers(session)
        self._outflow.send(session, now_s)
        due_s = min(filter(None, (self._health_due_s, self.window.due_s(), self._releasing.due_s)))
        return 0.0 if more else max(0.0, due_s - now_s)

    def happened(self, happening: Happening) -> None:
        """Take a puback, the answer to our subscription, or an acknowledgement."""
        topics = self._speaker.topics
        if isinstance(happening, Arrival):
            if happening.topic == topics.ack:
                self._take_ack(happening)
            elif self._inbox is not None:
                self._inbox.take(happening)
        elif isinstance(happening, Puback):
            topic = self._in_flight.answered(happening.mid)
            self._answers.pop(happening.mid, None)
            self._note_announced(happening.mid)
            if happening.refusal:
                self.counts["broker_refusals_total"] += 1
                self._problem(f"broker does not take {topic}: {happening.refusal}; check its access list")
        elif happening.refusal:
            self._problem(
                f"broker does not let us read {topics.ack} and the rest: {happening.refusal}; check its access list"
            )

    def closing(self, session: Session) -> None:
        """Replace the retained status, which the last will does only for those who vanish."""
        self._release(float("inf"))
        self._since = timestamp(time.time())
        self._in_flight.publish(session, self._status(Presence.OFFLINE))

    def _filters(self) -> tuple[str, ...]:
        return (self._speaker.topics.ack, *(self._inbox.filters() if self._inbox is not None else ()))

    def _note_announced(self, mid: int) -> None:
        if mid not in self._announcing:
            return
        self._announcing.discard(mid)
        if not self._announcing and not self._to_announce:
            self._told_all()

    def _send_answers(self, session: Session) -> None:
        while self._to_announce and self._in_flight.room(session):
            self._announcing.add(self._in_flight.publish(session, self._to_announce.popleft()))
        while self._inbox is not None and self._in_flight.room(session):
            message = self._inbox.next_message()
            if message is None:
                return
            self._answers[self._in_flight.publish(session, message)] = message

    def _take_ack(self, arrival: Arrival) -> None:
        now_s = time.monotonic()
        try:
            ack = self._releasing.take(arrival.payload, now_s)
        except LinkError as exc:
            self._refuse(arrival, exc)
            return
        except StoreError as exc:
            self._problem(str(exc))
            return
        self.counts["acks_accepted_total"] += 1
        self._outflow.acknowledged(ack.want, now_s)

    def _refuse(self, arrival: Arrival, error: LinkError) -> None:
        self.counts["acks_refused_total"] += 1
        self._refusals.note(
            arrival.topic, reason_of(error), f"acknowledgement: {error}", None, time.monotonic(), time.time()
        )

    def _release(self, now_s: float) -> None:
        try:
            self._releasing.turn(now_s)
        except StoreError as exc:
            self._problem(str(exc))

    def _status(self, presence: Presence) -> Message:
        status = Status(
            state=presence,
            boot_id=self._speaker.boot_id,
            challenge=self._challenge,
            since=self._since,
            firmware=self._speaker.firmware,
            stream=self._store.stream,
            sent_through=self.window.sent_through,
        )
        return Message(self._speaker.topics.status, format_status(status), retain=True)

    def _health(self) -> bytes:
        outbox = {
            "outbox_sent_through": self.window.sent_through,
            "outbox_acknowledged_through": self.window.acknowledged,
            "outbox_unacknowledged_events": max(0, self._last_sequence() - self.window.acknowledged),
        }
        try:
            measured = self._measures()
        except StoreError as exc:
            self._problem(str(exc))
            measured = {}
        said = {**outbox, **self._told(), **measured}
        fit = finite(said)
        if len(fit) < len(said):
            self.counts["measures_left_out_total"] += len(said) - len(fit)
        return format_health(self._speaker.boot_id, {**fit, **self.counts})

    def _told(self) -> Mapping[str, float]:
        return self._refusals.counts if self._inbox is None else self._inbox.measures()

    def _last_sequence(self) -> int:
        try:
            return self._store.last().sequence
        except StoreError as exc:
            self._problem(str(exc))
            return self.window.sent_through


def _nothing() -> None:
    """Stand in for who is told, where nobody is."""
