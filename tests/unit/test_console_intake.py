"""What a console takes in: strict, bounded, answered in time, and countersigned where the terminal signed."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegate.audit.receipts import Receipt
from livegate.errors import LinkError
from livegate.events.checkpoint import checkpoint
from livegate.events.cloudevents import ChainHead, Identity, StoredEvent, genesis, seal
from livegate.events.environment import Environment
from livegate.gate.facts import Clock
from livegate.report.acks import Ack, parse_ack
from livegate.report.session import Arrival, Message, Puback
from livegate.report.topics import Topics
from livegate.trust.keys import SigningKey
from livegate_tools.console.centre import Centre, Rules, Seen
from livegate_tools.console.desks import MAX_STREAMS_OF_ONE, Desks
from livegate_tools.console.problems import Problems
from livegate_tools.console.reading import read_event
from livegate_tools.console.receipts import Receipts
from support.streams import IDENTITY, MemoryStream

T1 = Topics("lab", "t1")


class Broker:
    """Takes every message at once, or later when told to."""

    receive_maximum = 32

    def __init__(self, centre: Centre) -> None:
        self.taken: list[Message] = []
        self.subscribed: list[str] = []
        self._centre = centre

    def publish(self, message: Message) -> int:
        self.taken.append(message)
        return len(self.taken)

    def subscribe(self, *topics: str) -> None:
        self.subscribed += topics

    def turn(self) -> list[Ack]:
        """Give the console its turn; return what it acknowledged."""
        before = len(self.taken)
        self._centre.turn(self)
        for mid in range(before + 1, len(self.taken) + 1):
            self._centre.happened(Puback(mid, None))
        return [parse_ack(message.payload) for message in self.taken[before:] if message.topic.endswith("/ack")]


class Room:
    """A centre without a network."""

    def __init__(self, rules: Rules | None = None, state: Path | None = None, receipts: Receipts | None = None) -> None:
        self.seen: list[Seen] = []
        self.full = False
        self.problems: list[str] = []
        self.centre = Centre(rules or Rules(ack_after_s=0.0), self._sink, self.problems.append, state, receipts)
        self.broker = Broker(self.centre)
        self.centre.opened(self.broker)

    def _sink(self, seen: Seen) -> None:
        if self.full:
            raise LinkError("disk full")
        self.seen.append(seen)

    def hear(self, name: str, payload: bytes, topics: Topics = T1) -> None:
        self.centre.happened(Arrival(topics.down(name), payload))


def events(count: int, stream: str = "stream-a") -> list[StoredEvent]:
    made = MemoryStream(stream)
    made.commit(count)
    return list(made.unacknowledged(0, count))


@given(st.binary(max_size=200) | st.recursive(st.none() | st.floats() | st.text(), st.lists).map(str).map(str.encode))
def test_no_bytes_on_any_topic_end_the_console(payload: bytes) -> None:
    room = Room()
    for name in ("events", "status", "health", "replies", "twin/reported", "lists/block/state", "lists/x/state", "?"):
        room.hear(name, payload)
    assert room.seen == []
    assert room.broker.turn() == []


@given(st.data())
def test_no_change_of_an_event_is_taken_for_it(data: st.DataObject) -> None:
    (event,) = events(1)
    at = data.draw(st.integers(0, len(event.body) - 1))
    letter = data.draw(st.integers(0, 255))
    body = event.body[:at] + bytes([letter]) + event.body[at + 1 :]
    room = Room()
    room.hear("events", body)
    assert [one.event.body for one in room.seen] == ([body] if body == event.body else [])


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body.replace(b'"urn:livegate:lab:t1"', b'"urn:livegate:lab:t2"'),
        lambda body: body.replace(b'"stream":"stream-a"', b'"stream":7'),
        lambda body: body.replace(b'"stream":"stream-a"', b'"stream":"%b"' % (b"s" * 65)),
        lambda body: body.replace(b'"sequence":"000000000001"', b'"sequence":1'),
        lambda body: body[:-1] + b',"subject":"twice"}',
        lambda body: b"[" * 100_000,
        lambda body: body + b" " * 300_000,
        lambda body: b"\xef\xbb\xbf" + body,
    ],
)
def test_what_is_no_event_of_this_terminal_is_refused(change: Callable[[bytes], bytes]) -> None:
    (event,) = events(1)
    with pytest.raises(LinkError):
        read_event(T1, change(event.body))


def test_numbers_that_our_writer_writes_otherwise_are_read_all_the_same() -> None:
    stream = MemoryStream()
    stream.commit(what={"small": 1e-7, "large": 1e21, "name": "\U0001f600"})
    (event,) = stream.unacknowledged(0, 1)
    assert b"1e-7" in event.body
    assert read_event(T1, event.body).members["data"]["what"]["small"] == 1e-7


def test_acknowledgements_are_gathered() -> None:
    room = Room(Rules(ack_every=10, ack_after_s=60.0))
    *nine, tenth = events(10)
    for event in nine:
        room.hear("events", event.body)
    assert room.broker.turn() == []
    room.hear("events", tenth.body)
    assert [ack.through for ack in room.broker.turn()] == [10]
    assert room.broker.turn() == []


def test_one_write_serves_every_stream_that_has_something_new(tmp_path: Path) -> None:
    room = Room(Rules(ack_every=2, ack_after_s=60.0), tmp_path / "state.json")
    room.hear("events", events(1, "stream-b")[0].body)
    for event in events(2):
        room.hear("events", event.body)
    assert {(ack.stream, ack.through) for ack in room.broker.turn()} == {("stream-a", 2), ("stream-b", 1)}
    again = Room(state=tmp_path / "state.json")
    assert [ledger.head.sequence for ledger in again.centre.ledgers().values()] == [1, 2]


def test_nothing_is_acknowledged_that_the_disk_does_not_hold(tmp_path: Path) -> None:
    room = Room(state=tmp_path / "gone" / "state.json")
    room.hear("events", events(1)[0].body)
    with pytest.raises(LinkError, match="nothing is acknowledged until it can"):
        room.broker.turn()
    assert room.broker.taken == []


def test_what_the_sink_cannot_keep_is_neither_held_nor_acknowledged() -> None:
    room = Room()
    first, second = events(2)
    room.hear("events", first.body)
    room.full = True
    with pytest.raises(LinkError, match="disk full"):
        room.hear("events", second.body)
    assert [ack.through for ack in room.broker.turn()] == [1]
    room.full = False
    room.hear("events", second.body)
    assert [ack.through for ack in room.broker.turn()] == [2]
    assert [one.event.sequence for one in room.seen] == [1, 2]


def test_terminal_that_makes_up_streams_is_bounded() -> None:
    room = Room()
    for number in range(MAX_STREAMS_OF_ONE + 20):
        room.hear("events", events(1, f"stream-{number}")[0].body)
    assert len(room.centre.ledgers()) == MAX_STREAMS_OF_ONE
    assert len(room.problems) == 1
    assert "streams of this terminal" in room.problems[0]


def succeeding(stream: str, predecessor: str) -> StoredEvent:
    made = MemoryStream(stream)
    made.commit(kind="system.started", what={"action": "start", "predecessor": {"stream": predecessor}})
    return made.unacknowledged(0, 1)[0]


def test_invented_streams_keep_out_neither_what_the_device_signed_nor_what_succeeds_it(tmp_path: Path) -> None:
    state = tmp_path / "console.json"
    room = Room(state=state)
    for event in signed_stream(SigningKey.generate()):
        room.hear("events", event.body)
    for number in range(MAX_STREAMS_OF_ONE + 20):
        room.hear("events", events(1, f"invented-{number}")[0].body)
    room.hear("events", succeeding("genuine", "stream-a").body)
    room.broker.turn()
    again = Room(state=state)
    for number in range(MAX_STREAMS_OF_ONE + 20):
        again.hear("events", events(1, f"more-{number}")[0].body)
    kept = {stream: ledger.head.sequence for (_, stream), ledger in again.centre.ledgers().items()}
    assert (kept["stream-a"], kept["genuine"], len(kept)) == (4, 1, MAX_STREAMS_OF_ONE)


def test_who_names_an_invented_predecessor_gains_nothing() -> None:
    room = Room()
    room.hear("events", events(1, "invented")[0].body)
    room.hear("events", succeeding("false", "invented").body)
    for number in range(MAX_STREAMS_OF_ONE):
        room.hear("events", events(1, f"stream-{number}")[0].body)
    assert not {"invented", "false"} & {stream for _, stream in room.centre.ledgers()}


def test_signed_streams_are_bounded_and_never_forgotten() -> None:
    room, device = Room(), SigningKey.generate()
    for number in range(MAX_STREAMS_OF_ONE):
        for event in signed_stream(device, f"stream-{number}"):
            room.hear("events", event.body)
    room.hear("events", events(1, "one-more")[0].body)
    assert {stream for _, stream in room.centre.ledgers()} == {f"stream-{n}" for n in range(MAX_STREAMS_OF_ONE)}
    assert "all are signed" in room.problems[0]


def test_asking_in_vain_becomes_rare_and_is_said() -> None:
    now_s = [0.0]
    told: list[str] = []
    desks = Desks(Rules(want_after_s=1.0), {}, Problems(told.append), lambda: now_s[0])
    asked: list[float] = []
    while now_s[0] < 120:
        desks.take(read_event(T1, events(3)[2].body), lambda _: None)
        if desks.due():
            asked += [now_s[0] for _, ack in desks.answers(9) if ack.want is not None]
        now_s[0] += 0.5
    gaps = [after - before for before, after in itertools.pairwise(asked)]
    assert gaps[:5] == [1.0, 2.0, 4.0, 8.0, 16.0]
    assert set(gaps[5:]) == {16.0}
    assert len(told) == 1
    assert "nothing behind it is acknowledged" in told[0]


def signed_stream(key: SigningKey, stream: str = "stream-a", *, lie: dict[str, Any] | None = None) -> list[StoredEvent]:
    """Return three events and the checkpoint that signs them, changed by ``lie``."""
    made = events(3, stream)
    head = ChainHead(3, made[-1].chainhash)
    now = Clock(time.time(), 1, True)
    event = checkpoint(key, stream, head, now, Environment(IDENTITY))
    event.data["what"].update(lie or {})  # type: ignore[attr-defined]  # a dict, whatever its annotation
    return [*made, seal(event, IDENTITY, stream, head, time.time())]


def receipts_in(path: Path, key: SigningKey) -> list[Receipt]:
    return [Receipt.of(line, key.public) for line in path.read_bytes().splitlines()]


def test_checkpoint_of_the_device_is_countersigned_before_it_is_acknowledged(tmp_path: Path) -> None:
    device, ours, path = SigningKey.generate(), SigningKey.generate(), tmp_path / "receipts.jsonl"
    room = Room(receipts=Receipts(path, ours, "console"))
    sent = signed_stream(device)
    for event in sent:
        room.hear("events", event.body)
    assert path.read_bytes() == b""
    assert [ack.through for ack in room.broker.turn()] == [4]
    (receipt,) = receipts_in(path, ours)
    assert (receipt.stream, receipt.head) == ("stream-a", ChainHead(4, sent[-1].chainhash))


@pytest.mark.parametrize(
    "lie", [{"sig": "AAAA"}, {"through": "000000000002"}, {"stream": "stream-b"}, {"chainhash": "0" * 64}, {"key": 7}]
)
def test_checkpoint_that_is_not_true_is_told_and_not_countersigned(tmp_path: Path, lie: dict[str, Any]) -> None:
    ours, path = SigningKey.generate(), tmp_path / "receipts.jsonl"
    room = Room(receipts=Receipts(path, ours, "console"))
    for event in signed_stream(SigningKey.generate(), lie=lie):
        room.hear("events", event.body)
    assert [ack.through for ack in room.broker.turn()] == [4]
    assert path.read_bytes() == b""
    assert len(room.problems) == 1
    assert "checkpoint" in room.problems[0]


def test_other_device_key_is_told_loudly_even_after_a_restart(tmp_path: Path) -> None:
    state, ours, path = tmp_path / "state.json", SigningKey.generate(), tmp_path / "receipts.jsonl"
    room = Room(state=state, receipts=Receipts(path, ours, "console"))
    for event in signed_stream(SigningKey.generate()):
        room.hear("events", event.body)
    room.broker.turn()
    again = Room(state=state, receipts=Receipts(path, ours, "console"))
    for event in signed_stream(SigningKey.generate(), "stream-b"):
        again.hear("events", event.body)
    again.broker.turn()
    assert len(receipts_in(path, ours)) == 1
    assert "another device speaks in its name" in again.problems[0]


def test_torn_receipt_is_taken_away(tmp_path: Path) -> None:
    ours, path = SigningKey.generate(), tmp_path / "receipts.jsonl"
    first = Receipts(path, ours, "console")
    first.sign("stream-a", genesis("stream-a"))
    first.settle()
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:40])
    again = Receipts(path, ours, "console")
    again.sign("stream-a", ChainHead(7, "0" * 64))
    again.settle()
    path.write_bytes(path.read_bytes() + whole[:40])
    again.sign("stream-a", ChainHead(8, "0" * 64))
    again.settle()
    assert [receipt.head.sequence for receipt in receipts_in(path, ours)] == [0, 7, 8]
    assert path.stat().st_mode & 0o777 == 0o600


def status_of(stream: str, sent_through: int) -> bytes:
    status = {"state": "online", "boot_id": "b", "challenge": "c", "since": "now", "firmware": "0"}
    return json.dumps(status | {"stream": stream, "sent_through": f"{sent_through:012d}"}).encode()


def test_console_that_holds_nothing_begins_where_the_terminal_was_released_and_says_so() -> None:
    room = Room()
    room.hear("status", status_of("stream-a", 5))
    made = events(7)
    room.hear("events", made[5].body)
    assert room.seen == []
    room.hear("health", b'{"gauges":{"outbox_acknowledged_through":5}}')
    room.hear("events", made[5].body)
    assert [one.event.sequence for one in room.seen] == [6]
    assert "begins behind them and does not hold them" in room.problems[0]


def test_forged_health_releases_nothing_behind_a_hole() -> None:
    room = Room()
    made = events(7)
    room.hear("status", status_of("stream-a", 7))
    room.hear("events", made[0].body)
    room.hear("health", b'{"gauges":{"outbox_acknowledged_through":5}}')
    for event in made[5:]:
        room.hear("events", event.body)
    assert [one.event.sequence for one in room.seen] == [1]
    assert {ack.through for ack in room.broker.turn()} == {1}


def test_terminal_whose_name_cannot_be_is_not_listened_to() -> None:
    room = Room()
    other = Identity("lab", "t" * 40, "0", "boot", "door")
    room.hear("status", b"{}", Topics(other.site, other.terminal))
    assert "cannot be one" in room.problems[0]
    assert room.centre.ledgers() == {}
