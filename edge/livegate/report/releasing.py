"""The console's acknowledgements on the terminal's side: checked, and let release events."""

from __future__ import annotations

from livegate.errors import LinkError, Refusal, StoreError, TrustError
from livegate.events.cloudevents import genesis
from livegate.report.acks import Ack, parse_ack
from livegate.report.source import EventSource
from livegate.report.window import Window

RELEASE_S = 0.25
"""Acknowledgements are written down at most so often."""


class Releasing:
    """Moves the window by acknowledgements and has the store release what they cover.

    While a backlog drains, only some are written down, the last one always: each is a commit a decision may have to
    wait for. What a crash forgets of them is sent again.
    """

    def __init__(self, store: EventSource, window: Window, consumer: str) -> None:
        """Only ``consumer`` releases events."""
        self._store = store
        self._window = window
        self._consumer = consumer
        self._waiting: Ack | None = None
        self._due_s = 0.0

    @property
    def due_s(self) -> float | None:
        """When :meth:`turn` has something to do, None while it has not."""
        return None if self._waiting is None else self._due_s

    def take(self, payload: bytes, now_s: float) -> Ack:
        """Take a message from the network; return the acknowledgement in it, which has moved the window.

        Raises LinkError, with nothing changed, for anything that is not a right acknowledgement, and StoreError.
        """
        ack = parse_ack(payload)
        known = self._check(ack)
        self._window.acknowledge(self._release(ack, now_s, known=known), now_s)
        return ack

    def turn(self, now_s: float) -> None:
        """Write down what waits when it is due; StoreError when the store fails, and then it waits on."""
        if self._waiting is not None and now_s >= self._due_s:
            self._due_s = now_s + RELEASE_S
            self.flush()

    def flush(self) -> None:
        """Write down what waits; StoreError as above."""
        ack = self._waiting
        if ack is None:
            return
        try:
            self._store.acknowledge(ack.through, ack.chainhash, ack.consumer)
        except LinkError as exc:
            self._waiting = None
            raise StoreError(f"acknowledgement of {ack.through} was right and is not any more: {exc}") from exc
        self._waiting = None

    def _release(self, ack: Ack, now_s: float, *, known: bool) -> int:
        """Return up to where the console holds everything; only what is ``known`` to have that hash may wait."""
        if ack.through <= self._window.acknowledged:
            return self._window.acknowledged
        if known and now_s < self._due_s:
            self._waiting = ack
            return ack.through
        self._waiting = None
        self._due_s = now_s + RELEASE_S
        self._store.acknowledge(ack.through, ack.chainhash, ack.consumer)
        return self._store.acknowledged_through()

    def _check(self, ack: Ack) -> bool:
        """Return whether our event at ``through`` is still kept and has its hash; TrustError when anything is wrong."""
        if ack.consumer != self._consumer:
            raise _refusal(f"it is from {ack.consumer!r}, and only {self._consumer!r} releases events")
        if ack.stream != self._store.stream:
            raise _refusal(f"it is about stream {ack.stream!r}, ours is {self._store.stream!r}")
        highest = self._window.may_have_sent
        # Wanting the one after the highest is how a console asks whether there is more.
        if ack.through > highest or (ack.want or 0) > highest + 1:
            raise _refusal(f"it speaks of {max(ack.through, ack.want or 0)}, and the highest sent is {highest}")
        ours = self._store.chainhash_at(ack.through) if ack.through else genesis(ack.stream).chainhash
        # What is not kept any more cannot be compared, and the store releases nothing on the word of it.
        gone = ours is None and ack.through <= self._window.gone_through
        if ack.chainhash != ours and not gone:
            raise _refusal(f"its chain hash at {ack.through} is not ours: one of us holds an altered stream")
        return ours == ack.chainhash


def _refusal(text: str) -> TrustError:
    return TrustError(Refusal.NOT_ALLOWED, text)
