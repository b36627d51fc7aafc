"""The whole daemon is killed at random points of visits, over and over: what it acknowledged and told must hold.

Whether the model takes an attack for a person is for tests/replay/test_visits.py; here the door may only have moved for
a decision that was committed.
"""

from __future__ import annotations

import random
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from livegate.audit.chain import verify_chain
from livegate.events.cloudevents import genesis
from livegate.store import StoreReader
from support import witnessed_door
from support.brokers import Mosquitto
from support.records import record, times
from support.theatre import Play, Theatre, grants, of_kind, start_daemon, visits
from support.waiting import eventually

KILLS = times(8, 100)
# The visits of one run, and how fast they pass.
SHOWN = 2
SPEED = 5.0
# This share of the kills comes while the daemon starts.
EARLY = 0.25

pytestmark = [pytest.mark.broker, pytest.mark.timeout(1_800)]


@dataclass
class Ordeal:
    """A terminal whose daemon is killed again and again."""

    theatre: Theatre
    port: int
    python_path: str
    starts_s: float = 1.0
    lives: list[tuple[int, int]] = field(default_factory=list)
    """When each process began and ended."""

    @property
    def book(self) -> Path:
        return self.theatre.folder / "door.txt"

    def start(self, chance: random.Random) -> tuple[subprocess.Popen[bytes], Path]:
        shown = chance.sample(list(visits().values()), SHOWN)
        door = f"driver = 'witnessed'\nbook = '{self.book}'\n"
        # However slow the machine, it shall be there when the first visitor comes.
        play = Play(lead_s=1.1 * self.starts_s, speed=SPEED, port=self.port, door=door)
        log = self.theatre.folder / f"daemon-{len(self.theatre.boards)}.log"
        return start_daemon(self.theatre.configure(shown, play), log, self.python_path), log

    def kill_one(self, chance: random.Random) -> None:
        began_ns = time.monotonic_ns()
        process, log = self.start(chance)
        if chance.random() < EARLY:
            time.sleep(chance.uniform(0.0, self.starts_s))
        else:
            eventually(lambda: is_ready(log), f"ready in {log}")
            programme = self.theatre.programme
            at_ns = chance.uniform(programme.origin_ns, programme.end_ns)
            time.sleep(max(0.0, (at_ns - time.monotonic_ns()) / 1e9))
        assert process.poll() is None, log.read_text()
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.lives.append((began_ns, time.monotonic_ns()))

    def live_one(self, chance: random.Random) -> None:
        """Let one run come to its end, and everything to the console."""
        began_ns = time.monotonic_ns()
        process, log = self.start(chance)
        eventually(lambda: is_ready(log), f"ready in {log}")
        self.starts_s = (time.monotonic_ns() - began_ns) / 1e9
        eventually(lambda: time.monotonic_ns() > self.theatre.programme.end_ns, "the end of the visits")
        eventually(self.all_told, "everything at the console", timeout_s=60)
        process.terminate()
        assert process.wait(20) == 0, log.read_text()
        self.lives.append((began_ns, time.monotonic_ns()))

    def all_told(self) -> bool:
        with StoreReader(self.theatre.state_dir) as store:
            return len(self.theatre.told) == store.last().sequence == store.acknowledged_through()


def is_ready(log: Path) -> bool:
    return '"event": "ready"' in log.read_text()


@pytest.fixture(scope="module")
def ordeal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ordeal]:
    """One life to the end, many cut short, and one to the end again."""
    folder = tmp_path_factory.mktemp("killed")
    chance = random.Random(30)
    broker = Mosquitto(folder)
    broker.start()
    theatre = Theatre(folder)
    theatre.issue_cards()
    console = theatre.console(broker.port)
    console.start()
    try:
        ordeal = Ordeal(theatre, broker.port, witnessed_door.install(folder / "site"))
        ordeal.live_one(chance)
        for _ in range(KILLS):
            ordeal.kill_one(chance)
        ordeal.live_one(chance)
        (stream,) = console.streams()
        assert stream.altered is None
        assert stream.holes == ()
        yield ordeal
    finally:
        console.stop(5)
        broker.kill()


def test_what_the_console_was_told_is_what_the_store_holds_and_nothing_is_missing(ordeal: Ordeal) -> None:
    with StoreReader(ordeal.theatre.state_dir) as store:
        kept = store.newest(1_000_000)
        assert verify_chain(kept, genesis(store.stream)) is None
    assert [event.sequence for event in kept] == list(range(1, len(kept) + 1))
    told = {int(event["sequence"]): event["chainhash"] for event in ordeal.theatre.told}
    assert {event.sequence: event.chainhash for event in kept if event.sequence in told} == told


def test_the_door_moved_only_for_a_committed_grant_and_never_twice_for_one(ordeal: Ordeal) -> None:
    pulses_ns = witnessed_door.pulses_ns(ordeal.book)
    granted_ns = [event["data"]["when"]["monotonic_ns"] for event in grants(ordeal.theatre.recorded())]
    assert pulses_ns, "no door was opened at all: this proves nothing"
    for began_ns, ended_ns in ordeal.lives:
        moved = [ns for ns in pulses_ns if began_ns <= ns <= ended_ns]
        granted = [ns for ns in granted_ns if began_ns <= ns <= ended_ns]
        # Only the last may be missing: killed after the commit and before the pulse.
        assert len(granted) - 1 <= len(moved) <= len(granted)
        assert all(decided_ns < ns for decided_ns, ns in zip(granted, moved, strict=False))


def test_the_kills_fell_where_they_hurt(ordeal: Ordeal) -> None:
    """Otherwise the tests above would say little."""
    attempts = of_kind(ordeal.theatre.recorded(), "access.attempt")
    outcomes = {event["data"]["what"]["outcome"] for event in attempts}
    cut_short = [
        life
        for life in ordeal.lives
        if any(life[0] <= event["data"]["when"]["monotonic_ns"] <= life[1] for event in attempts)
    ]
    assert {"granted", "denied"} <= outcomes
    assert len(cut_short) > KILLS / 4
    record(
        "SIGKILL of the whole daemon, with a broker and a console",
        f"{KILLS:,} kills, {len(cut_short):,} after a decision",
        remarks=f"{len(attempts):,} attempts, {len(grants(attempts)):,} granted, {len(ordeal.theatre.told):,} told",
    )
