"""A daemon that is stopped and started again and again in one process leaves nothing behind but its one stream."""

from __future__ import annotations

import gc
import threading
import time
from pathlib import Path

from livegate.audit.chain import verify_chain
from livegate.configfile import load
from livegate.daemon import Daemon
from livegate.events.cloudevents import genesis
from livegate.store import StoreReader
from support.brokers import Embedded
from support.theatre import Play, Theatre, cast, of_kind
from support.waiting import eventually

STARTS = 5


def test_five_starts_leave_no_thread_and_no_descriptor(tmp_path: Path) -> None:
    theatre = Theatre(tmp_path)
    theatre.issue_cards()
    broker = Embedded()
    broker.start()
    try:
        # What the first one loads for good (the network's runtime, for one) is no leak.
        once(theatre, broker.port)
        threads, descriptors = held(broker.port)
        for _ in range(STARTS - 1):
            once(theatre, broker.port)
        eventually(lambda: held(broker.port) == (threads, descriptors), "the same threads and descriptors", 10.0)
    finally:
        broker.kill()
    assert len(of_kind(theatre.recorded(), "system.started")) == STARTS
    with StoreReader(theatre.state_dir) as store:
        assert verify_chain(store.newest(1_000_000), genesis(store.stream)) is None


def once(theatre: Theatre, port: int) -> None:
    """Run a daemon until it has seen a face or a card and is connected; stop it in the middle of a visit."""
    config = load(theatre.configure(cast("LA"), Play(lead_s=0.2, speed=2.0, port=port)))
    stop = threading.Event()
    with Daemon(config) as daemon:
        middle_s = (theatre.programme.origin_ns / 1e9) + 0.8
        eventually(
            lambda: time.monotonic() > middle_s and (link := daemon.state().link) and link.connected, "connected"
        )
        stop.set()
        daemon.run(stop)
    assert not daemon.state().alive


def held(port: int) -> tuple[list[str], int]:
    """Return the names of the living threads and the number of open files, sockets and pipes."""
    gc.collect()
    return sorted(thread.name for thread in threading.enumerate()), len(list(Path("/proc/self/fd").iterdir()))
