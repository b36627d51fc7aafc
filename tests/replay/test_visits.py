"""The shipped visits through the real daemon, a real broker and a console that proves the chain."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from livegate.configfile import load
from livegate.daemon import Daemon
from livegate_tools.console.console import Console
from support.brokers import Embedded, Mosquitto, TestBroker
from support.schemas import valid
from support.theatre import Theatre, visits
from support.waiting import eventually

LEAD_S = 2.0
FEW = 6


@pytest.fixture(params=[pytest.param("mosquitto", marks=pytest.mark.broker), "embedded"])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TestBroker]:
    made: TestBroker = Mosquitto(tmp_path) if request.param == "mosquitto" else Embedded()
    made.start()
    yield made
    made.kill()


def play(theatre: Theatre, path: Path, at_ms: dict[float, object] | None = None) -> Console:
    """Run the daemon in this process until the recording is over and the console holds everything."""
    config = load(path)
    theatre.issue_cards(config)
    console = theatre.console()
    console.start()
    programme = theatre.boards[-1].programme
    with Daemon(config) as daemon:
        stop = threading.Event()
        due = [(programme.origin_ns + moment * 1e6, act) for moment, act in (at_ms or {}).items()]
        timers = [threading.Timer((ns - time.monotonic_ns()) / 1e9, act) for ns, act in due]  # type: ignore[arg-type]
        timers.append(threading.Timer((programme.end_ns - time.monotonic_ns()) / 1e9 + 0.3, stop.set))
        for timer in timers:
            timer.start()
        daemon.run(stop)
        eventually(lambda: sum(s.through for s in console.streams()) == daemon.store.last().sequence, "all at console")
        eventually(lambda: daemon.store.acknowledged_through() == daemon.store.last().sequence, "all acknowledged")
    console.stop(5)
    return console


def assert_proven(console: Console) -> None:
    (stream,) = console.streams()
    assert stream.altered is None
    assert stream.holes == ()


@pytest.mark.timeout(240)
def test_every_visit_ends_as_it_should(tmp_path: Path) -> None:
    broker = Embedded()
    broker.start()
    theatre = Theatre(tmp_path, broker.port)
    shown = list(visits().values())
    console = play(theatre, theatre.configure(shown, lead_s=LEAD_S))
    broker.kill()
    assert_proven(console)
    opened = theatre.opened_for()
    assert not [visit.id for visit in opened if visit.is_attack]
    assert not [visit.id for visit in opened if not visit.authorised]
    authorised = {visit.id for visit in shown if visit.authorised and not visit.is_attack}
    kept_out = authorised - {visit.id for visit in opened}
    assert len(kept_out) <= len(authorised) / 10 + 0.5, f"kept out: {sorted(kept_out)}"
    assert_door_moved_only_for_grants(theatre)
    assert_events_fit_their_schemas(theatre)


def assert_door_moved_only_for_grants(theatre: Theatre) -> None:
    attempts = {e["sequence"]: e["data"]["what"] for e in theatre.events if e["type"].endswith("access.attempt.v1")}
    moves = [e["data"]["what"] for e in theatre.events if e["type"].endswith("door.state.v1")]
    unlocked = [move["cause"] for move in moves if move["state"] == "unlocked"]
    assert unlocked
    assert all(attempts[cause]["outcome"] == "granted" for cause in unlocked)


def assert_events_fit_their_schemas(theatre: Theatre) -> None:
    kinds = {event["type"].removeprefix("io.livegate.").removesuffix(".v1") for event in theatre.events}
    assert {"access.attempt", "door.state", "system.started"} <= kinds
    for event in theatre.events:
        valid("event", event)
        valid(event["type"].removeprefix("io.livegate.").removesuffix(".v1"), event["data"])


@pytest.mark.timeout(180)
def test_broker_killed_mid_visit_loses_nothing(broker: TestBroker, tmp_path: Path) -> None:
    theatre = Theatre(tmp_path, broker.port)
    shown = list(visits().values())[:FEW]
    acts = {2500.0: broker.kill, 6000.0: broker.start}
    console = play(theatre, theatre.configure(shown, lead_s=LEAD_S), acts)  # type: ignore[arg-type]
    assert_proven(console)
    attempts = [event for event in theatre.events if event["type"].endswith("access.attempt.v1")]
    assert len(attempts) >= FEW - 1
    assert not [visit.id for visit in theatre.opened_for() if visit.is_attack]
