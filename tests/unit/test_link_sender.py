"""The terminal's side of the conversation, on a session that only records what is published."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from livegate.config import Mqtt
from livegate.errors import StoreError
from livegate.events.cloudevents import genesis
from livegate.report.acks import Ack, format_ack
from livegate.report.outflow import CONTENT_TYPE
from livegate.report.pacing import Pace
from livegate.report.rhythm import Rhythm
from livegate.report.sender import Sender, Speaker
from livegate.report.session import Arrival, Message, Puback, Subscribed
from livegate.report.topics import Topics
from support.streams import MemoryStream

TOPICS = Topics("lab", "t1")


class RecordingSession:
    """Takes everything and answers nothing."""

    def __init__(self, *, remembered: bool = False, receive_maximum: int = 32, max_packet_bytes: int = 24 * 1024):
        self.remembered = remembered
        self.receive_maximum = receive_maximum
        self.max_packet_bytes = max_packet_bytes
        self.published: list[Message] = []
        self.subscribed: list[str] = []

    def publish(self, message: Message) -> int:
        self.published.append(message)
        return len(self.published)

    def subscribe(self, *topics: str) -> None:
        self.subscribed += topics

    def sequences(self) -> list[int]:
        return [int(json.loads(m.payload)["sequence"]) for m in self.published if m.topic == TOPICS.events]


class Terminal:
    """A sender over an in-memory stream, its problems collected."""

    def __init__(self, committed: int = 0, stream: MemoryStream | None = None):
        self.stream = stream or MemoryStream()
        self.stream.commit(committed)
        self.problems: list[str] = []
        mqtt = Mqtt("127.0.0.1", resend_after_s=3600)
        speaker = Speaker(TOPICS, "boot", "1.0")
        rhythm = Rhythm(want_again_s=0.0)
        self.sender = Sender(mqtt, speaker, self.stream, dict, self.problems.append, rhythm)

    def connect(self, **how: object) -> RecordingSession:
        session = RecordingSession(**how)  # type: ignore[arg-type]
        self.sender.will()
        self.sender.opened(session)
        self.sender.turn(session)
        return session

    def receipt_all(self, session: RecordingSession) -> None:
        for mid in range(1, len(session.published) + 1):
            self.sender.happened(Puback(mid, None))

    def hear(self, payload: bytes) -> None:
        self.sender.happened(Arrival(TOPICS.ack, payload))


STREAM = MemoryStream()
STREAM.commit(20)
VALID = [Ack("stream-a", n, STREAM.chainhash_at(n) or "", "console") for n in (1, 7, 20)]


def test_first_words_are_subscription_status_health_and_events() -> None:
    session = Terminal(committed=2).connect()
    assert session.subscribed == [TOPICS.ack]
    assert [m.topic for m in session.published] == [TOPICS.status, TOPICS.health, TOPICS.events, TOPICS.events]
    status, health, event, _ = session.published
    assert status.retain
    assert not event.retain
    assert event.content_type == CONTENT_TYPE
    measured = json.loads(health.payload)
    assert measured["gauges"]["outbox_unacknowledged_events"] == 2
    assert measured["boot_id"] == "boot"


def test_in_flight_is_bounded_by_what_the_broker_takes() -> None:
    terminal = Terminal(committed=50)
    session = terminal.connect(receive_maximum=5)
    assert len(session.published) == 5
    terminal.receipt_all(session)
    terminal.sender.turn(session)
    assert len(session.published) == 10
    assert session.sequences() == list(range(1, 9))


def test_broker_that_forgot_us_is_sent_everything_again_and_one_that_did_not_only_what_it_never_took() -> None:
    terminal = Terminal(committed=6)
    session = terminal.connect()
    for mid in range(1, 7):  # status, health and four events
        terminal.sender.happened(Puback(mid, None))
    assert terminal.connect(remembered=True).sequences() == [5, 6]
    assert terminal.connect(remembered=False).sequences() == [1, 2, 3, 4, 5, 6]
    assert session.sequences() == [1, 2, 3, 4, 5, 6]


def test_event_longer_than_the_broker_takes_holds_nothing_up() -> None:
    terminal = Terminal(committed=1)
    terminal.stream.commit(what={"text": "x" * 16_000})
    terminal.stream.commit()
    session = terminal.connect(max_packet_bytes=8 * 1024)
    assert session.sequences() == [1, 3]
    assert "event 2 of" in terminal.problems[-1]
    assert terminal.sender.counts["events_too_long_total"] == 1


def test_what_is_announced_comes_with_every_connection_and_is_told_once_taken() -> None:
    terminal, told = Terminal(), []
    messages = (Message("homeassistant/a", b"1", retain=True), Message("homeassistant/b", b"", retain=True))
    terminal.sender.announce(messages, lambda: told.append(None))
    session = terminal.connect()
    assert [m for m in session.published if m.topic.startswith("home")] == list(messages)
    terminal.receipt_all(session)
    assert told == [None]
    assert [m for m in terminal.connect().published if m.topic.startswith("home")] == list(messages)


def test_receipts_release_nothing() -> None:
    terminal = Terminal(committed=3)
    terminal.receipt_all(terminal.connect())
    assert terminal.stream.acknowledged_through() == 0


def test_acknowledgements_that_follow_closely_are_written_down_together_and_the_last_one_at_the_end() -> None:
    terminal = Terminal(committed=6)
    session = terminal.connect()
    for through in (2, 3, 5):
        terminal.hear(format_ack(Ack("stream-a", through, terminal.stream.chainhash_at(through) or "", "console")))
    assert terminal.sender.window.acknowledged == 5
    assert terminal.stream.acknowledged_through() == 2
    terminal.sender.closing(session)  # type: ignore[arg-type]
    assert terminal.stream.acknowledged_through() == 5


def test_want_sends_again_from_there() -> None:
    terminal = Terminal(committed=6)
    session = terminal.connect()
    ack = Ack("stream-a", 2, terminal.stream.chainhash_at(2) or "", "console", want=4)
    terminal.hear(format_ack(ack))
    terminal.sender.turn(session)
    assert session.sequences() == [1, 2, 3, 4, 5, 6, 4, 5, 6]
    assert terminal.stream.acknowledged_through() == 2


@given(st.binary(max_size=300) | st.sampled_from([format_ack(ack) for ack in VALID]), st.data())
def test_no_message_changes_anything_unless_it_is_a_right_acknowledgement(payload: bytes, data: st.DataObject) -> None:
    terminal = Terminal(committed=0, stream=MemoryStream())
    terminal.stream.__dict__.update({k: v for k, v in STREAM.__dict__.items() if k != "_acknowledged"})
    terminal.connect()
    broken = data.draw(mutations(payload))
    terminal.hear(broken)
    right = {format_ack(ack): ack.through for ack in VALID}
    reached = terminal.stream.acknowledged_through()
    if broken not in right:
        # A mutation may happen to leave a right acknowledgement in other words.
        assert reached == 0 or says_the_same(broken, reached)
    else:
        assert reached == right[broken]
    assert terminal.sender.counts["acks_accepted_total"] + terminal.sender.counts["acks_refused_total"] == 1


@st.composite
def mutations(draw: st.DrawFn, payload: bytes) -> bytes:
    if not payload or draw(st.booleans()):
        return payload
    at = draw(st.integers(0, len(payload) - 1))
    cut = draw(st.integers(0, 3))
    return payload[:at] + draw(st.binary(max_size=3)) + payload[at + cut :]


def says_the_same(payload: bytes, through: int) -> bool:
    members = json.loads(payload)
    return (members["stream"], int(members["through"]), members["chainhash"], members["consumer"]) == (
        "stream-a",
        through,
        STREAM.chainhash_at(through),
        "console",
    )


def test_message_on_another_topic_is_nothing_to_us() -> None:
    terminal = Terminal(committed=3)
    terminal.connect()
    ack = Ack("stream-a", 2, terminal.stream.chainhash_at(2) or "", "console")
    terminal.sender.happened(Arrival(TOPICS.events, format_ack(ack)))
    assert terminal.stream.acknowledged_through() == 0


def test_acknowledgement_inside_what_was_dropped_is_listened_to_but_releases_nothing() -> None:
    terminal = Terminal(committed=20)
    held = Ack("stream-a", 8, terminal.stream.chainhash_at(8) or "", "console", want=9)
    terminal.stream.drop_through(15)
    terminal.stream.sign()
    session = terminal.connect()
    terminal.hear(format_ack(held))
    terminal.sender.turn(session)
    assert terminal.stream.acknowledged_through() == 0
    # The gap event is told before its place as well, with what proves it: nobody goes on behind a hole without it.
    assert session.sequences() == [20, 21, 22, *range(16, 23), 20, 21, 22, *range(16, 23)]


def test_first_acknowledgement_of_a_console_that_holds_nothing_is_right() -> None:
    terminal = Terminal(committed=3)
    terminal.connect()
    ack = Ack("stream-a", 0, genesis("stream-a").chainhash, "console", want=1)
    terminal.hear(format_ack(ack))
    assert terminal.sender.counts["acks_refused_total"] == 0


def test_refusals_of_the_broker_are_reported() -> None:
    terminal = Terminal(committed=1)
    session = terminal.connect()
    terminal.sender.happened(Puback(len(session.published), "Not authorized"))
    terminal.sender.happened(Subscribed("Not authorized"))
    published, subscribed = terminal.problems
    assert TOPICS.events in published
    assert TOPICS.ack in subscribed


class FailingStream(MemoryStream):
    """A store whose file can be read no more."""

    failing = False

    def unacknowledged(self, after: int, limit: int) -> list:
        if self.failing:
            raise StoreError("store.db: disk I/O error")
        return super().unacknowledged(after, limit)


def test_store_that_fails_is_reported_and_asked_again() -> None:
    stream = FailingStream()
    terminal = Terminal(committed=2, stream=stream)
    stream.failing = True
    session = terminal.connect()
    assert terminal.problems == ["store.db: disk I/O error"]
    stream.failing = False
    terminal.sender.wake()
    terminal.sender.turn(session)
    assert session.sequences() == [1, 2]


def test_silence_subscribes_anew_and_sends_again() -> None:
    stream = MemoryStream()
    stream.commit(2)
    sender = Sender(
        Mqtt("127.0.0.1", resend_after_s=0.1), Speaker(TOPICS, "boot", "1.0"), stream, dict, [].append, Rhythm()
    )
    session = RecordingSession()
    sender.will()
    sender.opened(session)
    while session.sequences() != [1, 2, 1, 2]:
        sender.turn(session)
    assert session.subscribed == [TOPICS.ack, TOPICS.ack]


def test_alternating_wants_do_not_make_a_storm() -> None:
    stream, session = MemoryStream(), RecordingSession(receive_maximum=100_000)
    stream.commit(100)
    sender = Sender(
        Mqtt("127.0.0.1", resend_after_s=3600),
        Speaker(TOPICS, "boot", "1.0"),
        stream,
        dict,
        [].append,
        Rhythm(want_again_s=3600),
    )
    sender.will()
    sender.opened(session)  # type: ignore[arg-type]
    for number in range(200):
        ack = Ack("stream-a", 0, genesis("stream-a").chainhash, "console", want=1 + number % 2)
        sender.happened(Arrival(TOPICS.ack, format_ack(ack)))
        sender.turn(session)  # type: ignore[arg-type]
    assert sender.counts["resends_total"] == 4
    assert sender.counts["wants_passed_over_total"] > 90
    assert len(session.sequences()) <= 5 * 100


@given(st.lists(st.floats(0, 2), min_size=1, max_size=200))
def test_pace_is_kept_in_any_stretch_of_time(waits_s: list[float]) -> None:
    pace, now_s, taken = Pace(4, 0.5), 100.0, []
    for wait_s in waits_s:
        now_s += wait_s
        if pace.take(now_s):
            taken.append(now_s)
    for first, begin_s in enumerate(taken):
        for last, end_s in enumerate(taken[first:], first):
            assert last - first + 1 <= 4 + (end_s - begin_s) / 0.5 + 1e-6


def test_measure_that_is_no_number_is_left_out_and_counted() -> None:
    measures = {"good": 1.0, "torn": float("nan"), "endless": float("inf")}
    sender = Sender(Mqtt("127.0.0.1"), Speaker(TOPICS, "boot", "1.0"), MemoryStream(), lambda: measures, [].append)
    session = RecordingSession()
    sender.will()
    sender.opened(session)  # type: ignore[arg-type]
    sender.turn(session)  # type: ignore[arg-type]
    (health,) = (json.loads(m.payload) for m in session.published if m.topic == TOPICS.health)
    assert "torn" not in health["gauges"]
    assert health["gauges"]["good"] == 1.0
    assert health["counters"]["measures_left_out_total"] == 2
