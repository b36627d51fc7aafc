"""What was given to the broker and not yet answered by it."""

from __future__ import annotations

import time

from livegate.errors import LinkError
from livegate.report.session import Message, Session


class InFlight:
    """Publishes, and remembers what the broker has not answered."""

    def __init__(self, puback_s: float) -> None:
        """A broker that is silent about a message for ``puback_s`` is given up."""
        self._puback_s = puback_s
        self._waiting: dict[int, tuple[str, float]] = {}

    def __len__(self) -> int:
        """Return how many messages the broker has not answered."""
        return len(self._waiting)

    def publish(self, session: Session, message: Message) -> int:
        """Give ``message`` to the broker; return the number its Puback will carry."""
        mid = session.publish(message)
        self._waiting[mid] = (message.topic, time.monotonic())
        return mid

    def room(self, session: Session) -> int:
        """Return how many more the broker takes now."""
        return max(0, session.receive_maximum - len(self._waiting))

    def answered(self, mid: int) -> str:
        """Forget message ``mid`` and return its topic, empty when there is none."""
        return self._waiting.pop(mid, ("", 0.0))[0]

    def clear(self) -> None:
        """Forget everything: the connection it was given to is no more."""
        self._waiting.clear()

    def check(self, now_s: float) -> None:
        """Raise LinkError when the broker is silent about a message for too long."""
        for topic, at_s in self._waiting.values():
            if now_s - at_s > self._puback_s:
                raise LinkError(f"broker took {topic} but did not acknowledge it for {self._puback_s:g} s")
            return  # The first is the oldest.
