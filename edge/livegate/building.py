"""Builds the house from a configuration: everything opened in its order, and handed what it needs of the others.

All drivers are made before anything is written or sent, so that a wrong option stops the start without a trace.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from livegate import __version__
from livegate.acceptance.following import Following
from livegate.cameras_told import CamerasTold
from livegate.capture.readers import Readers, open_readers
from livegate.capture.rig import Rig, Timing, open_rig
from livegate.clock import boot_id
from livegate.config import Config
from livegate.drivers import open_door
from livegate.errors import StoreFull
from livegate.events import central as central_events
from livegate.events.cloudevents import Identity
from livegate.events.environment import Environment, ModelInUse
from livegate.evidence.keep import EvidenceKeeper, recipient_of
from livegate.geometry.opening import Geometry, open_geometry
from livegate.installed.announcing import Judged, announce
from livegate.installed.library import Library
from livegate.installed.shelf import Shelf
from livegate.judge import Judge
from livegate.judging import open_judge, without_folders
from livegate.lists.lookup import CentralLists
from livegate.media import MATCH_BITS, MediaSigner
from livegate.pipeline import Pipeline
from livegate.report.health import Measures
from livegate.sensing.watch import SensorWatch
from livegate.settings import Settings
from livegate.store import Store, open_store
from livegate.store.commands import CommandOutcome, drop_stale
from livegate.store.files import prepare_folder
from livegate.store.ownkeys import media_key
from livegate.store.trusted import floor_s
from livegate.trust.clockfloor import FloorKeeper
from livegate.trust.device import device_key
from livegate.trust.keys import PublicKey, SigningKey
from livegate.trust.site import site_keys

if TYPE_CHECKING:
    from livegate.report.link import Link

log = logging.getLogger(__name__)

STOP_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class House:
    """All the rooms, open; the devices' threads run, the link and the decision thread do not yet.

    ``link`` is None without an [mqtt] table.
    """

    store: Store
    rig: Rig
    geometry: Geometry
    cameras_told: CamerasTold
    readers: Readers
    pipeline: Pipeline
    settings: Settings
    calibration: Following
    central: CentralLists
    evidence: EvidenceKeeper
    model: ModelInUse | None
    link: Link | None


class ListVersions(Mapping[str, int]):
    """The versions of the central lists in force at the moment it is read; what every event says of them."""

    def __init__(self, central: CentralLists) -> None:
        self._central = central

    def __getitem__(self, name: str) -> int:
        return self._now()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._now())

    def __len__(self) -> int:
        return len(self._now())

    def _now(self) -> dict[str, int]:
        return {str(name): applied.version for name, applied in self._central.versions().items()}


def build(config: Config, floor: FloorKeeper, stack: ExitStack, measures: Measures) -> House:
    """Open everything, and hand its closing to ``stack``; ``measures`` is what health tells. Raises LivegateError."""
    shelf = open_shelf(config)
    judging = open_judge(config, shelf)
    judge, model = judging.judge, judging.model
    recipient = recipient_of(config.evidence, config.path)
    root = None if config.trust.root_key_file is None else PublicKey.of_pem(config.trust.root_key_file)
    rig = open_rig(config.camera, Timing(tolerance_ms=config.sensors.tolerance_ms), config.illuminator)
    door, readers = open_door(config.door), open_readers(config.reader)
    geometry = open_geometry(config)
    stack.enter_context(door)
    state_dir = config.terminal.state_dir
    prepare_folder(state_dir)
    central = CentralLists.open(state_dir, MATCH_BITS)
    stack.callback(central.close)
    identity = Identity(config.terminal.site, config.terminal.id, __version__, boot_id(), config.door.name)
    environment = Environment(
        identity, config.door.zone, model, geometry.sha256, config.version, list_versions=ListVersions(central)
    )
    device = device_key(state_dir)
    store = _open_store(config, environment, floor, judge, device, stack)
    store.use_lists(central)
    faults = {name: without_folders(text, config) for name, text in judging.faults.items()}
    announce(store, shelf, Judged(config.detector.model, judge.best, faults), environment)
    who = f"{identity.site}/{identity.terminal}"
    evidence = EvidenceKeeper(config.evidence, recipient, state_dir, who, floor.clock, device)
    evidence.start()
    stack.callback(evidence.stop, STOP_TIMEOUT_S)
    stack.enter_context(rig)
    settings = Settings(config, environment)
    calibration = Following(state_dir, judge.models)
    calibration.look(settings, store)
    cameras_told = CamerasTold(geometry)
    cameras_told.look(settings, store)
    link = _make_link(config, store, measures)
    desk = None
    if root is not None:
        # Nor what takes in the words of a centre.
        from livegate.reporting import make_desk

        desk = make_desk(settings, store, floor, central, root, link, stack)
    # The first rules may already differ from those the judge was opened with.
    judge.adopt(settings.rules.decision, settings.rules.recalibration)
    pipeline = Pipeline(
        judge,
        store,
        door,
        lambda: settings.rules,
        link.wake if link else _nobody,
        executed=desk.executed if desk else lambda _: None,
        sensing=SensorWatch(config.sensors.when_suspect, geometry.devices, geometry.noise, rig.faults),
    )
    if desk is not None:
        desk.nudge = pipeline.nudge
    stack.enter_context(readers)
    return House(
        store, rig, geometry, cameras_told, readers, pipeline, settings, calibration, central, evidence, model, link
    )


def open_shelf(config: Config) -> Shelf:
    """Return where each model is taken from; what was installed and is damaged is left out, and said in the log."""
    shelf = Library.of(config.terminal.state_dir).shelf()
    for name, text in shelf.faults.items():
        serves = "what ships" if shelf.find(name) else "nothing"
        log.error("installed model damaged", extra={"model": name, "serves": serves, "error": text})
    return shelf


def _open_store(
    config: Config, environment: Environment, floor: FloorKeeper, judge: Judge, device: SigningKey, stack: ExitStack
) -> Store:
    state_dir, site = config.terminal.state_dir, site_keys(config.trust)
    store = stack.enter_context(
        open_store(
            state_dir,
            environment.identity,
            config.store,
            floor.clock,
            environment=environment,
            site=site,
            signer=device,
        )
    )
    judge.sign_media(MediaSigner(media_key(state_dir, derived=site.media if site else None)))
    store.match_media(MATCH_BITS)
    with store.transaction() as t:
        floor.raise_to(floor_s(t.connection))
    _drop_stale(store, environment)
    return store


def _drop_stale(store: Store, environment: Environment) -> None:
    """Drop commands of an earlier process for the door, and tell so; dropped they are even where that has no room."""
    try:
        with store.transaction() as t:
            for stale in drop_stale(t):
                outcome = CommandOutcome.DROPPED
                t.enqueue(central_events.command_executed(stale, outcome, t.opened, environment, reason="restart"))
    except StoreFull as exc:
        with store.transaction() as t:
            dropped = drop_stale(t)
        log.warning("commands dropped and not recorded", extra={"error": str(exc), "number": len(dropped)})


def _make_link(config: Config, store: Store, measures: Measures) -> Link | None:
    if config.mqtt is None:
        log.warning("no [mqtt] table: events stay in the store")
        return None
    # A terminal that reports to nobody starts without what speaks MQTT and TLS.
    from livegate.reporting import make_link

    return make_link(config, config.mqtt, store, measures)


def _nobody() -> None:
    """Stand in for who is to be woken, where there is nobody."""
