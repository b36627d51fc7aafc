"""The whole daemon is killed at random points of visits, over and over: what it acknowledged and told must hold."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from livegate.configfile import load
from livegate.report.cloudevents import genesis, verify_chain
from livegate.store import StoreReader
from support.brokers import Mosquitto
from support.theatre import Theatre, start_daemon, visits
from support.waiting import eventually

KILLS = 30
LEAD_S = 0.9
SPEED = 3.0
# From before the daemon is up to well into the third visit.
LATEST_S = 3.2


def run_and_kill(theatre: Theatre, chance: random.Random, log: Path) -> None:
    known = list(visits().values())
    shown = chance.sample(known, 3)
    process = start_daemon(theatre.configure(shown, lead_s=LEAD_S, speed=SPEED), log)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(chance.uniform(0.1, LATEST_S))
    process.send_signal(signal.SIGKILL)
    process.wait()


@pytest.mark.broker
@pytest.mark.timeout(400)
def test_thirty_kills_lose_nothing_and_open_no_door_for_an_attack(tmp_path: Path) -> None:
    chance = random.Random(30)
    broker = Mosquitto(tmp_path)
    broker.start()
    theatre = Theatre(tmp_path, broker.port, resend_after_s=1.0)
    theatre.issue_cards(load(theatre.configure(list(visits().values()), lead_s=0)))
    console = theatre.console()
    console.start()
    for _ in range(KILLS):
        run_and_kill(theatre, chance, tmp_path / "daemon.log")
    acknowledged = _acknowledged(theatre)
    process = start_daemon(theatre.configure([next(iter(visits().values()))], lead_s=LEAD_S), tmp_path / "daemon.log")
    eventually(lambda: _all_told(theatre, console.streams()), "everything at the console", timeout_s=60)
    process.terminate()
    assert process.wait(20) == 0, (tmp_path / "daemon.log").read_text()[-2000:]
    eventually(lambda: _all_told(theatre, console.streams()), "the last words too", timeout_s=10)
    console.stop(5)
    broker.kill()
    (stream,) = console.streams()
    assert stream.altered is None
    assert stream.holes == ()
    assert stream.through >= acknowledged
    with StoreReader(theatre.state_dir) as store:
        assert verify_chain(store.newest(1_000_000), genesis(store.stream)) is None
        assert store.last().sequence == stream.through
    opened = theatre.opened_for()
    sys.stdout.write(f"{KILLS} kills, {stream.through} events, {len(opened)} doors opened, nothing lost\n")
    assert not [visit.id for visit in opened if visit.is_attack or not visit.authorised]


def _acknowledged(theatre: Theatre) -> int:
    with StoreReader(theatre.state_dir) as store:
        return store.acknowledged_through()


def _all_told(theatre: Theatre, streams: tuple[object, ...]) -> bool:
    with StoreReader(theatre.state_dir) as store:
        told = sum(getattr(stream, "through", 0) for stream in streams)
        time.sleep(0.05)
        return told == store.last().sequence == store.acknowledged_through()
