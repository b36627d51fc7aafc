"""Bad networks between terminal, broker and console: nothing is lost, nothing arrives twice or out of order."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from livegate.config import Mqtt, Terminal
from livegate.report.link import Link
from livegate.report.rhythm import Rhythm
from livegate.report.session import Timing
from livegate_tools.console.centre import Rules, Seen
from livegate_tools.console.console import Console
from support.brokers import Embedded, Mosquitto
from support.proxy import Proxy, Weather
from support.records import record
from support.streams import MemoryStream
from support.waiting import eventually

QUICK = Timing(keepalive_s=1, answer_s=5.0, backoff_first_s=0.01, backoff_max_s=0.05)


class Line:
    """A terminal and a console, each behind a proxy of its own."""

    def __init__(self, port: int):
        self.near, self.far = Proxy(port), Proxy(port)
        self.stream = MemoryStream()
        self.seen: list[Seen] = []
        mqtt = Mqtt("127.0.0.1", self.near.port, resend_after_s=1.0)
        rhythm = Rhythm(want_again_s=0.05, puback_s=3.0)
        where = Terminal("lab", "t1", Path("/nowhere"))
        self.link = Link(mqtt, where, self.stream, boot_id="boot", timing=QUICK, rhythm=rhythm)
        rules = Rules(ack_after_s=0.02, want_after_s=0.2)
        self.console = Console(Mqtt("127.0.0.1", self.far.port), self.seen.append, rules=rules, timing=QUICK)
        self._stop = threading.Event()
        self._committing = threading.Thread(target=self._commit)

    def start(self) -> None:
        self.console.start()
        self.link.start()
        self._committing.start()

    def reached(self, more: int = 40) -> None:
        """Wait until the console has seen ``more`` events than now."""
        goal = len(self.seen) + more
        eventually(lambda: len(self.seen) >= goal, f"{goal} events, {len(self.seen)} seen")

    def finish(self) -> None:
        """Stop committing; every event must be acknowledged, once and in order at the console."""
        self._stop.set()
        self._committing.join()
        self.link.wake()
        last = self.stream.last().sequence
        eventually(lambda: self.stream.acknowledged_through() == last)
        assert [seen.event.sequence for seen in self.seen] == list(range(1, last + 1))
        (state,) = self.console.streams()
        assert (state.through, state.altered, state.holes) == (last, None, ())

    def close(self) -> None:
        self._stop.set()
        if self._committing.ident is not None:
            self._committing.join()
        self.link.stop(5)
        self.console.stop(5)
        self.near.close()
        self.far.close()

    def _commit(self) -> None:
        while not self._stop.wait(0.003):
            self.stream.commit()
            self.link.wake()


@pytest.fixture(params=[pytest.param("mosquitto", marks=pytest.mark.broker), "embedded"])
def line(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Line]:
    broker = Mosquitto(tmp_path) if request.param == "mosquitto" else Embedded()
    broker.start()
    made = Line(broker.port)
    yield made
    made.close()
    broker.kill()


def all_there(line: Line) -> str:
    return f"{len(line.seen):,} events at the console, once and in order"


def test_connections_reset_again_and_again(line: Line) -> None:
    line.start()
    for turn in range(8):
        line.reached(15)
        (line.near if turn % 2 else line.far).reset(after_bytes=turn * 5)
    line.finish()
    assert line.link.state().reconnects >= 3
    record("connections reset in the middle of packets", "8 times", remarks=all_there(line))


def test_bytes_in_dribbles(line: Line) -> None:
    line.near.weather = line.far.weather = Weather.SLOW
    line.start()
    line.reached(5)
    line.near.weather = line.far.weather = Weather.FAIR
    line.finish()
    record("bytes in dribbles of 7", "both directions", remarks=all_there(line))


@pytest.mark.parametrize("side", ["near", "far"])
def test_line_that_falls_silent(line: Line, side: str) -> None:
    line.start()
    line.reached()
    proxy: Proxy = getattr(line, side)
    before = proxy.connections
    proxy.weather = Weather.SILENT
    # Only the keepalive, or a receipt that stays away, can tell.
    eventually(lambda: proxy.connections > before)
    proxy.weather = Weather.FAIR
    line.reached()
    line.finish()
    record(
        f"half-open connection of the {'terminal' if side == 'near' else 'console'}", "once", remarks=all_there(line)
    )


def test_commits_never_wait_for_the_network(line: Line) -> None:
    line.near.weather = Weather.SILENT
    line.start()
    eventually(lambda: line.stream.last().sequence > 100)
    assert line.stream.acknowledged_through() == 0
    line.near.weather = Weather.FAIR
    line.finish()
