"""What every handler of messages from the centre shares: the store, the keys, the clock, and the way back up."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from livegate.config import Config
from livegate.events.cloudevents import Identity
from livegate.lists.lookup import CentralLists
from livegate.lists.receiver import Receiver
from livegate.report.session import Arrival, Message
from livegate.report.topics import Topics
from livegate.settings import Effective
from livegate.store.commands import Executed
from livegate.store.store import Store
from livegate.trust.clockfloor import FloorKeeper
from livegate.trust.envelope import Envelope, EnvelopeType, parse_envelope
from livegate.trust.keyset import Keyset
from livegate.trust.opened import open_payload
from livegate.trust.payload import KeyRole

MAX_REPLIES = 64


@dataclass(frozen=True, slots=True)
class Opened:
    """An authentic message: the members of its payload, and the envelope they came in."""

    members: Mapping[str, Any]
    envelope: Envelope


class Outbox:
    """What handlers have to say: the newest of every state, and replies in order; from any thread."""

    def __init__(self) -> None:
        self.dropped = 0
        """Replies there was no room for."""
        self._lock = threading.Lock()
        self._states: dict[str, Message] = {}
        self._unsaid: dict[str, None] = {}
        self._replies: deque[Message] = deque()

    def state(self, message: Message) -> None:
        """Publish ``message`` in place of what its topic said before; nothing happens when it says the same."""
        with self._lock:
            if self._states.get(message.topic) != message:
                self._states[message.topic] = message
                self._unsaid[message.topic] = None

    def reply(self, message: Message) -> None:
        """Publish ``message`` after those before it; dropped when too many wait."""
        with self._lock:
            if len(self._replies) < MAX_REPLIES:
                self._replies.append(message)
            else:
                self.dropped += 1

    def again(self, lost: list[Message]) -> None:
        """Say every state again, and first the ``lost`` replies, which no broker took."""
        with self._lock:
            self._unsaid = dict.fromkeys(self._states)
            self._replies.extendleft(reversed([message for message in lost if not message.retain]))

    def next(self) -> Message | None:
        """Return what to publish now, None when all is said."""
        with self._lock:
            if self._replies:
                return self._replies.popleft()
            topic = next(iter(self._unsaid), None)
            if topic is None:
                return None
            del self._unsaid[topic]
            return self._states[topic]


def _nobody(_: Executed) -> None:
    """Stand in for who replies, until there is one."""


@dataclass
class Desk:
    """Shared by all handlers; but for ``outbox`` only the MQTT thread touches it."""

    config: Config
    """The local file's."""
    effective: Effective
    """What is in force: the local file's and what the centre added."""
    identity: Identity
    topics: Topics
    store: Store
    floor: FloorKeeper
    keyset: Keyset
    lists: Receiver
    central: CentralLists
    applied: Callable[[Effective], None]
    """Puts settings in force for all threads; quick."""
    nudge: Callable[[], None]
    """Tells the decision thread that a command for the door waits."""
    outbox: Outbox = field(default_factory=Outbox)
    challenge: str = ""
    """The present connection's."""
    counts: Counter[str] = field(default_factory=Counter)

    again: bool = False
    """What is retained is to be sent again: it may have been refused for want of a key, or be needed anew."""
    executed: Callable[[Executed], None] = _nobody
    """Replies to a command for the door; from any thread."""

    def apply(self, effective: Effective) -> None:
        """Put settings in force from now on."""
        self.effective = effective
        self.applied(effective)

    def open(self, arrival: Arrival, max_bytes: int, wanted: EnvelopeType, role: KeyRole) -> Opened:
        """Return the message in ``arrival`` when it is authentic, for us, and in time; TrustError else."""
        envelope = parse_envelope(arrival.payload, max_bytes)
        members = open_payload(envelope, self.keyset, wanted, role, self.identity, self.floor.now())
        return Opened(members, envelope)
