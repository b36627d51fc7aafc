"""What a broker may do besides being slow or gone: forget what it confirmed, and meet a terminal with a long memory."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from livegate.config import Mqtt, StoreConfig, Terminal, Tls
from livegate.report.link import Link
from livegate.report.rhythm import Rhythm
from livegate.report.session import Timing
from livegate.store import open_store
from livegate_tools.console.centre import Rules, Seen
from livegate_tools.console.console import Console
from support.brokers import Mosquitto
from support.certificates import Authority
from support.records import record, times
from support.stores import IDENTITY, StillClock, plain
from support.streams import MemoryStream
from support.swallower import Swallower
from support.waiting import eventually

QUICK = Timing(keepalive_s=5, answer_s=5.0, backoff_first_s=0.01, backoff_max_s=0.05)
BACKLOG = times(2_500, 100_000)
FORGETTING = times(100, 5_000)
WHERE = Terminal("lab", "t1", Path("/nowhere"))

pytestmark = [pytest.mark.broker, pytest.mark.timeout(600)]


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    broker = Mosquitto(tmp_path)
    broker.start()
    yield broker.port
    broker.kill()


def test_a_broker_that_forgets_what_it_confirmed(port: int) -> None:
    stream, seen = MemoryStream(), []
    swallower = Swallower(port, lambda topic: topic.endswith("/events"))
    swallower.appetite = 0.2
    rhythm = Rhythm(want_again_s=0.05, puback_s=3.0)
    link = Link(Mqtt("127.0.0.1", swallower.port, resend_after_s=0.3), WHERE, stream, boot_id="boot", timing=QUICK,
                rhythm=rhythm)  # fmt: skip
    console = Console(Mqtt("127.0.0.1", port), seen.append, rules=Rules(ack_after_s=0.02, want_after_s=0.1))
    console.start()
    link.start()
    try:
        for _ in range(FORGETTING // 20):
            stream.commit(20)
            link.wake()
            time.sleep(0.002)
        eventually(lambda: stream.acknowledged_through() == stream.last().sequence, "all released", 300.0)
    finally:
        link.stop(5)
        console.stop(5)
        swallower.close()
    assert swallower.swallowed > FORGETTING / 20
    assert [one.event.sequence for one in seen] == list(range(1, stream.last().sequence + 1))
    record(
        "broker that drops silently after PUBACK",
        f"{stream.last().sequence:,} events, {swallower.swallowed:,} publications forgotten",
        remarks="all at the console, once and in order",
    )


def test_a_long_backlog(port: int, tmp_path: Path) -> None:
    seen: list[Seen] = []
    limits = replace(StoreConfig(), history_events=2 * BACKLOG)
    with open_store(tmp_path / "state", IDENTITY, limits, StillClock()) as store:
        for _ in range(BACKLOG // 500):
            with store.transaction() as t:
                for number in range(500):
                    t.enqueue(plain(number))
        waiting = store.last().sequence
        done = threading.Event()

        def show(one: Seen) -> None:
            seen.append(one)
            if one.event.sequence >= waiting:
                done.set()

        link = Link(Mqtt("127.0.0.1", port), WHERE, store, boot_id="boot", timing=QUICK)
        console = Console(Mqtt("127.0.0.1", port), show)
        console.start()
        began_s = time.monotonic()
        link.start()
        try:
            eventually(done.is_set, "the whole backlog", 500.0)
            took_s = time.monotonic() - began_s
            eventually(lambda: store.acknowledged_through() == store.last().sequence, "all released", 60.0)
        finally:
            link.stop(5)
            console.stop(5)
    assert [one.event.sequence for one in seen[:waiting]] == list(range(1, waiting + 1))
    record(
        "backlog of a long time without network",
        f"{waiting:,} events",
        remarks=f"{waiting / took_s:,.0f} events/s, with the console that verifies each in the same process",
    )


def test_a_certificate_that_ended(tmp_path: Path) -> None:
    stream = MemoryStream()
    authority = Authority(tmp_path)
    authority.issue("server", days=-1)
    files = f"cafile {tmp_path}/ca.pem\ncertfile {tmp_path}/server.pem\nkeyfile {tmp_path}/server.key\n"
    broker = Mosquitto(tmp_path, files)
    mqtt = Mqtt("127.0.0.1", broker.port, tls=Tls(tmp_path / "ca.pem"))
    seen: list[Seen] = []
    link = Link(mqtt, WHERE, stream, boot_id="boot", timing=QUICK)
    console = Console(mqtt, seen.append, rules=Rules(ack_after_s=0.02))
    broker.start()
    stream.commit(200)
    link.start()
    try:
        eventually(lambda: "has expired" in (link.state().last_error or ""), "the reason")
        assert link.state().sent_through == 0
        broker.kill()
        authority.issue("server")
        broker.start()
        console.start()
        eventually(lambda: stream.acknowledged_through() == 200, "all released")
    finally:
        link.stop(5)
        console.stop(5)
        broker.kill()
    assert [one.event.sequence for one in seen] == list(range(1, 201))
    record(
        "certificate of the broker expired, then renewed",
        "200 events waiting",
        remarks="none sent to the expired one, all afterwards, without a restart",
    )
