"""The real daemon on the shipped visits, in this process or in one of its own, with a console that keeps everything."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from livegate import __version__, assets
from livegate.clock import boot_id, read_clock
from livegate.config import Config, Mqtt
from livegate.report.cloudevents import Identity
from livegate.report.topics import Topics
from livegate.store import files
from livegate.store.lists import allow
from livegate.store.pseudonyms import Pseudonyms
from livegate.store.store import open_store
from livegate.types import Credential
from livegate_drivers.clips import read_clips
from livegate_drivers.timeline import lay_out
from livegate_tools.console.centre import Rules, Seen
from livegate_tools.console.console import Console
from livegate_tools.demo.playlist import Visit, read_visits
from livegate_tools.demo.scoreboard import Programme, Scoreboard

GRANTED, DENIED = "granted", "denied"


def visits() -> dict[str, Visit]:
    """Return the shipped visits by id, in their order."""
    return {visit.id: visit for visit in read_visits(assets.visits())}


@dataclass
class Theatre:
    """One terminal over many runs: its folder, its broker's port, and all that its console was told."""

    folder: Path
    port: int
    resend_after_s: float = 2.0
    boards: list[Scoreboard] = field(default_factory=list)
    events: list[Mapping[str, Any]] = field(default_factory=list)

    @property
    def state_dir(self) -> Path:
        return self.folder / "state"

    def configure(self, shown: Sequence[Visit], *, lead_s: float, speed: float = 1.0) -> Path:
        """Write the configuration of a run that shows these visits ``lead_s`` from now, and return its path."""
        manifest = assets.visits()
        ids = [visit.id for visit in shown]
        layout = lay_out([clip.times_ms for clip in read_clips(manifest, tuple(ids))])
        origin_ns = time.monotonic_ns() + round(lead_s * 1e9)
        self.boards.append(Scoreboard(Programme(tuple(shown), layout, origin_ns, speed)))
        play = f"path = '{manifest}'\nclips = {json.dumps(ids)}\norigin_ns = {origin_ns}\nspeed = {speed}\n"
        cameras = "".join(
            f"[[camera]]\nname = '{role}'\nrole = '{role}'\ndriver = 'recording'\n{play}"
            for role in ("rgb", "nir", "depth")
        )
        path = self.folder / "terminal.toml"
        path.write_text(
            f"[terminal]\nsite = 'test'\nid = 't1'\nstate_dir = '{self.state_dir}'\n{cameras}"
            f"[[reader]]\ndriver = 'recorded'\n{play}"
            "[door]\ndriver = 'simulated'\npulse_ms = 500\n"
            "[gate]\npairing_window_ms = 2500\n"
            f"[mqtt]\nhost = '127.0.0.1'\nport = {self.port}\nresend_after_s = {self.resend_after_s}\n"
        )
        return path

    def issue_cards(self, config: Config) -> None:
        """Make every card known that somebody authorised carries, or an attacker stole."""
        identity = Identity("test", "t1", __version__, boot_id(), "door")
        known = {visit.card for visit in visits().values() if visit.card and visit.card_valid}
        with open_store(self.state_dir, identity, config.store) as store, store.transaction() as t:
            pseudonyms = Pseudonyms(files.pseudonym_key(self.state_dir))
            for kind, value in sorted(known):
                allow(t, Credential(pseudonyms.of(value), kind, known=True), read_clock())

    def console(self) -> Console:
        """Return a console, not yet started, that writes down what it is told."""
        mqtt = Mqtt("127.0.0.1", self.port)
        return Console(mqtt, self._heard, rules=Rules(scope=Topics("test", "t1"), ack_every=5))

    def opened_for(self) -> list[Visit]:
        """Return the visit of every attempt the door was opened for."""
        return [
            result.visit
            for board in self.boards
            for result in map(board.record, self.events)
            if result is not None and result.outcome == GRANTED
        ]

    def _heard(self, seen: Seen) -> None:
        self.events.append(seen.members)


def start_daemon(config: Path, log: Path) -> subprocess.Popen[bytes]:
    """Start ``livegate run`` in a process of its own, its log appended to ``log``."""
    with log.open("ab") as lines:
        return subprocess.Popen(
            [sys.executable, "-m", "livegate.cli", "run", "--config", str(config), "--log-format", "json"],
            stderr=lines,
            stdout=lines,
        )
