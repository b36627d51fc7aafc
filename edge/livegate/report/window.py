"""What may be sent next: a window over the event stream that only the console's acknowledgement moves.

The broker's PUBACK says that the broker took an event, not that anybody holds it. So three places in the stream are
kept apart: what the console acknowledged, what was handed to the broker, and where sending goes on. Going back to an
earlier place (go-back-N) is how anything lost beyond the broker is sent again.
"""

from __future__ import annotations

from dataclasses import dataclass, field

_MAX_STALLS = 4


@dataclass(slots=True)
class Window:
    """The sender's place in one stream. Times are monotonic seconds given by the caller; nothing here reads a clock.

    ``acknowledged``: the console holds everything up to here. ``last_at_start``: the newest event there was when
    sending began; an earlier run of the daemon may have sent all of those, so an acknowledgement of them is no lie.
    ``span``: how many events may be out beyond the acknowledgement, so that a broker's queue for a console that is
    away is not made to overflow. ``resend_after_s``: the time without progress after which all is sent again; it
    doubles, up to sixteenfold, while nobody answers.
    """

    acknowledged: int
    last_at_start: int
    span: int
    resend_after_s: float
    next_after: int = field(init=False)
    sent_through: int = field(init=False)
    _skipped: int = field(init=False, default=0)
    _progress_s: float = field(init=False, default=0.0)
    _stalls: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self.next_after = self.acknowledged
        self.sent_through = self.acknowledged

    @property
    def may_have_sent(self) -> int:
        """The highest sequence that can be known outside this terminal."""
        return max(self.sent_through, self.last_at_start)

    @property
    def gone_through(self) -> int:
        """Nothing up to here need be kept: it was acknowledged, or the store had to drop it."""
        return max(self.acknowledged, self._skipped)

    def room(self) -> int:
        """Return how many more events may be sent now."""
        return max(0, self.gone_through + self.span - self.next_after)

    def connected(self, now_s: float) -> None:
        """Begin to wait anew: no acknowledgement could arrive while there was no connection."""
        self._progress_s = now_s

    def sent(self, sequence: int, now_s: float) -> bool:
        """Note that ``sequence`` went to the broker; return whether it had been sent before."""
        if self.sent_through <= self.acknowledged:
            self._progress_s = now_s
        again = sequence <= self.sent_through
        self.next_after = sequence
        self.sent_through = max(self.sent_through, sequence)
        return again

    def skip_to(self, sequence: int) -> None:
        """Note that nothing up to ``sequence`` is left to send: the store had to drop it, and says so in the stream."""
        if sequence > self.next_after:
            self._skipped = self.next_after = sequence

    def acknowledge(self, through: int, now_s: float) -> None:
        """Move on to ``through``, which the store has released."""
        if through > self.acknowledged:
            self.acknowledged = through
            self.next_after = max(self.next_after, through)
            self.sent_through = max(self.sent_through, through)
            self._progress_s = now_s
        self._stalls = 0

    def go_back(self, after: int) -> bool:
        """Send again from the event after ``after``; return whether that goes back at all."""
        if after >= self.next_after:
            return False
        self.next_after = after
        return True

    def due_s(self) -> float | None:
        """Return when everything unacknowledged is to be sent again, or None while nothing waits."""
        if self.sent_through <= self.acknowledged:
            return None
        return self._progress_s + self.resend_after_s * 2.0**self._stalls

    def stalled(self, now_s: float) -> bool:
        """Go back to the acknowledgement when it has been waited for too long; return whether that was so."""
        due_s = self.due_s()
        if due_s is None or now_s < due_s:
            return False
        self._progress_s = now_s
        self._stalls = min(self._stalls + 1, _MAX_STALLS)
        self.go_back(self.acknowledged)
        return True
