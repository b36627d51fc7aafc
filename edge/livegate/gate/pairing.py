"""Which credential read belongs to which attempt.

Card first: a read waits for a face that begins within the pairing window. Face first: a read during the attempt, or
within the window after its verdict, belongs to it. The newest read is the one meant (people who show the wrong card
show the right one next), and whatever was read belongs to one attempt at most.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from livegate.types import NS_PER_MS, CredentialRead, Direction


@dataclass(frozen=True, slots=True)
class Pairing:
    """The read that waits, if any, and how long a read and a face may lie apart; methods return a new value."""

    window_ns: int
    waiting: CredentialRead | None = None

    @classmethod
    def within(cls, window_ms: int) -> Pairing:
        """Return a pairing with nothing waiting and a window of ``window_ms``."""
        return cls(window_ms * NS_PER_MS)

    def offer(self, read: CredentialRead) -> Pairing:
        """Return the pairing after ``read``, which takes the place of one that waits and is not newer.

        Who leaves shows no face: a read on the way out waits for none.
        """
        if read.direction is Direction.OUT:
            return self
        if self.waiting is not None and self.waiting.read_ns > read.read_ns:
            return self
        return replace(self, waiting=read)

    def take(self, started_ns: int, now_ns: int) -> tuple[CredentialRead | None, Pairing]:
        """Return the read that belongs to an attempt begun at ``started_ns``, and the pairing without it."""
        read = self.waiting
        if read is None or not self._belongs(read, started_ns) or read.read_ns > now_ns:
            return None, self
        return read, replace(self, waiting=None)

    def may_still_come(self, judged_ns: int, now_ns: int) -> bool:
        """Return whether an attempt judged at ``judged_ns`` should go on waiting for a credential."""
        return now_ns - judged_ns < self.window_ns

    def lapse(self, now_ns: int, started_ns: int | None = None) -> tuple[CredentialRead | None, Pairing]:
        """Return the read for which no face came within the window, and the pairing without it.

        ``started_ns`` is when the attempt in view began, None without one; a read of that attempt goes on waiting for
        its verdict.
        """
        read = self.waiting
        if read is None or now_ns - read.read_ns <= self.window_ns:
            return None, self
        if started_ns is not None and self._belongs(read, started_ns):
            return None, self
        return read, replace(self, waiting=None)

    def _belongs(self, read: CredentialRead, started_ns: int) -> bool:
        return started_ns - self.window_ns <= read.read_ns
