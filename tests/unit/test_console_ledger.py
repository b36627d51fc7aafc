"""The console's ledger: one place in the chain, moved only by what fits."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegate.errors import LinkError
from livegate.events.checkpoint import read_checkpoint
from livegate.events.cloudevents import ChainHead, StoredEvent
from livegate.events.opened import OpenedEvent
from livegate.report.topics import Topics, split
from livegate.trust.keys import SigningKey
from livegate_tools.console.ledger import Ledger, Taken
from livegate_tools.console.statefile import State, read_state, write_state
from support.streams import MemoryStream, seal_next


def events(count: int) -> list[StoredEvent]:
    stream = MemoryStream()
    stream.commit(count)
    return stream.unacknowledged(0, count)


def take(ledger: Ledger, event: StoredEvent, *, asking: bool = True) -> Taken:
    opened = replace(OpenedEvent.of(event.body), chainhash=event.chainhash)
    return ledger.take(opened, asking=asking, signed=signed(opened))


def signed(event: OpenedEvent) -> ChainHead | None:
    """Return what the device's checkpoint vouches for."""
    return read_checkpoint(event.what).head if "chain.checkpoint" in event.members["type"] else None


def forge(event: StoredEvent, name: str, value: object) -> OpenedEvent:
    """Return a gap event that says something else and whose hash is right all the same."""
    members = json.loads(event.body)
    members["data"]["what"][name] = value
    return replace(OpenedEvent.of(event.body), members=members)


EVENTS = events(40)


@given(st.lists(st.integers(0, 39), max_size=200))
def test_whatever_order_they_come_in_only_the_next_moves_it(order: list[int]) -> None:
    ledger = Ledger.begin("stream-a")
    held = 0
    for index in order:
        taken = take(ledger, EVENTS[index])
        if taken is Taken.NEW:
            assert index == held
            held += 1
    assert ledger.head.sequence == held
    assert ledger.holes == []


def test_altered_event_is_not_taken_and_the_right_one_still_is() -> None:
    ledger = Ledger.begin("stream-a")
    assert take(ledger, EVENTS[0]) is Taken.NEW
    body = EVENTS[1].body.replace(b'"denied"', b'"granted"')
    assert take(ledger, replace(EVENTS[1], body=body)) is Taken.ALTERED
    assert (ledger.altered, ledger.head.sequence) == (2, 1)
    assert take(ledger, EVENTS[1]) is Taken.NEW
    assert ledger.altered is None


def test_other_hash_for_what_is_held_is_altered() -> None:
    ledger = Ledger.begin("stream-a")
    take(ledger, EVENTS[0])
    assert take(ledger, replace(EVENTS[0], chainhash="0" * 64)) is Taken.ALTERED
    assert take(ledger, EVENTS[0]) is Taken.AGAIN


def test_hole_is_never_crossed_on_the_word_of_silence() -> None:
    ledger = Ledger.begin("stream-a")
    assert take(ledger, EVENTS[0]) is Taken.NEW
    for _ in range(20):
        assert [take(ledger, EVENTS[index]) for index in range(5, 40)] == [Taken.AHEAD] * 35
    assert ledger.behind
    assert (ledger.want, ledger.skipping, ledger.holes) == (2, True, [])
    assert take(ledger, EVENTS[1]) is Taken.NEW


def dropped(count: int, through: int) -> list[StoredEvent]:
    """Return what is left of a stream that dropped its oldest events: at its end the gap event and a checkpoint."""
    stream = MemoryStream()
    stream.commit(count)
    stream.drop_through(through)
    stream.sign()
    return stream.unacknowledged(0, count + 2)


def test_gap_event_sent_ahead_of_its_place_lets_the_hole_be_crossed() -> None:
    *rest, gap, checkpoint = dropped(2_000, 1_500)
    ledger = Ledger.begin("stream-a")
    assert take(ledger, rest[0]) is Taken.AHEAD
    assert [take(ledger, event) for event in (rest[-1], gap)] == [Taken.AHEAD] * 2
    assert take(ledger, rest[0]) is Taken.AHEAD
    assert [take(ledger, event) for event in (rest[-1], gap, checkpoint)] == [Taken.AHEAD] * 3
    assert [take(ledger, event) for event in rest] == [Taken.NEW] * 500
    assert [(h.first, h.last, h.accounted) for h in ledger.holes] == [(1, 1_500, False)]
    assert take(ledger, gap) is Taken.NEW
    assert [(h.first, h.last, h.accounted) for h in ledger.holes] == [(1, 1_500, True)]


def test_what_does_not_fit_the_gap_is_not_crossed_to() -> None:
    *rest, gap, checkpoint = dropped(20, 10)
    other = dropped(21, 10)[0]
    ledger = Ledger.begin("stream-a")
    assert [take(ledger, event) for event in (rest[-1], gap, checkpoint)] == [Taken.AHEAD] * 3
    altered = replace(other, body=other.body.replace(b'"denied"', b'"granted"'))
    assert take(ledger, altered) is Taken.AHEAD
    assert take(ledger, rest[3]) is Taken.AHEAD
    assert ledger.head.sequence == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("chainhash_before", "0" * 64),
        ("chainhash_before", 7),
        ("chainhash_after", "0" * 64),
        ("from", "000000000002"),
        ("to", "000000000009"),
        ("to", "000000000000"),
        ("to", None),
        ("to", "000000000040"),
    ],
)
def test_unsound_gap_crosses_nothing(name: str, value: object) -> None:
    *rest, gap, checkpoint = dropped(20, 10)
    ledger = Ledger.begin("stream-a")
    assert take(ledger, rest[-1]) is Taken.AHEAD
    assert ledger.take(forge(gap, name, value), asking=True) is Taken.AHEAD
    assert take(ledger, checkpoint) is Taken.AHEAD
    assert take(ledger, rest[0]) is Taken.AHEAD


def test_forged_gap_in_the_place_of_a_signed_one_crosses_nothing() -> None:
    """What the device signed is the hash of its own event: words of another do not lead there."""
    *rest, gap, checkpoint = dropped(40, 10)
    ledger = Ledger.begin("stream-a")
    made_up = json.loads(gap.body)
    made_up["data"]["what"] |= {"to": "000000000020", "chainhash_after": rest[9].chainhash}
    body = json.dumps(made_up, sort_keys=True, separators=(",", ":")).encode()
    for event in (rest[-1], replace(gap, body=body), checkpoint):
        assert take(ledger, event) is Taken.AHEAD
    assert [take(ledger, event) for event in rest[10:]] == [Taken.AHEAD] * 20
    assert ledger.head.sequence == 0


def test_other_event_at_the_place_of_a_proven_gap_is_not_taken() -> None:
    *rest, gap, checkpoint = dropped(20, 10)
    ledger = Ledger.begin("stream-a")
    for event in (rest[-1], gap, checkpoint):
        take(ledger, event)
    assert [take(ledger, event) for event in rest] == [Taken.NEW] * 10
    assert take(ledger, seal_next(ledger.head, "stream-a", 21)) is Taken.ALTERED
    assert take(ledger, gap) is Taken.NEW


def test_what_the_terminal_says_was_released_is_not_asked_for() -> None:
    ledger = Ledger.begin("stream-a")
    assert take(ledger, EVENTS[30]) is Taken.AHEAD
    ledger.claim_released(29)
    assert take(ledger, EVENTS[30]) is Taken.AHEAD
    ledger.claim_released(30)
    assert take(ledger, EVENTS[30]) is Taken.NEW
    assert take(ledger, EVENTS[31]) is Taken.NEW
    assert [(h.first, h.last, h.accounted) for h in ledger.holes] == [(1, 30, False)]
    assert ledger.begins_after == 30


@given(st.integers(0, 39), st.integers(0, 10**12))
def test_who_holds_anything_crosses_no_hole_on_the_word_of_the_terminal(index: int, said: int) -> None:
    ledger = Ledger.begin("stream-a")
    assert take(ledger, EVENTS[0]) is Taken.NEW
    ledger.claim_released(said)
    assert take(ledger, EVENTS[index]) is {0: Taken.AGAIN, 1: Taken.NEW}.get(index, Taken.AHEAD)
    assert (ledger.holes, ledger.begins_after) == ([], 0)


@pytest.mark.parametrize("said", [0, 29, 31, 10**12])
def test_word_that_is_not_about_just_what_is_missing_crosses_nothing(said: int) -> None:
    ledger = Ledger.begin("stream-a")
    ledger.claim_released(said)
    assert take(ledger, EVENTS[30]) is Taken.AHEAD


def test_console_without_memory_crosses_what_was_released_and_then_dropped() -> None:
    stream = MemoryStream()
    stream.commit(40)
    stream.acknowledge(10, stream.chainhash_at(10) or "", "console")
    stream.drop_through(25)
    stream.sign()
    *rest, gap, checkpoint = stream.unacknowledged(0, 50)
    ledger = Ledger.begin("stream-a")
    for event in (rest[-1], gap, checkpoint, rest[0]):
        assert take(ledger, event) is Taken.AHEAD
    ledger.claim_released(10)
    assert take(ledger, rest[0]) is Taken.NEW
    assert ledger.begins_after == 10


def test_holes_are_bounded() -> None:
    ledger = Ledger.begin("stream-a")
    many = events(300)
    for event in many[::2]:
        take(ledger, event, asking=False)
    assert (len(ledger.holes), ledger.holes_forgotten) == (64, 149 - 64)
    assert sum(hole.resumed is not None for hole in ledger.holes) == 1


def test_looker_on_begins_where_it_comes_in() -> None:
    ledger = Ledger.begin("stream-a")
    assert take(ledger, EVENTS[20], asking=False) is Taken.NEW
    assert take(ledger, EVENTS[21], asking=False) is Taken.NEW
    assert ledger.head.sequence == 22


def test_gap_event_that_does_not_fit_accounts_for_nothing() -> None:
    stream = MemoryStream()
    stream.commit(10)
    stream.drop_through(4)
    sent = stream.unacknowledged(0, 20)
    ledger = Ledger.begin("stream-a")
    for event in sent[:-1]:
        take(ledger, event, asking=False)
    assert ledger.take(forge(sent[-1], "chainhash_after", "0" * 64), asking=False) is Taken.NEW
    assert not ledger.holes[0].accounted
    again = Ledger.begin("stream-a")
    for event in sent[:-1]:
        take(again, event, asking=False)
    take(again, sent[-1], asking=False)
    assert again.holes[0].accounted


def test_state_survives(tmp_path: Path) -> None:
    path = tmp_path / "console.json"
    assert read_state(path) == State()
    ledger = Ledger.begin("stream-a")
    for index in (*range(3), *range(8, 12)):
        take(ledger, EVENTS[index], asking=False)
    ledger.begins_after, ledger.signed, ledger.follows = 2, 3, True
    key = (Topics("lab", "t1"), "stream-a")
    key_of_device = SigningKey.generate().public
    write_state(path, State({key: ledger}, {key[0]: key_of_device}))
    state = read_state(path)
    (kept,) = state.ledgers.values()
    assert kept.head == ledger.head
    assert (kept.begins_after, kept.signed, kept.follows) == (2, 3, True)
    assert [(h.first, h.last, h.before) for h in kept.holes] == [(h.first, h.last, h.before) for h in ledger.holes]
    assert state.devices == {key[0]: key_of_device}


@pytest.mark.parametrize("text", ["", "[]", '{"streams":[{}]}', '{"streams":7}'])
def test_state_that_is_not_ours_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "console.json"
    path.write_text(text)
    with pytest.raises(LinkError, match=r"console\.json"):
        read_state(path)


def test_topics_are_split_as_they_are_made() -> None:
    topics = Topics("lab", "t1")
    assert split(topics.ack) == (topics, "events/ack")
    assert split(topics.status) == (topics, "status")
    for other in ("", "livegate/v1", "livegate/v2/lab/t1/status", "livegate/v1//t1/status", "livegate/v1/lab/t1/"):
        assert split(other) is None
