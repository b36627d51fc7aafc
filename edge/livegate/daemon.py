"""The daemon: builds the house from a configuration, runs its threads, and stops when one of them does.

Threads: one a camera and a reader, the decision thread, the MQTT thread, and the caller's own, which supervises and
feeds the service manager's watchdog only while turns of the decision thread really happen.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from livegate import __version__
from livegate.building import STOP_TIMEOUT_S, House, build
from livegate.clock import read_clock
from livegate.config import Config
from livegate.errors import DeviceTimeout, DriverError, StoreError
from livegate.events.environment import as_data
from livegate.evidence.keep import Committed
from livegate.gate.facts import Clock
from livegate.judge import Sight
from livegate.kernels.compiled import in_memory
from livegate.measures import house_measures
from livegate.pipeline import Snapshot
from livegate.store.store import Store
from livegate.trust.clockfloor import FloorKeeper
from livegate.watchdog import notify

if TYPE_CHECKING:
    from livegate.report.link import LinkState

log = logging.getLogger(__name__)

FRAME_TIMEOUT_S = 0.2
# A decision thread that made no turn for this long is stuck: the watchdog is no longer fed.
STUCK_S = 5.0
SUPERVISE_S = 0.5
FIRST_TURN_S = 0.01
TICK_S = 60.0

Observer = Callable[[Snapshot], None]


@dataclass(frozen=True, slots=True)
class DaemonState:
    """The daemon at one moment; ``link`` is None without an [mqtt] table."""

    alive: bool
    link: LinkState | None


class Daemon:
    """A terminal in operation between ``__enter__`` and ``__exit__``; the door is locked outside of that."""

    def __init__(self, config: Config, observer: Observer | None = None) -> None:
        """Take a configuration; ``observer`` is called in the decision thread after every turn and must be quick."""
        self._config = config
        self._observer = observer
        self._stack = ExitStack()
        self._stop = threading.Event()
        self._failure: BaseException | None = None
        self._turns = 0
        self._turned_s = 0.0
        self._floor = FloorKeeper(read_clock)
        self._house: House
        self._thread = threading.Thread(target=self._decide, name="decision", daemon=True)
        self.store: Store

    def __enter__(self) -> Self:
        """Open everything and start the threads; on a LivegateError nothing is left open."""
        with ExitStack() as stack:
            self._open(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the threads, lock the door, close everything."""
        self._stop.set()
        self._thread.join(STOP_TIMEOUT_S)
        self._stack.close()

    def run(self, stop: threading.Event) -> None:
        """Supervise until ``stop`` is set; raise what ended the decision thread, or DriverError for a device's thread.

        A terminal that would go on deaf or blind ends instead: the service manager starts it anew.
        """
        self._await_first_turn(stop)
        ticked_s = time.monotonic()
        while not stop.wait(SUPERVISE_S):
            self._check_threads()
            self._house.calibration.look(self._house.settings, self.store)
            self._house.cameras_told.look(self._house.settings, self.store)
            if time.monotonic() - self._turned_s < STUCK_S:
                notify("WATCHDOG=1")
            if time.monotonic() - ticked_s > TICK_S:
                ticked_s = time.monotonic()
                self._tick()
        notify("STOPPING=1")

    def _await_first_turn(self, stop: threading.Event) -> None:
        """Say that we are ready once a turn was made: until then nobody could come in."""
        while not self._turns and not stop.wait(FIRST_TURN_S):
            self._check_threads()
        log.info("ready", extra={"version": __version__, "terminal": self._config.terminal.id})
        notify("READY=1")

    def _check_threads(self) -> None:
        if self._failure is not None:
            raise self._failure
        ended = self._house.rig.ended() or self._house.readers.ended()
        if ended is not None:
            raise DriverError(f"'{ended}': its driver failed, see the line before; start the terminal again")

    def state(self) -> DaemonState:
        """Return how the daemon is; from any thread."""
        link = self._house.link.state() if self._house.link else None
        return DaemonState(self._thread.is_alive(), link)

    def _tick(self) -> None:
        try:
            self.store.tick(self._house.settings.rules.policy)
        except StoreError as exc:
            # A full disk must not end the terminal: it denies, and says why, for as long as that lasts.
            log.error("store not tidied", extra={"error": str(exc)})  # noqa: TRY400
        if self._house.link is not None and not self._house.link.state().alive:
            # A defect of ours: decisions go on and events stay in the store, but somebody must hear of it.
            log.error("the MQTT thread has ended; restart the terminal to report again")

    def _open(self, stack: ExitStack) -> None:
        self._house = build(self._config, self._floor, stack, self._measures)
        self.store = self._house.store
        _tell_of_kernels()
        if self._house.link is not None:
            self._house.link.start()
            stack.callback(self._house.link.stop, STOP_TIMEOUT_S)
        self._turned_s = time.monotonic()
        self._thread.start()

    def _measures(self) -> Mapping[str, float]:
        own = {"decision_turns_total": self._turns, "decision_thread_alive": float(self._thread.is_alive())}
        return {**own, **house_measures(self._house, self._floor.clock())}

    def _decide(self) -> None:
        """The decision thread. Whatever ends it, ends the daemon: a terminal that cannot decide keeps its door shut."""
        try:
            while not self._stop.is_set():
                self._turn()
        except BaseException as exc:  # noqa: BLE001 - handed to the supervising thread, which raises it
            self._failure = exc

    def _turn(self) -> None:
        try:
            frame_set = self._house.geometry.aligner.align(self._house.rig.next(FRAME_TIMEOUT_S))
        except DeviceTimeout:
            frame_set = None
        now = self._floor.clock()
        snapshot = self._house.pipeline.turn(frame_set, self._house.readers.take(), now)
        self._keep(snapshot, now)
        self._expose_for(snapshot.sight)
        self._turns += 1
        self._turned_s = time.monotonic()
        if self._observer is not None:
            self._observer(snapshot)

    def _expose_for(self, sight: Sight | None) -> None:
        """Let the cameras expose for the face presented, or the likeliest one while none is."""
        if sight is None or not sight.faces or not self._config.sensors.expose_for_face:
            return
        seen = None if sight.attempt is None else sight.attempt.latest
        face = seen.face if seen is not None and seen.frame_set is sight.frame_set else sight.faces[0]
        self._house.rig.meter(sight.frame_set, face.box)

    def _keep(self, snapshot: Snapshot, now: Clock) -> None:
        """Hand an attempt that was decided to the evidence, which keeps an attack's pictures if it is asked to."""
        sight, decision = snapshot.sight, snapshot.decision
        if sight is None or sight.attempt is None or decision is None or snapshot.sequence is None:
            return
        if not self._house.settings.effective.config.evidence.enabled:
            return
        if decision.attempt_id == sight.attempt.attempt_id:
            model = as_data(self._house.settings.rules.environment)["model"]
            committed = Committed(self.store.stream, snapshot.sequence, now.wall_s, model)
            self._house.evidence.offer(sight.attempt, decision.pad, committed, alone=len(sight.faces) <= 1)


def _tell_of_kernels() -> None:
    """Say in one line what had to be compiled because no machine code was kept of it that may be used."""
    done = in_memory()
    if done.modules:
        modules = [f"{name} {found.state}" for name, found in sorted(done.modules.items())]
        told = {"modules": modules, "seconds": round(done.seconds, 1)}
        log.warning("kernels compiled in memory, run `livegate model warm`", extra=told)
