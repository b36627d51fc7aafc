from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from livegate.audit.chain import verify_chain
from livegate.config import WhenFull
from livegate.errors import LinkError, StoreError, StoreFull
from livegate.events.cloudevents import MAX_EVENT_BYTES, ChainHead, genesis
from livegate.store import Store, StoreReader
from livegate.store.full import RESERVED_EVENTS
from livegate.types import AccessEvent
from support.stores import StillClock, opened, plain, policy, record, whole


def kinds(store: Store) -> list[str]:
    return [json.loads(event.body)["type"].removeprefix("io.livegate.").removesuffix(".v1") for event in whole(store)]


def what(store: Store, kind: str) -> list[dict[str, object]]:
    told = [json.loads(event.body) for event in whole(store)]
    return [event["data"]["what"] for event in told if event["type"] == f"io.livegate.{kind}.v1"]


def acknowledge(store: Store, through: int) -> None:
    chainhash = store.chainhash_at(through)
    assert chainhash is not None
    store.acknowledge(through, chainhash, "console")


def test_a_new_stream_begins_with_the_start_of_the_system(tmp_path: Path) -> None:
    with opened(tmp_path / "deep" / "state") as store:
        assert store.anchor() == genesis(store.stream)
        assert kinds(store) == ["system.started"]
        assert what(store, "system.started") == [
            {"action": "start", "cause": "boot", "predecessor": None, "device_key": None, "device_keyid": None}
        ]
        assert store.last().sequence == 1


def test_events_are_numbered_chained_and_survive(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        stored = [record(store, number) for number in range(5)]
        assert [event.sequence for event in stored] == [2, 3, 4, 5, 6]
        assert store.last() == ChainHead(6, stored[-1].chainhash)
        stream = store.stream
    with opened(tmp_path) as store:
        assert store.stream == stream
        assert kinds(store)[-1] == "system.started"
        assert whole(store)[1:6] == stored
        assert verify_chain(whole(store), store.anchor()) is None


def test_a_restart_within_a_boot_is_told_from_a_boot(tmp_path: Path) -> None:
    for boot in ("one", "one", "two"):
        opened(tmp_path, boot=boot).close()
    with opened(tmp_path, boot="two") as store:
        assert [start["cause"] for start in what(store, "system.started")] == ["boot", "restart", "boot", "restart"]


def test_what_is_raised_inside_rolls_everything_back(tmp_path: Path) -> None:
    with opened(tmp_path) as store:

        def fail() -> None:
            with store.transaction() as t:
                t.enqueue(plain())
                raise KeyError("a bug")

        with pytest.raises(KeyError):
            fail()
        assert store.last().sequence == 1
        assert record(store).sequence == 2


@pytest.mark.parametrize("data", [{"score": float("nan")}, {"value": b"bytes"}, {"text": "\ud800"}])
def test_data_that_is_no_json_is_refused_and_leaves_nothing(tmp_path: Path, data: dict[str, object]) -> None:
    with opened(tmp_path) as store:
        with pytest.raises(StoreError, match=r"capacity: its data cannot be written as JSON"), store.transaction() as t:
            t.enqueue(AccessEvent("capacity", data, 0.0, 0))
        assert store.last().sequence == 1


def test_an_event_too_long_for_a_broker_is_refused_by_its_kind(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        before = store.last()
        with (
            pytest.raises(StoreError, match=f"event door: .* expected at most {MAX_EVENT_BYTES}"),
            store.transaction() as t,
        ):
            t.enqueue(AccessEvent("door", {"what": "x" * MAX_EVENT_BYTES}, 0.0, 0))
        assert store.last() == before
        record(store)


def test_the_console_releases_and_only_it(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        for number in range(9):
            record(store, number)
        assert [event.sequence for event in store.unacknowledged(0, 3)] == [1, 2, 3]
        assert [event.sequence for event in store.unacknowledged(8, 99)] == [9, 10]
        acknowledge(store, 4)
        assert store.acknowledged_through() == 4
        assert [event.sequence for event in store.unacknowledged(0, 2)] == [5, 6]
    with opened(tmp_path) as store:
        assert store.acknowledged_through() == 4
        assert store.counts().unacknowledged == 7


def test_acknowledgements_that_cannot_be_change_nothing(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        head = record(store)
        acknowledge(store, 1)
        with pytest.raises(LinkError, match="not that of our event"):
            store.acknowledge(2, "00" * 32, "console")
        with pytest.raises(LinkError, match="above 2"):
            store.acknowledge(3, head.chainhash, "console")
        store.acknowledge(0, "nonsense", "console")
        store.acknowledge(1, "nonsense", "console")
        assert store.acknowledged_through() == 1


def test_history_stays_where_nobody_signs_it(tmp_path: Path) -> None:
    with opened(tmp_path, history=100) as store:
        for number in range(149):
            record(store, number)
            acknowledge(store, store.last().sequence)
        assert len(whole(store)) == store.last().sequence == 150
        assert verify_chain(whole(store), store.anchor()) is None


def test_capacity_is_told_at_each_level_and_again_after_it_was_released(tmp_path: Path) -> None:
    with opened(tmp_path, history=100) as store:
        for number in range(97):
            record(store, number)
        assert [told["percent"] for told in what(store, "capacity")] == [75, 90, 100]
        acknowledge(store, 60)
        for number in range(40):
            record(store, number)
        assert [told["percent"] for told in what(store, "capacity")] == [75, 90, 100, 75]


def test_a_full_store_denies_attempts_but_still_tells_of_the_door(tmp_path: Path) -> None:
    with opened(tmp_path, history=100) as store:
        for number in range(97):
            record(store, number)
        with pytest.raises(StoreFull, match="history_events"):
            record(store)
        held = store.last().sequence
        assert 100 <= held <= 101
        assert record(store, kind="door.state").sequence == held + 1
        acknowledge(store, 50)
        assert record(store).sequence == held + 2
        assert verify_chain(whole(store), store.anchor()) is None


def test_the_reserve_is_bounded_too_and_a_full_store_still_opens(tmp_path: Path) -> None:
    with opened(tmp_path, history=100) as store:
        for number in range(100 + RESERVED_EVENTS - 4):
            record(store, number, "door.state")
        with pytest.raises(StoreFull):
            record(store, kind="door.state")
        last = store.last()
    with opened(tmp_path, history=100) as store:
        assert store.last() == last
        acknowledge(store, last.sequence)
        assert record(store).sequence == last.sequence + 2
        assert kinds(store)[-2:] == ["system.started", "access.attempt"]
        assert record(store).sequence == last.sequence + 3


def test_dropping_the_oldest_owns_up_to_it(tmp_path: Path) -> None:
    with opened(tmp_path, history=100, when_full=WhenFull.DROP_OLDEST) as store:
        for number in range(30):
            record(store, number)
        acknowledge(store, 20)
        released = store.chainhash_at(20)
        for number in range(400):
            record(store, number)
            if number % 16 == 0:
                assert verify_chain(whole(store), store.anchor()) is None
        counts = store.counts()
        assert counts.unacknowledged <= 100
        newest = what(store, "gap")[-1]
        assert newest["from"] == "000000000021"
        assert newest["chainhash_before"] == released
        assert newest["to"] == f"{20 + counts.dropped:012d}"
        assert sum(newest["counts"].values()) == counts.dropped  # type: ignore[attr-defined]
        assert store.unacknowledged(0, 1)[0].sequence == 21 + counts.dropped


def test_acknowledging_across_a_hole_and_inside_it(tmp_path: Path) -> None:
    with opened(tmp_path, history=100, when_full=WhenFull.DROP_OLDEST) as store:
        had = record(store)
        for number in range(150):
            record(store, number)
        hole = store.counts().dropped
        assert hole > had.sequence
        store.acknowledge(had.sequence, had.chainhash, "console")
        assert store.acknowledged_through() == 0
        acknowledge(store, hole)
        assert store.acknowledged_through() == hole
        acknowledge(store, store.last().sequence)
        assert store.counts().unacknowledged == 0
        assert store.counts().dropped == 0
        assert verify_chain(whole(store), store.anchor()) is None


def test_threads_may_write_at_once(tmp_path: Path) -> None:
    with opened(tmp_path) as store:

        def write() -> None:
            for number in range(25):
                record(store, number)
                acknowledge(store, store.last().sequence)

        threads = [threading.Thread(target=write) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert store.last().sequence == 101
        assert verify_chain(whole(store), store.anchor()) is None


def test_a_reader_beside_the_daemon_and_after_it(tmp_path: Path) -> None:
    with opened(tmp_path) as store, StoreReader(tmp_path) as reader:
        record(store)
        assert reader.last() == store.last()
    with StoreReader(tmp_path) as reader:
        assert reader.last().sequence == 2
        assert [event.sequence for event in reader.events(0, 9, "access.attempt")] == [2]


def test_chores_keep_everything(tmp_path: Path) -> None:
    clock = StillClock()
    with opened(tmp_path, clock) as store:
        for number in range(20):
            record(store, number)
        store.tick(policy())
        record(store)
        assert verify_chain(whole(store), store.anchor()) is None
