"""The real daemon on the shipped visits, in this process or in one of its own, with a console that keeps everything."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from livegate import __version__, assets
from livegate.clock import boot_id, read_clock
from livegate.config import Mqtt, StoreConfig
from livegate.configfile import load
from livegate.daemon import Daemon, Observer
from livegate.events.cloudevents import Identity
from livegate.report.topics import Topics
from livegate.store import StoreReader, open_for_edit, ownkeys
from livegate.store.lists import allow
from livegate.store.pseudonyms import Pseudonyms
from livegate.types import Credential
from livegate_drivers.clips import read_clips
from livegate_drivers.timeline import lay_out
from livegate_tools.console.centre import Rules, Seen
from livegate_tools.console.console import Console
from livegate_tools.demo.playlist import Visit, read_visits
from livegate_tools.demo.scoreboard import Programme, Scoreboard

Event = Mapping[str, Any]

SIMULATED_DOOR = "driver = 'simulated'\n"
# The recording's own empty frames at both ends and this are long enough for a face to count as gone.
GAP_MS = 250.0


def visits() -> dict[str, Visit]:
    """Return the shipped visits by id, in their order."""
    return {visit.id: visit for visit in read_visits(assets.visits())}


def cast(pattern: str) -> list[Visit]:
    """Return shipped visits of the kinds asked for, each once: A an attack, L a living person whose card may pass."""
    attacks = [visit for visit in visits().values() if visit.is_attack]
    living = [visit for visit in visits().values() if visit.authorised and not visit.is_attack]
    hands = {"A": iter(attacks), "L": iter(living)}
    return [next(hands[kind]) for kind in pattern]


@dataclass(frozen=True, slots=True)
class Play:
    """How visits are shown: when the first begins, how fast, and what takes the place of the recorded parts.

    ``cameras`` names the lines of a camera's table by its role, where it is not to play the recording. Without ``port``
    the terminal has no link.
    """

    lead_s: float = 3.5
    speed: float = 1.0
    port: int | None = None
    cameras: Mapping[str, str] = field(default_factory=dict)
    door: str = SIMULATED_DOOR
    more: str = ""


@dataclass
class Theatre:
    """One terminal over many runs: its folder, and all that its console was told."""

    folder: Path
    boards: list[Scoreboard] = field(default_factory=list)
    told: list[Event] = field(default_factory=list)

    @property
    def state_dir(self) -> Path:
        return self.folder / "state"

    @property
    def programme(self) -> Programme:
        """The visits of the newest run."""
        return self.boards[-1].programme

    def configure(self, shown: Sequence[Visit], play: Play) -> Path:
        """Write the configuration of a run that begins to show these visits ``lead_s`` from now; return its path."""
        manifest = assets.visits()
        ids = [visit.id for visit in shown]
        layout = lay_out([clip.times_ms for clip in read_clips(manifest, tuple(ids))], GAP_MS)
        origin_ns = time.monotonic_ns() + round(play.lead_s * 1e9)
        self.boards.append(Scoreboard(Programme(tuple(shown), layout, origin_ns, play.speed)))
        recorded = (
            f"path = '{manifest}'\nclips = {json.dumps(ids)}\n"
            f"origin_ns = {origin_ns}\nspeed = {play.speed}\ngap_ms = {GAP_MS}\n"
        )
        recording = f"driver = 'recording'\n{recorded}"
        cameras = "".join(
            f"[[camera]]\nname = '{role}'\nrole = '{role}'\n{play.cameras.get(role, recording)}"
            for role in ("rgb", "nir", "depth")
        )
        mqtt = f"[mqtt]\nhost = '127.0.0.1'\nport = {play.port}\nresend_after_s = 1.0\n" if play.port else ""
        path = self.folder / "terminal.toml"
        path.write_text(
            f"[terminal]\nsite = 'test'\nid = 't1'\nstate_dir = '{self.state_dir}'\n{cameras}"
            f"[[reader]]\ndriver = 'recorded'\n{recorded}[door]\n{play.door}pulse_ms = 500\n"
            f"[gate]\npairing_window_ms = 2000\n{mqtt}{play.more}"
        )
        return path

    def issue_cards(self) -> None:
        """Make every card known that somebody authorised carries, or an attacker stole."""
        identity = Identity("test", "t1", __version__, boot_id(), "door")
        known = {visit.card for visit in visits().values() if visit.card and visit.card_valid}
        with open_for_edit(self.state_dir, identity, StoreConfig()) as store, store.transaction() as t:
            pseudonyms = Pseudonyms(ownkeys.pseudonym_key(self.state_dir))
            for kind, value in sorted(known):
                allow(t, Credential(pseudonyms.of(value), kind, known=True), read_clock())

    def console(self, port: int) -> Console:
        """Return a console, not yet started, that writes down what it is told."""
        return Console(Mqtt("127.0.0.1", port), self._heard, rules=Rules(scope=Topics("test", "t1"), ack_every=5))

    def run(self, path: Path, observer: Observer | None = None, after_s: float = 0.5) -> list[Event]:
        """Run the daemon in this process until the visits are over and a while longer; return all it recorded."""
        self.issue_cards()
        with Daemon(load(path), observer) as daemon:
            stop = threading.Event()
            left_s = (self.programme.end_ns - time.monotonic_ns()) / 1e9
            timer = threading.Timer(left_s + after_s, stop.set)
            timer.start()
            daemon.run(stop)
        return self.recorded()

    def recorded(self) -> list[Event]:
        """Return every event in the store."""
        with StoreReader(self.state_dir) as store:
            return [json.loads(event.body) for event in store.newest(1_000_000)]

    def visit_of(self, event: Event) -> Visit | None:
        """Return the visit that was shown, in whichever run, when ``event`` happened."""
        for board in self.boards:
            number = board.programme.number_at(event["data"]["when"]["monotonic_ns"])
            if number is not None:
                return board.programme.visit(number)
        return None

    def _heard(self, seen: Seen) -> None:
        self.told.append(seen.members)


def of_kind(events: Sequence[Event], kind: str) -> list[Event]:
    """Return the events of one kind, in their order."""
    return [event for event in events if event["type"] == f"io.livegate.{kind}.v1"]


def grants(events: Sequence[Event]) -> list[Event]:
    """Return the attempts that were granted."""
    return [event for event in of_kind(events, "access.attempt") if event["data"]["what"]["outcome"] == "granted"]


def start_daemon(config: Path, log: Path, python_path: str) -> subprocess.Popen[bytes]:
    """Start ``livegate run`` in a process of its own, with a log at ``log``."""
    with log.open("wb") as lines:
        return subprocess.Popen(
            [sys.executable, "-m", "livegate.cli", "run", "--config", str(config), "--log-format", "json"],
            stderr=lines,
            stdout=lines,
            env=os.environ | {"PYTHONPATH": python_path},
        )
