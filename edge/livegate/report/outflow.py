"""Events on their way out: read from the store, sent in order as the window allows, and again when asked for."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable

from livegate.errors import StoreError
from livegate.events.checkpoint import CHECKPOINT
from livegate.events.cloudevents import StoredEvent, type_of
from livegate.report.in_flight import InFlight
from livegate.report.pacing import Pace
from livegate.report.rhythm import Rhythm
from livegate.report.session import Message, Session
from livegate.report.source import EventSource
from livegate.report.window import Window

CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"

_READ_AHEAD = 256
# Topic, properties and header of an event's packet.
_AROUND_BYTES = 256
# The event before a gap event, that one, and the checkpoint that signs for it, which one more may come before.
_MOST_TOLD_AHEAD = 4
_CHECKPOINT = f'"type":"{type_of(CHECKPOINT)}"'.encode()
# Of what may be in flight, this part must be free before more is sent.
_AT_ONCE = 4
# Each can make us send a whole window again. A console asks once a second, and at once after reconnecting.
_WANTS_AT_ONCE = 4


class Outflow:
    """Sends the events of ``store`` on one topic; belongs to the MQTT thread, but for ``woken``."""

    def __init__(
        self,
        store: EventSource,
        window: Window,
        in_flight: InFlight,
        topic: str,
        rhythm: Rhythm,
        counts: Counter[str],
        problem: Callable[[str], None],
    ) -> None:
        self.woken = True
        """Set by whoever committed an event; cleared once the store has been read to its end."""
        self._store = store
        self._window = window
        self._in_flight = in_flight
        self._topic = topic
        self._rhythm = rhythm
        self._counts = counts
        self._problem = problem
        self._ahead: deque[StoredEvent] = deque()
        self._unexplained = False
        self._read_due_s = 0.0
        self._last_want = (0, 0.0)
        self._wants = Pace(_WANTS_AT_ONCE, rhythm.want_again_s)

    def send(self, session: Session, now_s: float) -> None:
        """Send as many events as the window and the broker have room for."""
        # Several at once, in one write, rather than one for every puback.
        if self._in_flight.room(session) < max(1, session.receive_maximum // _AT_ONCE):
            return
        while self._window.room() and self._in_flight.room(session):
            if not self._ahead and not self._read_ahead(now_s):
                return
            if self._unexplained:
                if self._in_flight.room(session) < min(_MOST_TOLD_AHEAD + 1, session.receive_maximum):
                    return
                self._explain(session)
            event = self._ahead.popleft()
            if len(event.body) + _AROUND_BYTES <= session.max_packet_bytes:
                self._publish(session, event)
            else:
                self._pass_over(event, session)
            again = self._window.sent(event.sequence, now_s)
            self._counts["events_resent_total" if again else "events_sent_total"] += 1

    def acknowledged(self, want: int | None, now_s: float) -> None:
        """Go on behind what the window says is held; from ``want`` on, when the console asks for it."""
        while self._ahead and self._ahead[0].sequence <= self._window.next_after:
            self._ahead.popleft()
        self.woken = True
        if want is not None:
            self._answer_want(want, now_s)

    def go_back(self, after: int) -> None:
        """Send again what comes after ``after``, if any of it was sent."""
        if self._window.go_back(after):
            self._count_going_back()

    def stalled(self, now_s: float) -> bool:
        """Go back to the acknowledgement when it has been waited for too long; return whether that was so."""
        if not self._window.stalled(now_s):
            return False
        self._count_going_back()
        return True

    def _count_going_back(self) -> None:
        self._counts["resends_total"] += 1
        self._ahead.clear()
        self.woken = True

    def _answer_want(self, want: int, now_s: float) -> None:
        before, at_s = self._last_want
        if want == before and now_s - at_s < self._rhythm.want_again_s:
            return
        if want - 1 >= self._window.next_after:
            return
        if not self._wants.take(now_s):
            self._counts["wants_passed_over_total"] += 1
            return
        self._last_want = (want, now_s)
        self.go_back(want - 1)

    def _read_ahead(self, now_s: float) -> bool:
        """Read the next events; return whether there were any. Asks the store only when woken, or once in a while."""
        if not self.woken and now_s < self._read_due_s:
            return False
        self.woken = False
        self._read_due_s = now_s + self._rhythm.store_retry_s
        limit = min(_READ_AHEAD, self._window.room())
        try:
            self._ahead.extend(self._store.unacknowledged(self._window.next_after, limit))
        except StoreError as exc:
            self._problem(str(exc))
        if len(self._ahead) == limit:
            self.woken = True
        if self._ahead:
            self._unexplained = self._unexplained or self._ahead[0].sequence - 1 > self._window.next_after
            self._window.skip_to(self._ahead[0].sequence - 1)
        return bool(self._ahead)

    def _explain(self, session: Session) -> None:
        """Send the newest gap event ahead of its place, with its neighbours up to the checkpoint that signs for it.

        Without it no console goes on behind a hole, and without the signature none believes it.
        """
        try:
            gap = self._store.newest_gap()
            told = [] if gap is None else self._store.unacknowledged(max(0, gap.sequence - 2), _MOST_TOLD_AHEAD)
        except StoreError as exc:
            self._problem(str(exc))
            return
        self._unexplained = False
        if gap is None or all(event.sequence != gap.sequence for event in told):
            return
        for event in told:
            self._publish(session, event)
            if event.sequence > gap.sequence and _CHECKPOINT in event.body:
                break
        self._counts["gaps_told_ahead_total"] += 1

    def _pass_over(self, event: StoredEvent, session: Session) -> None:
        """Leave out an event no broker like this one will ever take; the console sees and keeps the hole."""
        self._counts["events_too_long_total"] += 1
        self._problem(
            f"event {event.sequence} of {len(event.body)} bytes is longer than the broker takes "
            f"({session.max_packet_bytes}); raise its maximum packet size"
        )

    def _publish(self, session: Session, event: StoredEvent) -> None:
        self._in_flight.publish(session, Message(self._topic, event.body, content_type=CONTENT_TYPE))
