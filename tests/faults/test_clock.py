"""A wall clock that leaps while people come and go, for the whole daemon: all goes on, and every leap is told."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path

import pytest

from livegate.audit.chain import verify_chain
from livegate.events.cloudevents import genesis
from livegate.store import StoreReader
from support import witnessed_door
from support.records import record
from support.theatre import Play, Theatre, cast, grants, of_kind, start_daemon
from support.waiting import eventually
from support.world import World

YEAR_S = 365 * 86_400
# What the wall clock shows beside the truth, one after the other, and whether a time server stands by it.
LEAPS = ((0, True), (-50 * YEAR_S, False), (3_600, False), (50 * YEAR_S, True), (0, True))


@pytest.mark.timeout(180)
def test_leaps_of_the_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theatre = Theatre(tmp_path)
    theatre.issue_cards()
    world = World(tmp_path, tmp_path / "no-disk")
    world.synchronised(known=True)
    book, log = tmp_path / "door.txt", tmp_path / "daemon.log"
    play = Play(lead_s=6.0, speed=3.0, door=f"driver = 'witnessed'\nbook = '{book}'\n")
    path = theatre.configure(cast("LALLALALLA"), play)
    for name, value in world.environment().items():
        monkeypatch.setenv(name, value)
    process = start_daemon(path, log, witnessed_door.install(tmp_path / "site"))
    try:
        eventually(lambda: '"event": "ready"' in log.read_text(), "ready")
        programme = theatre.programme
        # On a busy machine the first visitors may have come before the terminal was there.
        begin_ns = max(programme.origin_ns, time.monotonic_ns())
        share_ns = (programme.end_ns - begin_ns) / len(LEAPS)
        for number, (ahead_s, known) in enumerate(LEAPS):
            due_ns = begin_ns + number * share_ns
            eventually(lambda due_ns=due_ns: time.monotonic_ns() > due_ns, "the next leap", 60.0)
            world.wall_is_ahead(ahead_s)
            world.synchronised(known=known)
        eventually(lambda: time.monotonic_ns() > programme.end_ns, "the end", 60.0)
        process.terminate()
        assert process.wait(20) == 0, log.read_text()
    finally:
        process.kill()
        process.wait()
    recorded = theatre.recorded()
    leaps = [event["data"]["what"] for event in of_kind(recorded, "clock.changed")]
    assert len([leap for leap in leaps if leap["cause"] == "step"]) >= len(LEAPS) - 1, leaps
    moments = [event["data"]["when"]["monotonic_ns"] for event in of_kind(recorded, "access.attempt")]
    assert all(earlier <= later for earlier, later in pairwise(moments))
    assert not [e for e in grants(recorded) if (visit := theatre.visit_of(e)) is None or not visit.authorised]
    for number in range(len(LEAPS)):
        from_ns = begin_ns + number * share_ns
        assert [ns for ns in moments if from_ns <= ns < from_ns + share_ns], f"nobody was answered at {LEAPS[number]}"
    assert len(witnessed_door.pulses_ns(book)) == len(grants(recorded)) > 2
    with StoreReader(theatre.state_dir) as store:
        assert verify_chain(store.newest(1_000_000), genesis(store.stream)) is None
    record(
        "wall clock -50 years, +1 h, +50 years, and back, while people come",
        f"{len(LEAPS) - 1} leaps in one run",
        remarks=f"{len(moments)} attempts, {len(grants(recorded))} let in; every leap is an event",
    )
