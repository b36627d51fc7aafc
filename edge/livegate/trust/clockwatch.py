"""Watch the wall clock against the monotonic one: each step, each change of its synchronisation is noticed once.

The kernel slews both clocks alike, so what separates them is a step of the wall clock or a sleep of the machine, in
which the monotonic clock stands still. Their distance is compared with that of the last step told, not with the last
look: a clock that is moved in many small steps is noticed as well.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass

from livegate.gate.facts import Clock
from livegate.types import NS_PER_MS
from livegate.watch import Change, Watch

STEP_S = 1.0
# Kernels lose their time server for moments; what lasts as long as this is worth an event.
SYNC_HOLD_NS = 30_000 * NS_PER_MS


class ClockCause(enum.StrEnum):
    """What happened to the wall clock."""

    STEP = "step"
    ASLEEP = "asleep"
    SYNCHRONISED = "synchronised"
    UNSYNCHRONISED = "unsynchronised"
    BELOW_FLOOR = "below_floor"


@dataclass(frozen=True, slots=True)
class ClockChange:
    """One change. ``seconds``: a step forward (back: negative), a time asleep, how far below the floor (negative)."""

    cause: ClockCause
    seconds: float | None = None


class ClockWatch:
    """Compares moments as they come; a change is returned again until it is marked as told."""

    def __init__(self) -> None:
        self._now: Clock | None = None
        self._told_offset_s = 0.0
        self._told_asleep_ns = 0
        self._synchronised: Watch[bool] = Watch(SYNC_HOLD_NS)
        self._below_floor = False

    def changes(self, now: Clock) -> tuple[ClockChange, ...]:
        """Return what became of the wall clock and was not yet marked.

        How it is at the first moment is no change (``system.started`` tells it), unless it is below its floor.
        """
        if self._now is None:
            self._told_offset_s, self._told_asleep_ns = _offset_s(now), now.asleep_ns
            self._synchronised.mark(Change("clock", None, now.synchronised))
        self._now = now
        return (*self._moved(now), *self._followed(now), *self._below(now))

    def mark(self, change: ClockChange) -> None:
        """Remember that ``change``, one of those returned last, was told."""
        now = self._now
        if now is None:
            return
        match change.cause:
            case ClockCause.STEP:
                self._told_offset_s = _offset_s(now)
            case ClockCause.ASLEEP:
                self._told_asleep_ns = now.asleep_ns
            case ClockCause.BELOW_FLOOR:
                self._below_floor = True
            case ClockCause.SYNCHRONISED | ClockCause.UNSYNCHRONISED:
                self._synchronised.mark(Change("clock", None, change.cause is ClockCause.SYNCHRONISED))

    def _moved(self, now: Clock) -> Iterator[ClockChange]:
        asleep_s = (now.asleep_ns - self._told_asleep_ns) / 1e9
        if asleep_s > STEP_S:
            yield ClockChange(ClockCause.ASLEEP, asleep_s)
        step_s = _offset_s(now) - self._told_offset_s
        if abs(step_s) > STEP_S:
            yield ClockChange(ClockCause.STEP, step_s)

    def _followed(self, now: Clock) -> Iterator[ClockChange]:
        for change in self._synchronised.changes({"clock": now.synchronised}, now.monotonic_ns):
            yield ClockChange(ClockCause.SYNCHRONISED if change.after else ClockCause.UNSYNCHRONISED)

    def _below(self, now: Clock) -> Iterator[ClockChange]:
        if now.wall_s >= now.floor_s - STEP_S:
            self._below_floor = False
        elif not self._below_floor:
            yield ClockChange(ClockCause.BELOW_FLOOR, now.wall_s - now.floor_s)


def _offset_s(now: Clock) -> float:
    """Return what only a step changes: wall time less all time since the boot, asleep or not."""
    return now.wall_s - (now.monotonic_ns + now.asleep_ns) / 1e9
