"""When each frame or card of a recording is due: pure arithmetic shared by everything that plays one recording.

Cameras and readers that are given the same recording, ``origin_ns``, ``speed`` and ``gap_ms`` stay in step,
because the layout depends on the recording's own times only, never on which role is played.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

# A single picture has no distance to a next one; it is shown as long as one of 30 a second.
SINGLE_PERIOD_MS = 1000 / 30


@dataclass(frozen=True, slots=True)
class Timeline:
    """The due times of a series of items, endless when ``loop``.

    ``times_ms`` are ascending offsets from ``origin_ns`` (monotonic) in the recording's own time, ``length_ms`` that of
    one round, ``speed`` how much faster than recorded it plays. Items are counted on through the rounds.
    """

    times_ms: tuple[float, ...]
    length_ms: float
    origin_ns: int
    speed: float = 1.0
    loop: bool = False

    def ended(self, index: int) -> bool:
        """Return whether there is no item ``index``."""
        return not self.times_ms or (not self.loop and index >= len(self.times_ms))

    def due_ns(self, index: int) -> int:
        """Return the monotonic time at which item ``index`` is due; it must not have ended."""
        turn, item = divmod(index, len(self.times_ms))
        return self.origin_ns + round((turn * self.length_ms + self.times_ms[item]) * 1e6 / self.speed)

    def first_due(self, since_ns: int) -> int:
        """Return the first index due at ``since_ns`` or later."""
        if not self.times_ms or since_ns <= self.origin_ns:
            return 0
        passed_ms = (since_ns - self.origin_ns) * self.speed / 1e6
        turn = int(passed_ms // self.length_ms) if self.loop else 0
        index = turn * len(self.times_ms) + bisect_left(self.times_ms, passed_ms - turn * self.length_ms)
        # The division rounds: the exact due times have the last word.
        while index > 0 and self.due_ns(index - 1) >= since_ns:
            index -= 1
        while not self.ended(index) and self.due_ns(index) < since_ns:
            index += 1
        return index

    @property
    def end_ns(self) -> int:
        """The monotonic time at which the first round is over."""
        return self.origin_ns + round(self.length_ms * 1e6 / self.speed)

    @property
    def period_ns(self) -> int:
        """The usual distance between items, played at ``speed``."""
        return round(period_ms(self.times_ms) * 1e6 / self.speed)


def period_ms(times_ms: Sequence[float]) -> float:
    """Return the median distance of ascending times in milliseconds."""
    distances = [later - earlier for earlier, later in pairwise(times_ms)]
    return median(distances) if distances else SINGLE_PERIOD_MS


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each clip begins when several are played one after the other, and how long one round is."""

    starts_ms: tuple[float, ...]
    length_ms: float

    def clip_at(self, passed_ms: float) -> tuple[int, int, float]:
        """Return (round, clip, milliseconds into the clip) at ``passed_ms`` >= 0 of endless play."""
        turn = int(passed_ms // self.length_ms)
        within_ms = passed_ms - turn * self.length_ms
        clip = max(0, bisect_left(self.starts_ms, within_ms + 1e-9) - 1)
        return turn, clip, within_ms - self.starts_ms[clip]


def lay_out(clips_ms: Sequence[Sequence[float]], gap_ms: float = 0.0) -> Layout:
    """Return where clips begin, given each one's frame times, with a frame period and ``gap_ms`` between them."""
    starts, passed_ms = [], 0.0
    for times_ms in clips_ms:
        starts.append(passed_ms)
        passed_ms += duration_ms(times_ms) + gap_ms
    return Layout(tuple(starts), passed_ms)


def duration_ms(times_ms: Sequence[float]) -> float:
    """Return how long a clip lasts: to its last frame and one period more."""
    return times_ms[-1] + period_ms(times_ms)
