"""What the console has to say: bounded, from any thread, sent in order as the broker takes it."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field

from livegate.errors import LinkError
from livegate.report.session import Message, Puback, Session

_MAX_WAITING = 1_024


@dataclass(frozen=True, slots=True, eq=False)
class Letter:
    """A message and who waits to hear that the broker has it."""

    message: Message
    taken: Future[None] = field(default_factory=Future)


class Postbox:
    """Messages on their way to the broker; :meth:`post` may be called from any thread, the rest from MQTT's."""

    def __init__(self) -> None:
        self._waiting: deque[Letter] = deque()
        self._in_flight: dict[int, Letter] = {}
        self._lock = threading.Lock()

    def post(self, message: Message) -> Future[None]:
        """Queue ``message``; the future ends when the broker has taken it, or with LinkError when it refuses.

        Raises LinkError while too many wait already.
        """
        letter = Letter(message)
        with self._lock:
            if len(self._waiting) >= _MAX_WAITING:
                raise LinkError(
                    f"{message.topic}: {_MAX_WAITING} messages wait for the broker already; is it reachable?"
                )
            self._waiting.append(letter)
        return letter.taken

    def reconnected(self) -> None:
        """Send again, first, what the last connection did not bring to an end."""
        with self._lock:
            self._waiting.extendleft(reversed(self._in_flight.values()))
        self._in_flight.clear()

    def room(self, session: Session) -> int:
        """Return how many messages the broker takes now beside those that are in flight."""
        return max(0, session.receive_maximum - len(self._in_flight))

    def send(self, session: Session) -> None:
        """Hand over as many messages as the broker takes now."""
        for _ in range(self.room(session)):
            with self._lock:
                if not self._waiting:
                    return
                letter = self._waiting.popleft()
            self.hand_over(session, letter)

    def hand_over(self, session: Session, letter: Letter) -> None:
        """Hand over one message that does not queue; the caller has seen that there is room."""
        self._in_flight[session.publish(letter.message)] = letter

    def answered(self, answer: Puback) -> None:
        """Take the broker's answer."""
        letter = self._in_flight.pop(answer.mid, None)
        if letter is None or not letter.taken.set_running_or_notify_cancel():
            return
        if answer.refusal is None:
            letter.taken.set_result(None)
        else:
            why = f"broker does not take {letter.message.topic}: {answer.refusal}; check its access list"
            letter.taken.set_exception(LinkError(why))
