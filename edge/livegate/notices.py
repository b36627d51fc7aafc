"""What the terminal reports of itself: its door, its sensors and its clock, each change that lasts, once."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType

from livegate.errors import StoreError
from livegate.events import kinds
from livegate.events.clock import clock_changed
from livegate.events.environment import Environment
from livegate.gate.door import Door, DoorState
from livegate.gate.facts import Clock
from livegate.store.store import Store
from livegate.trust.clockwatch import ClockWatch
from livegate.types import NS_PER_MS, AccessEvent, Faults, FrameSet, Role, SensorFault, SensorState
from livegate.watch import Watch

log = logging.getLogger(__name__)

# A sensor that flickers for less than this is not worth an event.
SENSOR_HOLD_NS = 1_000 * NS_PER_MS
# A camera's own faults are in force for 1.5 s after their last sign (capture/faults.py).
REMEMBERED = frozenset({SensorFault.COVERED, SensorFault.FROZEN, SensorFault.MISDATED, SensorFault.WRONG_FORMAT})
REMEMBERED_NS = 2_000 * NS_PER_MS
# Without a picture for this long the rgb camera counts as missing; cameras take longer to begin.
BLIND_NS = 1_000 * NS_PER_MS
BEGIN_NS = 5_000 * NS_PER_MS

_NO_FAULTS: Faults = MappingProxyType({})


class Notices:
    """Watches door, sensors and clock and records their events; keeps the environment that every event names."""

    def __init__(self, store: Store, door: Door, environment: Environment, committed: Callable[[], None]) -> None:
        """``committed`` is called after every commit and must not block."""
        self.environment = environment
        self._store = store
        self._door = door
        self._committed = committed
        self._sensors: Watch[tuple[SensorState, frozenset[SensorFault]]] = Watch(SENSOR_HOLD_NS)
        self._doors: Watch[DoorState] = Watch()
        self._ailing_ns: dict[str, int] = {}
        self._clock = ClockWatch()
        self._cause: int | None = None
        self._began_ns: int | None = None
        self._seen_ns: int | None = None

    def is_blind(self, now_ns: int) -> bool:
        """Return whether the rgb camera has shown nothing for too long."""
        return self._seen_ns is None or now_ns - self._seen_ns > BLIND_NS

    def adopt(self, environment: Environment) -> None:
        """Tell of these circumstances from now on; sensors are as they were last seen."""
        self.environment = replace(environment, sensors={**environment.sensors, **self.environment.sensors})

    def opening(self, sequence: int) -> None:
        """Remember which event, an attempt's or a command's, is about to move the door."""
        self._cause = sequence

    def sensors(self, frame_set: FrameSet | None, now: Clock, faults: Faults = _NO_FAULTS) -> None:
        """Take the sensors' states as they are in the newest FrameSet, or that there is none, and their ``faults``."""
        if self._began_ns is None:
            self._began_ns = now.monotonic_ns
        if frame_set is not None:
            states = {str(role): state for role, state in frame_set.states.items()}
            if Role.RGB in frame_set.frames:
                self._seen_ns = now.monotonic_ns
        elif not self.is_blind(now.monotonic_ns) or self._is_beginning(now.monotonic_ns):
            return
        else:
            states = {str(Role.RGB): SensorState.MISSING}
        self.environment = replace(self.environment, sensors={**self.environment.sensors, **states})
        seen = {name: (state, self._told_of(name, state, faults, now.monotonic_ns)) for name, state in states.items()}
        for change in self._sensors.changes(seen, now.monotonic_ns):
            (state, told), before = change.after, None if change.before is None else change.before[0]
            if self._record(kinds.sensor_state(change.name, state, before, now, self.environment, told)):
                self._sensors.mark(change)

    def _told_of(self, name: str, state: SensorState, faults: Faults, now_ns: int) -> frozenset[SensorFault]:
        """Return the faults to tell of a role: of one that is well again, not those its cameras still remember."""
        told = faults.get(Role(name), frozenset())
        if state is not SensorState.OK:
            self._ailing_ns[name] = now_ns
        elif now_ns - self._ailing_ns.get(name, now_ns - REMEMBERED_NS) < REMEMBERED_NS:
            return frozenset(fault for fault in told if fault not in REMEMBERED)
        return told

    def door(self, now: Clock) -> DoorState:
        """Take the door's state as it is now, and return it."""
        state = self._door.state()
        for change in self._doors.changes({"door": state}, now.monotonic_ns):
            cause = self._cause if change.after in (DoorState.UNLOCKED, DoorState.LOCKED) else None
            if self._record(kinds.door_state(change.after, now, self.environment, cause)):
                self._doors.mark(change)
                # Once it is locked again, whatever moves it next was not that grant.
                self._cause = None if change.after is DoorState.LOCKED else self._cause
        return state

    def clock(self, now: Clock) -> None:
        """Take what the clocks show now."""
        for change in self._clock.changes(now):
            if self._record(clock_changed(change, now, self.environment)):
                self._clock.mark(change)

    def _is_beginning(self, now_ns: int) -> bool:
        return self._seen_ns is None and self._began_ns is not None and now_ns - self._began_ns < BEGIN_NS

    def _record(self, event: AccessEvent) -> bool:
        """Store an event; return whether that worked. What was not stored is tried again at the next turn."""
        try:
            with self._store.transaction() as transaction:
                transaction.enqueue(event)
        except StoreError as exc:
            log.warning("event not stored", extra={"kind": event.kind, "error": str(exc)})
            return False
        self._committed()
        return True
