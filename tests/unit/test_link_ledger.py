"""The console's ledger: one place in the chain, moved only by what fits."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegate.errors import LinkError
from livegate.events.cloudevents import StoredEvent
from livegate.report.topics import Topics, split
from livegate_tools.console.ledger import Ledger, Taken
from livegate_tools.console.statefile import read_ledgers, write_ledgers
from support.streams import MemoryStream


def events(count: int) -> list[StoredEvent]:
    stream = MemoryStream()
    stream.commit(count)
    return stream.unacknowledged(0, count)


def take(ledger: Ledger, event: StoredEvent, *, asking: bool = True) -> Taken:
    return ledger.take(event, json.loads(event.body), asking=asking)


EVENTS = events(40)


@given(st.lists(st.integers(0, 39), max_size=200))
def test_whatever_order_they_come_in_only_the_next_moves_it(order: list[int]) -> None:
    ledger = Ledger.begin("stream-a")
    held = 0
    for index in order:
        taken = take(ledger, EVENTS[index])
        if taken is Taken.NEW and not ledger.holes:
            assert index == held
            held += 1
    if not ledger.holes:
        assert ledger.head.sequence == held


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


def test_hole_is_crossed_only_after_the_terminal_went_back_and_had_nothing() -> None:
    ledger = Ledger.begin("stream-a")
    assert take(ledger, EVENTS[0]) is Taken.NEW
    assert [take(ledger, EVENTS[index]) for index in range(5, 40)] == [Taken.AHEAD] * 35
    assert ledger.behind
    assert ledger.want == 2
    answers = [take(ledger, EVENTS[5]) for _ in range(5)]
    assert answers == [Taken.AHEAD] * 4 + [Taken.NEW]
    assert [(h.first, h.last, h.accounted) for h in ledger.holes] == [(2, 5, False)]
    assert take(ledger, EVENTS[6]) is Taken.NEW


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
    members = json.loads(sent[-1].body)
    forged = json.loads(sent[-1].body)
    forged["data"]["what"]["chainhash_after"] = "0" * 64
    assert ledger.take(sent[-1], forged, asking=False) is Taken.NEW
    assert not ledger.holes[0].accounted
    again = Ledger.begin("stream-a")
    for event in sent[:-1]:
        take(again, event, asking=False)
    again.take(sent[-1], members, asking=False)
    assert again.holes[0].accounted


def test_state_survives(tmp_path: Path) -> None:
    path = tmp_path / "console.json"
    assert read_ledgers(path) == {}
    ledger = Ledger.begin("stream-a")
    for index in (*range(3), *range(8, 12)):
        take(ledger, EVENTS[index], asking=False)
    key = (Topics("lab", "t1"), "stream-a")
    write_ledgers(path, {key: ledger})
    (kept,) = read_ledgers(path).values()
    assert (kept.head, kept.holes) == (ledger.head, ledger.holes)


@pytest.mark.parametrize("text", ["", "[]", '{"streams":[{}]}', '{"streams":7}'])
def test_state_that_is_not_ours_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "console.json"
    path.write_text(text)
    with pytest.raises(LinkError, match=r"console\.json"):
        read_ledgers(path)


def test_topics_are_split_as_they_are_made() -> None:
    topics = Topics("lab", "t1")
    assert split(topics.ack) == (topics, "events/ack")
    assert split(topics.status) == (topics, "status")
    for other in ("", "livegate/v1", "livegate/v2/lab/t1/status", "livegate/v1//t1/status", "livegate/v1/lab/t1/"):
        assert split(other) is None
