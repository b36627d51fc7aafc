"""The terminal's link and the console over real sockets, each scenario on mosquitto and on the embedded broker."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from livegate.config import Mqtt, Protocol, Terminal
from livegate.report.acks import Ack, format_ack
from livegate.report.link import Link
from livegate.report.rhythm import Rhythm
from livegate.report.session import Arrival, Happening, Message, Session, Timing, Who, open_session
from livegate.report.status import Presence, Status, parse_status
from livegate.report.topics import Topics
from livegate.report.waker import Waker
from livegate_tools.console.centre import Rules, Seen
from livegate_tools.console.console import Console
from support.brokers import Embedded, Mosquitto, TestBroker
from support.streams import MemoryStream
from support.waiting import eventually

TERMINAL = Terminal("lab", "t1", Path("/nowhere"))
TOPICS = Topics("lab", "t1")
QUICK = Timing(answer_s=5.0, backoff_first_s=0.02, backoff_max_s=0.1)
QUICK_RULES = Rules(ack_after_s=0.02, want_after_s=0.2)


@pytest.fixture(params=[pytest.param("mosquitto", marks=pytest.mark.broker), "embedded"])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TestBroker]:
    made = Mosquitto(tmp_path) if request.param == "mosquitto" else Embedded()
    made.start()
    yield made
    made.kill()


class Site:
    """A terminal and a console at one broker, both stopped at the end."""

    def __init__(self, port: int, tmp_path: Path):
        self.mqtt = Mqtt("127.0.0.1", port, resend_after_s=1.0)
        self.stream = MemoryStream()
        self.seen: list[Seen] = []
        self._tmp_path = tmp_path
        self._running: list[Link | Console] = []

    def link(self, stream: MemoryStream | None = None) -> Link:
        rhythm = Rhythm(want_again_s=0.05, store_retry_s=0.1)
        link = Link(self.mqtt, TERMINAL, stream or self.stream, boot_id="boot", timing=QUICK, rhythm=rhythm)
        return self._start(link)

    def console(self, kind: type[Console] = Console, rules: Rules = QUICK_RULES) -> Console:
        state = self._tmp_path / "console.json"
        return self._start(kind(self.mqtt, self.seen.append, rules=rules, state_file=state, timing=QUICK))

    def observer(self) -> Observer:
        return Observer(self.mqtt)

    def sequences(self) -> list[int]:
        return [seen.event.sequence for seen in self.seen]

    def stop(self) -> None:
        for part in self._running:
            part.stop(5)

    def _start(self, part):
        part.start()
        self._running.append(part)
        return part


class Observer:
    """A bare session that subscribes and publishes what a test tells it."""

    def __init__(self, mqtt: Mqtt, protocol: Protocol = Protocol.AUTO):
        self.waker = Waker()
        who = Who("observer", lasting=False)
        self.session: Session = open_session(
            replace(mqtt, protocol=protocol), who, None, QUICK, self.waker, lambda: False
        )
        self.heard: list[Happening] = []

    def wait(self, condition) -> None:
        def held() -> bool:
            self.heard += self.session.pump(0.01)
            return bool(condition())

        eventually(held)

    def publish(self, topic: str, payload: bytes) -> None:
        self.session.publish(Message(topic, payload))
        self.heard += self.session.pump(0.05)

    def statuses(self) -> list[Status]:
        return [parse_status(h.payload) for h in self.heard if isinstance(h, Arrival) and h.topic == TOPICS.status]

    def close(self) -> None:
        self.session.close()
        self.waker.close()


@pytest.fixture
def site(broker: TestBroker, tmp_path: Path) -> Iterator[Site]:
    made = Site(broker.port, tmp_path)
    yield made
    made.stop()


def test_events_arrive_in_order_and_are_released(site: Site) -> None:
    site.stream.commit(700)
    console, link = site.console(), site.link()
    site.stream.commit(50)
    link.wake()
    eventually(lambda: site.stream.acknowledged_through() == 750)
    assert site.sequences() == list(range(1, 751))
    (state,) = console.streams()
    assert (state.through, state.chainhash, state.altered) == (750, site.stream.last().chainhash, None)
    eventually(lambda: link.state().acknowledged_through == 750)
    assert link.state().sent_through == 750


def test_auto_speaks_5_where_the_broker_does_and_311_where_it_says_it_does_not(site: Site, broker: TestBroker) -> None:
    link = site.link()
    eventually(lambda: link.state().connected)
    assert link.state().protocol is (Protocol.V5 if isinstance(broker, Mosquitto) else Protocol.V311)
    assert link.state().last_error is None


def test_broker_killed_in_the_middle_loses_nothing(site: Site, broker: TestBroker) -> None:
    site.console()
    link = site.link()
    stop = threading.Event()

    def commit() -> None:
        while not stop.wait(0.002):
            site.stream.commit()
            link.wake()

    committing = threading.Thread(target=commit)
    committing.start()
    for _ in range(3):
        reached = len(site.seen) + 60
        eventually(lambda reached=reached: len(site.seen) >= reached)
        broker.kill()
        eventually(lambda: not link.state().connected)
        broker.start()
    eventually(lambda: link.state().connected)
    stop.set()
    committing.join()
    link.wake()
    last = site.stream.last().sequence
    eventually(lambda: site.stream.acknowledged_through() == last)
    assert site.sequences() == list(range(1, last + 1))
    assert link.state().reconnects >= 3


def test_console_that_was_away_catches_up(site: Site) -> None:
    console, link = site.console(), site.link()
    site.stream.commit(20)
    link.wake()
    eventually(lambda: site.stream.acknowledged_through() == 20)
    console.stop(5)
    site.stream.commit(1200)
    link.wake()
    eventually(lambda: link.state().sent_through >= 520)
    assert site.stream.acknowledged_through() == 20
    site.console()
    eventually(lambda: site.stream.acknowledged_through() == 1220)
    assert site.sequences() == list(range(1, 1221))


def test_console_without_memory_is_sent_what_is_not_released(site: Site) -> None:
    site.link()
    site.stream.commit(30)
    site.console()
    eventually(lambda: site.stream.acknowledged_through() == 30)
    assert site.sequences() == list(range(1, 31))


class LosingConsole(Console):
    """Takes every message off the broker and loses one in seven of the events, three times over each."""

    def _make_centre(self, rules, sink, state_file):
        centre = super()._make_centre(rules, sink, state_file)
        lost: dict[bytes, int] = {}
        take = centre.happened

        def happened(happening: Happening) -> None:
            if isinstance(happening, Arrival) and happening.topic == TOPICS.events:
                number = json.loads(happening.payload)["data"]["what"]["number"]
                times = lost.get(happening.payload, 0)
                if number % 7 == 3 and times < 3:
                    lost[happening.payload] = times + 1
                    return
            take(happening)

        centre.happened = happened
        return centre


def test_what_is_lost_behind_the_broker_is_sent_again(site: Site) -> None:
    console, link = site.console(LosingConsole, replace(QUICK_RULES, want_after_s=0.06)), site.link()
    site.stream.commit(60)
    link.wake()
    eventually(lambda: site.stream.acknowledged_through() == 60)
    assert site.sequences() == list(range(1, 61))
    (state,) = console.streams()
    assert state.holes == ()


def test_without_acknowledgement_nothing_is_released_and_all_is_sent_again(site: Site) -> None:
    observer = site.observer()
    observer.session.subscribe(TOPICS.events)
    link = site.link()
    site.stream.commit(3)
    link.wake()
    observer.wait(lambda: len([h for h in observer.heard if isinstance(h, Arrival)]) >= 6)
    assert site.stream.acknowledged_through() == 0
    assert link.state().sent_through == 3
    observer.close()


def test_wrong_acknowledgements_are_refused_and_counted(site: Site) -> None:
    link = site.link()
    site.stream.commit(5)
    link.wake()
    eventually(lambda: link.state().sent_through == 5)
    right = Ack("stream-a", 4, site.stream.chainhash_at(4) or "", "console")
    wrong = [
        format_ack(replace(right, chainhash="0" * 64)),
        format_ack(replace(right, through=900)),
        format_ack(replace(right, want=900)),
        format_ack(replace(right, stream="another")),
        format_ack(replace(right, consumer="somebody")),
        b"\xff" * 20,
        b"[" * 5000,
        format_ack(right)[:-1] + b',"through":"000000000001"}',
    ]
    observer = site.observer()
    for payload in wrong:
        observer.publish(TOPICS.ack, payload)
    eventually(lambda: link.state().acks_refused == len(wrong))
    assert site.stream.acknowledged_through() == 0
    observer.publish(TOPICS.ack, format_ack(right))
    eventually(lambda: site.stream.acknowledged_through() == 4)
    assert link.state().connected
    observer.close()


def test_status_is_retained_and_published_anew_on_every_connect(site: Site, broker: TestBroker) -> None:
    link = site.link()
    eventually(lambda: link.state().connected)
    site.stream.commit(2)
    link.wake()
    eventually(lambda: link.state().sent_through == 2)
    first = retained_status(site)
    broker.kill()
    eventually(lambda: not link.state().connected)
    broker.start()
    eventually(lambda: link.state().connected)
    second = retained_status(site)
    assert (first.state, second.state) == (Presence.ONLINE, Presence.ONLINE)
    assert (first.stream, first.boot_id, second.sent_through) == ("stream-a", "boot", 2)
    assert first.challenge != second.challenge
    link.stop(5)
    assert retained_status(site).state is Presence.OFFLINE


def retained_status(site: Site) -> Status:
    observer = site.observer()
    observer.session.subscribe(TOPICS.status)
    observer.wait(observer.statuses)
    observer.close()
    return observer.statuses()[-1]


CHILD = """
import sys, threading
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from support.streams import MemoryStream
from livegate.config import Mqtt, Terminal
from livegate.report.link import Link
mqtt = Mqtt("127.0.0.1", int(sys.argv[1]))
link = Link(mqtt, Terminal("lab", "t1", Path("/nowhere")), MemoryStream(), boot_id="boot")
link.start()
threading.Event().wait()
"""


def test_last_will_says_offline_after_a_kill(site: Site) -> None:
    tests = Path(__file__).parents[1]
    child = subprocess.Popen([sys.executable, "-c", textwrap.dedent(CHILD), str(site.mqtt.port), str(tests)])
    observer = site.observer()
    observer.session.subscribe(TOPICS.status)
    try:
        observer.wait(lambda: [s for s in observer.statuses() if s.state is Presence.ONLINE])
    finally:
        child.kill()
        child.wait()
    observer.wait(lambda: observer.statuses()[-1].state is Presence.OFFLINE)
    online, offline = observer.statuses()[-2:]
    assert replace(offline, state=Presence.ONLINE) == online
    observer.close()


def test_hole_the_terminal_owns_up_to_is_crossed_and_accounted_for(site: Site) -> None:
    site.stream.commit(40)
    site.stream.drop_through(25)
    site.stream.sign()
    console, link = site.console(rules=replace(QUICK_RULES, want_after_s=0.06)), site.link()
    eventually(lambda: site.stream.acknowledged_through() == 42)
    assert site.sequences() == list(range(26, 43))
    (state,) = console.streams()
    assert state.holes == ((1, 25, True),)
    assert link.state().acknowledged_through == 42


def test_restarted_terminal_goes_on_where_the_console_is(site: Site) -> None:
    console, link = site.console(), site.link()
    site.stream.commit(10)
    link.wake()
    eventually(lambda: site.stream.acknowledged_through() == 10)
    link.stop(5)
    site.stream.commit(10)
    link = site.link()
    eventually(lambda: site.stream.acknowledged_through() == 20)
    assert site.sequences() == list(range(1, 21))
    assert console.streams()[0].repeated == 0
