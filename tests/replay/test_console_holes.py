"""What the terminal had to drop, over a real broker: crossed on the word of its gap event, and on nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from livegate.config import Mqtt, StoreConfig, Terminal, WhenFull
from livegate.events.cloudevents import Identity
from livegate.report.link import Link
from livegate.store import Store, open_store
from livegate.trust.keys import SigningKey
from livegate.types import AccessEvent
from livegate_tools.console.centre import Rules, Seen
from livegate_tools.console.console import Console
from livegate_tools.demo.broker import EmbeddedBroker
from support.streams import MemoryStream
from support.waiting import eventually

RULES = Rules(ack_every=50, ack_after_s=0.01, want_after_s=0.05)


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker() as running:
        yield running


def test_gap_far_behind_the_hole_is_told_ahead(broker: EmbeddedBroker) -> None:
    """More events stand between the hole and its gap event than the terminal sends without an acknowledgement."""
    stream, seen = MemoryStream(), list[Seen]()
    stream.commit(2_000)
    stream.drop_through(700)
    stream.sign()
    stream.commit(20)
    mqtt = Mqtt("127.0.0.1", broker.port, resend_after_s=0.5)
    console = Console(mqtt, seen.append, rules=RULES)
    link = Link(mqtt, Terminal("lab", "t1", Path("/nowhere")), stream, boot_id="boot")
    console.start()
    link.start()
    eventually(lambda: stream.acknowledged_through() == 2_022)
    link.stop(5)
    console.stop(5)
    assert [one.event.sequence for one in seen] == list(range(701, 2_023))
    assert console.streams()[0].holes == ((1, 700, True),)


def test_console_that_lost_its_memory_goes_on_where_the_terminal_was_released(broker: EmbeddedBroker) -> None:
    stream, seen = MemoryStream(), list[Seen]()
    stream.commit(40)
    stream.acknowledge(25, stream.chainhash_at(25) or "", "console")
    mqtt = Mqtt("127.0.0.1", broker.port, resend_after_s=0.5)
    console = Console(mqtt, seen.append, rules=RULES)
    link = Link(mqtt, Terminal("lab", "t1", Path("/nowhere")), stream, boot_id="boot")
    console.start()
    eventually(lambda: console.link().connected)
    link.start()
    eventually(lambda: stream.acknowledged_through() == 40)
    link.stop(5)
    console.stop(5)
    assert [one.event.sequence for one in seen] == list(range(26, 41))
    assert console.streams()[0].holes == ((1, 25, False),)
    assert console.streams()[0].begins_after == 25


def test_gap_that_nobody_signed_releases_nothing(broker: EmbeddedBroker) -> None:
    """As whoever may publish in a terminal's name could tell of one, and swallow the events it is about."""
    stream, seen = MemoryStream(), list[Seen]()
    stream.commit(100)
    stream.sign()
    mqtt = Mqtt("127.0.0.1", broker.port, resend_after_s=0.2)
    console = Console(mqtt, seen.append, rules=RULES)
    link = Link(mqtt, Terminal("lab", "t1", Path("/nowhere")), stream, boot_id="boot")
    console.start()
    link.start()
    eventually(lambda: stream.acknowledged_through() == 101)
    link.stop(5)
    stream.commit(60)
    stream.drop_through(130)
    stream.commit(10)
    stream.sign(SigningKey.generate())
    link = Link(mqtt, Terminal("lab", "t1", Path("/nowhere")), stream, boot_id="boot")
    link.start()
    eventually(lambda: "no checkpoint" in (console.link().last_error or ""))
    assert stream.acknowledged_through() == 101
    assert console.streams()[0].through == 101
    stream.sign()
    link.wake()
    eventually(lambda: stream.acknowledged_through() == 174)
    link.stop(5)
    console.stop(5)
    assert console.streams()[0].holes == ((102, 130, True),)


def test_store_that_overflowed_while_nobody_listened_is_released(broker: EmbeddedBroker, tmp_path: Path) -> None:
    """The real store signs for its gap event, and the real link sends both ahead."""
    seen = list[Seen]()
    mqtt = Mqtt("127.0.0.1", broker.port, resend_after_s=0.5)
    limits = StoreConfig(1_000, WhenFull.DROP_OLDEST, checkpoint_events=50)
    identity = Identity(site="lab", terminal="t1", firmware="0", boot_id="boot", door="door")
    terminal = Terminal("lab", "t1", tmp_path)
    console = Console(mqtt, seen.append, rules=RULES)
    console.start()
    with open_store(tmp_path / "state", identity, limits, signer=SigningKey.generate()) as store:
        record(store, 120)
        link = Link(mqtt, terminal, store, boot_id="boot")
        link.start()
        eventually(lambda: store.acknowledged_through() == store.last().sequence)
        link.stop(5)
        held = store.last().sequence
        record(store, 2_500)
        assert store.unacknowledged(0, 1)[0].sequence > held + 1
        link = Link(mqtt, terminal, store, boot_id="boot")
        link.start()
        eventually(lambda: store.acknowledged_through() == store.last().sequence)
        link.stop(5)
    console.stop(5)
    (state,) = console.streams()
    assert [hole[0] for hole in state.holes][:1] == [held + 1]
    assert all(accounted for _, _, accounted in state.holes)


def record(store: Store, count: int) -> None:
    for number in range(count):
        with store.transaction() as t:
            t.enqueue(AccessEvent("access.attempt", {"what": {"outcome": "denied"}}, 1.7e9 + number, number))
