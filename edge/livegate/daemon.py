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
from typing import Self

from livegate import __version__
from livegate.capture.readers import open_readers
from livegate.capture.rig import open_rig
from livegate.clock import boot_id, read_clock
from livegate.config import Config
from livegate.detect.detector import Detector
from livegate.drivers import open_door
from livegate.errors import AssetError, DeviceTimeout, DriverError, StoreError
from livegate.events.cloudevents import Identity
from livegate.events.environment import Environment, ModelInUse, as_data
from livegate.evidence.keep import Committed, EvidenceKeeper, recipient_of
from livegate.evidence.seal import Recipient
from livegate.gate.facts import Clock, GatePolicy
from livegate.judge import Judge
from livegate.media import MATCH_BITS, MediaSigner
from livegate.pipeline import Pipeline, Snapshot
from livegate.report.link import Link, LinkState
from livegate.rules import Rules
from livegate.store.files import media_key, prepare_folder
from livegate.store.store import Store, open_store
from livegate.store.trusted import floor_s
from livegate.trust.clockfloor import FloorKeeper
from livegate.trust.device import device_key
from livegate.trust.site import SiteKeys, site_keys
from livegate.watchdog import notify

log = logging.getLogger(__name__)

FRAME_TIMEOUT_S = 0.2
# A decision thread that made no turn for this long is stuck: the watchdog is no longer fed.
STUCK_S = 5.0
SUPERVISE_S = 0.5
TICK_S = 60.0
STOP_TIMEOUT_S = 5.0

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
        self._link: Link | None = None
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
        log.info("ready", extra={"version": __version__, "terminal": self._config.terminal.id})
        notify("READY=1")
        ticked_s = time.monotonic()
        while not stop.wait(SUPERVISE_S):
            if self._failure is not None:
                raise self._failure
            ended = self._rig.ended() or self._readers.ended()
            if ended is not None:
                raise DriverError(f"'{ended}': its driver failed, see the line before; start the terminal again")
            if time.monotonic() - self._turned_s < STUCK_S:
                notify("WATCHDOG=1")
            if time.monotonic() - ticked_s > TICK_S:
                ticked_s = time.monotonic()
                self._tick()
        notify("STOPPING=1")

    def state(self) -> DaemonState:
        """Return how the daemon is; from any thread."""
        link = self._link.state() if self._link else None
        return DaemonState(self._thread.is_alive(), link)

    def _tick(self) -> None:
        try:
            self.store.tick(GatePolicy.of(self._config))
        except StoreError as exc:
            # A full disk must not end the terminal: it denies, and says why, for as long as that lasts.
            log.error("store not tidied", extra={"error": str(exc)})  # noqa: TRY400
        if self._link is not None and not self._link.state().alive:
            # A defect of ours: decisions go on and events stay in the store, but somebody must hear of it.
            log.error("the MQTT thread has ended; restart the terminal to report again")

    def _open(self, stack: ExitStack) -> None:
        config = self._config
        identity = Identity(config.terminal.site, config.terminal.id, __version__, boot_id(), config.door.name)
        judge, model = open_judge(config)
        recipient = recipient_of(config.evidence, config.path)
        # All drivers are made before anything is written or sent: a wrong option stops the start without a trace.
        door, self._rig, self._readers = open_door(config.door), open_rig(config.camera), open_readers(config.reader)
        stack.enter_context(door)
        environment = Environment(identity, config.door.zone, model, config_version=config.version)
        site = site_keys(config.trust)
        self.store = stack.enter_context(self._open_store(identity, environment, site))
        salt = media_key(config.terminal.state_dir, derived=site.media if site else None)
        judge.sign_media(MediaSigner(salt))
        self.store.match_media(MATCH_BITS)
        with self.store.transaction() as t:
            self._floor.raise_to(floor_s(t.connection))
        self._evidence = self._open_evidence(recipient, environment, stack)
        stack.enter_context(self._rig)
        self._link = self._open_link(stack)
        rules = Rules.of(config, environment)
        committed = self._link.wake if self._link else _nobody_to_wake
        self._pipeline = Pipeline(judge, self.store, door, lambda: rules, committed)
        stack.enter_context(self._readers)
        self._turned_s = time.monotonic()
        self._thread.start()

    def _open_store(self, identity: Identity, environment: Environment, site: SiteKeys | None) -> Store:
        config, state_dir = self._config, self._config.terminal.state_dir
        prepare_folder(state_dir)
        return open_store(
            state_dir,
            identity,
            config.store,
            self._floor.clock,
            environment=environment,
            site=site,
            signer=device_key(state_dir),
        )

    def _open_evidence(self, recipient: Recipient | None, environment: Environment, stack: ExitStack) -> EvidenceKeeper:
        terminal = self._config.terminal
        keeper = EvidenceKeeper(
            self._config.evidence, recipient, terminal.state_dir, f"{terminal.site}/{terminal.id}", read_clock
        )
        keeper.start()
        stack.callback(keeper.stop, STOP_TIMEOUT_S)
        self._model = as_data(environment)["model"]
        return keeper

    def _open_link(self, stack: ExitStack) -> Link | None:
        if self._config.mqtt is None:
            log.warning("no [mqtt] table: events stay in the store")
            return None
        link = Link(self._config.mqtt, self._config.terminal, self.store, boot_id=boot_id(), measures=self._measures)
        link.start()
        stack.callback(link.stop, STOP_TIMEOUT_S)
        return link

    def _measures(self) -> Mapping[str, float]:
        """Return what health tells besides the link's own measures, in base units."""
        counts = self.store.counts()
        cameras = self._rig.health()
        totals = {
            f"camera_{what}_total": sum(getattr(camera, what) for camera in cameras)
            for what in ("frames", "drops", "damaged", "misdated", "frozen", "timeouts", "lost")
        }
        return {
            "decision_turns_total": self._turns,
            "store_dropped_events": counts.dropped,
            "store_database_bytes": counts.database_bytes,
            "store_wal_bytes": counts.wal_bytes,
            **totals,
            **self.store.measures(),
            **self._evidence.measures(),
        }

    def _decide(self) -> None:
        """The decision thread. Whatever ends it, ends the daemon: a terminal that cannot decide keeps its door shut."""
        try:
            while not self._stop.is_set():
                self._turn()
        except BaseException as exc:  # noqa: BLE001 - handed to the supervising thread, which raises it
            self._failure = exc

    def _turn(self) -> None:
        try:
            frame_set = self._rig.next(FRAME_TIMEOUT_S)
        except DeviceTimeout:
            frame_set = None
        now = self._floor.clock()
        snapshot = self._pipeline.turn(frame_set, self._readers.take(), now)
        self._keep(snapshot, now)
        self._turns += 1
        self._turned_s = time.monotonic()
        if self._observer is not None:
            self._observer(snapshot)

    def _keep(self, snapshot: Snapshot, now: Clock) -> None:
        """Hand an attempt that was decided to the evidence, which keeps an attack's pictures if it is asked to."""
        sight, decision = snapshot.sight, snapshot.decision
        if sight is None or sight.attempt is None or decision is None or snapshot.sequence is None:
            return
        if decision.attempt_id == sight.attempt.attempt_id:
            committed = Committed(self.store.stream, snapshot.sequence, now.wall_s, self._model)
            self._evidence.offer(sight.attempt, decision.pad, committed, alone=len(sight.faces) <= 1)


def open_judge(config: Config) -> tuple[Judge, ModelInUse | None]:
    """Return the judge of a configuration and the model it uses.

    A model that is not what its manifest says is never loaded: the terminal goes on without a network, says so, and its
    verdicts are non-responses. Raises ConfigError when the configured runtime is not installed.
    """
    roles = frozenset(camera.role for camera in config.camera)
    try:
        judge = Judge.open(config.detector, config.decision, roles)
    except AssetError as exc:
        log.error("model not loaded, the door stays shut", extra={"error": str(exc)})  # noqa: TRY400
        return Judge.without_network(roles, config.decision), None
    if not isinstance(judge.detector, Detector):
        return judge, None
    manifest = judge.detector.manifest
    return judge, ModelInUse(manifest.model.name, manifest.model.sha256, judge.boundaries.accept_llr)


def _nobody_to_wake() -> None:
    """Stand in for the link where there is none."""
