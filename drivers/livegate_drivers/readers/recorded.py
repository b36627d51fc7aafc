"""A reader that presents the cards of a clip manifest at the moment they were presented in the recording."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Annotated, Self

from livegate.errors import DeviceLost, DeviceTimeout
from livegate.options import Between
from livegate.types import CredentialRead
from livegate_drivers.clips import Card, read_clips
from livegate_drivers.origin import Origin, shared_origin
from livegate_drivers.timeline import Timeline, lay_out
from livegate_drivers.waiting import sleep_until


@dataclass(frozen=True, slots=True)
class Options:
    """What to play, and how; give the same as to the recording's cameras, and it plays in step with them."""

    path: Path
    loop: bool = False
    speed: Annotated[float, Between(0.01, 100)] = 1.0
    gap_ms: Annotated[float, Between(0, 3_600_000)] = 0.0
    origin_ns: int | None = None
    clips: tuple[str, ...] = ()


class RecordedReader:
    """Presents every card that falls due after it was entered, in order, late rather than never."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._origin = None if options.origin_ns is None else Origin(options.origin_ns)
        self._cards: tuple[Card, ...] = ()
        self._timeline: Timeline | None = None
        self._next = 0

    def __enter__(self) -> Self:
        """Open the recording; raise DriverError when it is missing or damaged."""
        clips = read_clips(self._options.path, self._options.clips)
        layout = lay_out([clip.times_ms for clip in clips], self._options.gap_ms)
        played = zip(layout.starts_ms, clips, strict=True)
        due = sorted(((start + clip.card.t_ms, clip.card) for start, clip in played if clip.card), key=lambda d: d[0])
        entered_ns = time.monotonic_ns()
        self._origin = self._origin or shared_origin(self._options.path, entered_ns)
        self._cards = tuple(card for _, card in due)
        times_ms = tuple(t_ms for t_ms, _ in due)
        self._timeline = Timeline(
            times_ms, layout.length_ms, self._origin.at_ns, self._options.speed, self._options.loop
        )
        self._next = max(self._next, self._timeline.first_due(entered_ns))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the recording."""
        self._timeline = None

    def read(self, timeout_s: float) -> CredentialRead:
        """Return the next card once it is due; DeviceTimeout before that, DeviceLost at the end of the recording."""
        timeline = self._timeline
        if timeline is None:
            raise DeviceLost(f"{self._options.path}: the recording is closed; enter the reader first")
        deadline_ns = time.monotonic_ns() + round(timeout_s * 1e9)
        ended = timeline.ended(self._next)
        # A recording without cards that loops never ends, it only has none.
        due_ns = timeline.end_ns if ended else timeline.due_ns(self._next)
        if due_ns > deadline_ns or (ended and self._options.loop):
            sleep_until(deadline_ns)
            raise DeviceTimeout(f"{self._options.path}: no card is due within {timeout_s:g} s")
        sleep_until(due_ns)
        if ended:
            raise DeviceLost(f"{self._options.path}: recording ended")
        card = self._cards[self._next % len(self._cards)]
        self._next += 1
        return CredentialRead(card.kind, card.value, due_ns)


def open_reader(options: Options) -> RecordedReader:
    """Return a reader playing the cards of ``options.path``."""
    return RecordedReader(options)
