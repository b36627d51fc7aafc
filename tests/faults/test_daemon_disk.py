"""A disk that fills while people are at the door: nothing is decided that cannot be kept; then all goes on."""

from __future__ import annotations

import resource
import time
from pathlib import Path

import pytest

from livegate.audit.chain import verify_chain
from livegate.events.cloudevents import genesis
from livegate.store import StoreReader
from support import witnessed_door
from support.records import record
from support.theatre import Play, Theatre, cast, grants, of_kind, start_daemon
from support.waiting import eventually

# No file of the daemon may grow beyond this while the disk is full: less than any commit needs.
FULL_BYTES = 512


@pytest.mark.timeout(120)
def test_a_disk_that_fills_keeps_the_door_shut_and_one_with_room_again_goes_on(tmp_path: Path) -> None:
    theatre = Theatre(tmp_path)
    theatre.issue_cards()
    book, log = tmp_path / "door.txt", tmp_path / "daemon.log"
    book.write_text("")
    play = Play(lead_s=3.0, speed=4.0, door=f"driver = 'witnessed'\nbook = '{book}'\n")
    path = theatre.configure(cast("LLALLA"), play)
    process = start_daemon(path, log, witnessed_door.install(tmp_path / "site"))
    try:
        eventually(lambda: '"event": "ready"' in log.read_text(), "ready")
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (FULL_BYTES, resource.RLIM_INFINITY))
        programme = theatre.programme
        middle_ns = (programme.origin_ns + programme.end_ns) // 2
        eventually(lambda: time.monotonic_ns() > middle_ns, "half the visits")
        assert process.poll() is None
        assert not of_kind(theatre.recorded(), "access.attempt")
        assert not witnessed_door.pulses_ns(book)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        eventually(lambda: time.monotonic_ns() > programme.end_ns, "the other half")
        process.terminate()
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
    recorded = theatre.recorded()
    assert of_kind(recorded, "access.attempt")
    assert len(witnessed_door.pulses_ns(book)) == len(grants(recorded))
    with StoreReader(theatre.state_dir) as store:
        assert verify_chain(store.newest(1_000_000), genesis(store.stream)) is None
    record(
        "disk of the whole daemon full, then with room again",
        "1 time, in the middle of visits",
        remarks=f"no decision and no pulse while full; {len(grants(recorded))} let in afterwards",
    )
