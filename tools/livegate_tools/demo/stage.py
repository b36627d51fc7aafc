"""Set the stage: a temporary terminal with its cards, a broker, a console, and the real daemon between them."""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from livegate import __version__, assets
from livegate.clock import boot_id, read_clock
from livegate.config import Config, DriverChoice, Mqtt, Runtime
from livegate.configfile import load
from livegate.daemon import Daemon, Observer
from livegate.errors import AssetError, RuntimeMissing
from livegate.events.cloudevents import Identity
from livegate.judge import Judge
from livegate.judging import without_network
from livegate.report.topics import Topics
from livegate.store import open_store, ownkeys
from livegate.store.lists import allow
from livegate.store.pseudonyms import Pseudonyms
from livegate.types import Credential, Step
from livegate_drivers.clips import read_clips
from livegate_drivers.timeline import lay_out
from livegate_tools.console.centre import Rules, Seen
from livegate_tools.console.console import Console
from livegate_tools.demo.broker import LOOPBACK, EmbeddedBroker
from livegate_tools.demo.playlist import Visit
from livegate_tools.demo.scoreboard import Programme, Result, Scoreboard

log = logging.getLogger(__name__)

# Time for cameras to be opened and the network to be loaded before the first visitor comes.
LEAD_S = 3.0
# Between visits, so that the terminal has noticed that one has left before the next comes.
GAP_MS = 400.0
STOP_TIMEOUT_S = 5.0


class Stage:
    """Everything the demonstration needs, running between ``__enter__`` and ``__exit__``; it leaves nothing behind."""

    def __init__(
        self,
        visits: Sequence[Visit],
        speed: float,
        observer: Observer,
        received: Callable[[Mapping[str, Any], Result | None], None],
        *,
        loop: bool,
        runtime: Runtime = Runtime.AUTO,
    ) -> None:
        """Take what to show; ``observer`` sees every turn of the daemon. Where no network runs, textures may open.

        ``received`` is given every event that reached the console, and the result if it settles a visit.
        """
        self._visits = tuple(visits)
        self._speed = speed
        self._loop = loop
        self._runtime = runtime
        self._observer = observer
        self._received = received
        self._stack = ExitStack()
        self.config: Config
        self.daemon: Daemon
        self.console: Console
        self.scoreboard: Scoreboard

    def __enter__(self) -> Self:
        """Start broker, console and daemon."""
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="livegate-demo-")))
            broker = stack.enter_context(EmbeddedBroker())
            self.config = self._configure(folder / "state", broker.port)
            _issue_cards(self.config, self._visits)
            self.console = self._open_console(self.config)
            self.console.start()
            stack.callback(self.console.stop, STOP_TIMEOUT_S)
            self.daemon = stack.enter_context(Daemon(self.config, self._observer))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop everything."""
        self._stack.close()

    def settle(self, timeout_s: float) -> tuple[int, int]:
        """Wait until the console holds all the terminal recorded; return how many events were recorded and received."""
        deadline_s = time.monotonic() + timeout_s
        while True:
            recorded = self.daemon.store.last().sequence
            received = sum(state.through for state in self.console.streams())
            if received >= recorded or time.monotonic() > deadline_s:
                return recorded, received
            time.sleep(0.05)

    def _configure(self, state_dir: Path, port: int) -> Config:
        """Return the shipped demo configuration, pointed at these visits and this broker."""
        config = judged_in(self._runtime, load(assets.config("demo")))
        manifest = assets.visits()
        ids = tuple(visit.id for visit in self._visits)
        clips = read_clips(manifest, ids)
        origin_ns = time.monotonic_ns() + round(LEAD_S * 1e9)
        self.scoreboard = Scoreboard(
            Programme(
                self._visits, lay_out([clip.times_ms for clip in clips], GAP_MS), origin_ns, self._speed, self._loop
            )
        )
        played = {
            "path": str(manifest),
            "clips": list(ids),
            "origin_ns": origin_ns,
            "speed": self._speed,
            "loop": self._loop,
            "gap_ms": GAP_MS,
        }
        return replace(
            config,
            terminal=replace(config.terminal, state_dir=state_dir),
            camera=tuple(replace(camera, source=_playing(camera.source, played)) for camera in config.camera),
            reader=tuple(replace(reader, source=_playing(reader.source, played)) for reader in config.reader),
            mqtt=replace(_mqtt(config), host=LOOPBACK, port=port),
        )

    def _open_console(self, config: Config) -> Console:
        mqtt, terminal = _mqtt(config), config.terminal
        rules = Rules(scope=Topics(terminal.site, terminal.id), consumer=mqtt.releasing_consumer)
        return Console(mqtt, self._take, rules=rules)

    def _take(self, seen: Seen) -> None:
        self._received(seen.members, self.scoreboard.record(seen.members))


def judged_in(runtime: Runtime, config: Config) -> Config:
    """Return ``config`` with another runtime, opened once: what is compiled at first use keeps no visitor waiting."""
    config = replace(config, detector=replace(config.detector, runtime=runtime))
    if runtime is Runtime.NONE:
        config = replace(config, decision=replace(config.decision, least_step=Step.TEXTURE))
    roles = frozenset(camera.role for camera in config.camera)
    for detector in (config.detector, without_network(config.detector)):
        # What cannot be opened the terminal itself says; it then judges by textures, whose kernels take longest.
        with suppress(AssetError, RuntimeMissing):
            Judge.open(detector, config.decision, roles)
            break
    return config


def _playing(choice: DriverChoice, options: Mapping[str, Any]) -> DriverChoice:
    return replace(choice, options=dict(options))


def _mqtt(config: Config) -> Mqtt:
    if config.mqtt is None:
        raise AssetError(f"{config.path}: lacks [mqtt]; reinstall Livegate, its demo configuration was changed")
    return config.mqtt


def _issue_cards(config: Config, visits: Sequence[Visit]) -> None:
    """Make the cards of authorised visits known to the terminal, and those that attackers stole from such people."""
    terminal = config.terminal
    identity = Identity(terminal.site, terminal.id, __version__, boot_id(), config.door.name)
    with open_store(terminal.state_dir, identity, config.store) as store, store.transaction() as t:
        pseudonyms = Pseudonyms(ownkeys.pseudonym_key(terminal.state_dir))
        for kind, value in sorted({visit.card for visit in visits if visit.card and visit.card_valid}):
            allow(t, Credential(pseudonyms.of(value), kind, known=True), read_clock(), reason="demonstration")
