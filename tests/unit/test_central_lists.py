"""Central lists from the manifest to the lookup, and everything that is refused on the way."""

from __future__ import annotations

import random
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from livegate.gate.facts import BlockAction, ListEntry
from livegate.lists import CentralLists, ListName, ListRefusal, Receiver
from livegate.lists.receiver import MAX_TRIES
from livegate.types import Credential
from support.central_lists import DAY_S, NOW_S, blocked, blocked_many, edition, finished, found, hex_of, made, received

BLOCK, ALLOW = ListName.BLOCK, ListName.ALLOW


def test_whole_list_comes_into_force(lists: CentralLists, receiver: Receiver, tmp_path: Path) -> None:
    sent = made(
        edition(),
        [
            blocked(1, action="review", reason="Überprüfen", until="2026-12-31T18:00:00Z"),
            {"kind": "terminal", "value": "front-door", "action": "step_up"},
            {"kind": "media", "value": hex_of(2)},
        ],
    )
    progress = received(receiver, sent)
    assert progress.applied is not None
    assert (progress.applied.version, progress.applied.entries) == (1, 3)
    assert progress.applied.sha256 == sent.manifest.sha256
    assert progress.state() == {
        "version": 1,
        "expires": "2026-11-19T11:06:40.000Z",
        "receiving": None,
        "want": None,
        "refused": None,
    }
    assert lists.lookup_block([("credential", hex_of(1)), ("terminal", "front-door"), ("media", hex_of(2))]) == (
        ListEntry("credential", hex_of(1), BlockAction.REVIEW, "Überprüfen", 1798740000.0, "central"),
        ListEntry("terminal", "front-door", BlockAction.STEP_UP, "", None, "central"),
        ListEntry("media", hex_of(2), BlockAction.DENY, "", None, "central"),
    )
    assert lists.lookup_block([("credential", hex_of(2)), ("media", hex_of(1)), ("terminal", hex_of(1))]) == ()
    assert sorted(path.name for path in tmp_path.glob("*.db")) == ["lists.block.1.db"]
    assert not list(tmp_path.glob("*.chunks"))


def test_allow_list_gives_whole_credentials(lists: CentralLists, receiver: Receiver) -> None:
    entry = {
        "kind": "qr",
        "value": hex_of(1),
        "from": "2026-01-01T00:00:00Z",
        "until": "2026-12-31T18:00:00.000Z",
        "schedule": "office",
        "zones": ["east", "west"],
        "duress": True,
    }
    received(receiver, made(edition(ALLOW), [entry, {"kind": "card", "value": hex_of(2)}]))
    zones = frozenset({"east", "west"})
    assert lists.lookup_allow(hex_of(1), "qr") == Credential(
        hex_of(1), "qr", True, 1767225600.0, 1798740000.0, "office", zones, True
    )
    assert lists.lookup_allow(hex_of(2), "card") == Credential(hex_of(2), "card", True)
    assert lists.lookup_allow(hex_of(1), "card") is None
    assert lists.lookup_allow("' OR 1=1 --", "card") is None
    assert lists.lookup_allow(hex_of(2), "iris") is None


def test_delta_changes_what_is_there(lists: CentralLists, receiver: Receiver, tmp_path: Path) -> None:
    received(receiver, made(edition(), blocked_many(100)))
    delta = [blocked(1, op="delete"), blocked(2, action="lockout"), blocked(200), blocked(300, op="delete")]
    progress = received(receiver, made(edition(version=2, base=1), delta), floor=1)
    assert progress.refused is None
    assert progress.applied is not None
    assert (progress.applied.version, progress.applied.base, progress.applied.entries) == (2, 1, 100)
    assert found(lists, 1) is None
    assert found(lists, 2) == ListEntry("credential", hex_of(2), BlockAction.LOCKOUT, "", None, "central")
    assert found(lists, 3) is not None
    assert found(lists, 200) is not None
    # One file still: a thousand changes do not write a million rows.
    assert sorted(path.name for path in tmp_path.glob("*.db")) == ["lists.block.1.db"]


def test_delta_without_entries_lets_a_list_hold_longer(lists: CentralLists, receiver: Receiver) -> None:
    received(receiver, made(edition(), blocked_many(3)))
    longer = replace(edition(version=2, base=1), expires_s=NOW_S + 5 * DAY_S)
    received(receiver, made(longer, []))
    assert lists.stale(NOW_S + 2 * DAY_S, {"block": 2}) == ()
    assert lists.stale(NOW_S + 6 * DAY_S, {"block": 2}) == ("block",)


def test_empty_list_is_a_list(lists: CentralLists, receiver: Receiver) -> None:
    received(receiver, made(edition(), blocked_many(3)))
    progress = received(receiver, made(edition(version=2), []))
    assert progress.applied is not None
    assert (progress.applied.version, progress.applied.entries) == (2, 0)
    assert found(lists, 1) is None


def test_same_version_again_does_nothing(lists: CentralLists, receiver: Receiver) -> None:
    sent = made(edition(), blocked_many(2))
    first = received(receiver, sent)
    assert receiver.offer(sent.manifest, floor=1, now_s=NOW_S) == first
    newer = made(edition(version=2), blocked_many(3))
    half = receiver.offer(newer.manifest, floor=1, now_s=NOW_S)
    assert receiver.offer(newer.manifest, floor=1, now_s=NOW_S) == half
    assert half.want == 0


@pytest.mark.parametrize(
    ("version", "base", "floor", "now_s", "reason"),
    [
        (4, None, 0, NOW_S, ListRefusal.VERSION_BACK),
        (6, None, 7, NOW_S, ListRefusal.VERSION_BACK),
        (6, 4, 5, NOW_S, ListRefusal.WRONG_BASE),
        (6, None, 5, NOW_S + 2 * DAY_S, ListRefusal.EXPIRED),
    ],
)
def test_manifest_is_refused(
    receiver: Receiver, version: int, base: int | None, floor: int, now_s: float, reason: ListRefusal
) -> None:
    received(receiver, made(edition(version=5), blocked_many(1)))
    sent = made(edition(version=version, base=base), blocked_many(1))
    progress = receiver.offer(sent.manifest, floor=floor, now_s=now_s)
    assert progress.refused is not None
    assert (progress.refused.version, progress.refused.reason) == (version, reason)
    assert (progress.receiving, progress.want) == (None, None)
    assert progress.applied is not None
    assert progress.applied.version == 5


def test_delta_on_nothing_is_refused(receiver: Receiver) -> None:
    progress = receiver.offer(made(edition(version=6, base=5), []).manifest, floor=0, now_s=NOW_S)
    assert progress.refused is not None
    assert progress.refused.reason is ListRefusal.WRONG_BASE


def test_newer_manifest_replaces_a_half_received_one(lists: CentralLists, receiver: Receiver) -> None:
    old, new = made(edition(version=1), blocked_many(2_000)), made(edition(version=2), blocked_many(1))
    receiver.offer(old.manifest, floor=0, now_s=NOW_S)
    assert receiver.chunk(BLOCK, 0, old.chunks[0]).want == 1
    assert received(receiver, new).applied is not None
    progress = receiver.offer(old.manifest, floor=0, now_s=NOW_S)
    assert progress.refused is not None
    assert progress.refused.reason is ListRefusal.VERSION_BACK
    assert lists.versions()[BLOCK].version == 2


def test_chunks_out_of_order_are_passed_over(receiver: Receiver) -> None:
    sent = made(edition(), blocked_many(3_000))
    assert len(sent.chunks) > 3
    receiver.offer(sent.manifest, floor=0, now_s=NOW_S)
    assert receiver.chunk(BLOCK, 1, sent.chunks[1]).want == 0
    assert receiver.chunk(BLOCK, 0, sent.chunks[1]).want == 0
    assert receiver.chunk(ALLOW, 0, sent.chunks[0]).want is None
    assert receiver.chunk(BLOCK, 0, sent.chunks[0]).want == 1
    assert receiver.chunk(BLOCK, 0, sent.chunks[0]).want == 1
    assert receiver.chunk(BLOCK, 1, made(edition(version=9), blocked_many(3_000)).chunks[1]).want == 1
    assert receiver.chunk(BLOCK, len(sent.chunks), sent.chunks[0]).want == 1


def test_wrong_chunk_is_noticed_and_asked_again(lists: CentralLists, receiver: Receiver) -> None:
    sent, other = made(edition(), blocked_many(1_000)), made(edition(), blocked_many(1_000, version=2))
    receiver.offer(sent.manifest, floor=0, now_s=NOW_S)
    for turn in range(MAX_TRIES):
        progress = receiver.progress(BLOCK)
        assert (progress.receiving, progress.want) == (1, 0), turn
        for index, chunk in enumerate((*sent.chunks[:-1], other.chunks[-1])):
            receiver.chunk(BLOCK, index, chunk)
        progress = finished(receiver, BLOCK, now_s=NOW_S)
        assert progress.refused is not None
        assert progress.refused.reason is ListRefusal.WRONG_HASH
    assert (progress.receiving, progress.want) == (None, None)
    assert lists.versions() == {}
    # The retained manifest comes again with the next connection.
    assert received(receiver, sent).applied is not None


def rewritten(sent: Any, change: dict[str, Any]) -> Any:
    """Return what a centre would send that counts wrongly."""
    return replace(sent, manifest=replace(sent.manifest, **change))


@pytest.mark.parametrize("entries", [999, 1_001])
def test_count_must_be_the_manifests(lists: CentralLists, receiver: Receiver, entries: int) -> None:
    progress = received(receiver, rewritten(made(edition(), blocked_many(1_000)), {"entries": entries}))
    assert progress.refused is not None
    assert progress.refused.reason is ListRefusal.WRONG_COUNT
    assert progress.receiving is None
    assert lists.versions() == {}


def test_expired_while_received(lists: CentralLists, receiver: Receiver) -> None:
    sent = made(edition(), blocked_many(1))
    receiver.offer(sent.manifest, floor=0, now_s=NOW_S)
    assert receiver.chunk(BLOCK, 0, sent.chunks[0]).complete
    progress = receiver.work(BLOCK, now_s=NOW_S + 2 * DAY_S)
    assert progress.refused is not None
    assert progress.refused.reason is ListRefusal.EXPIRED
    assert lists.versions() == {}


def test_near_media_are_the_listed_ones(tmp_path: Path) -> None:
    lists = CentralLists.open(tmp_path, media_bits=18)
    receiver = Receiver(lists, spare_bytes=0)
    first, second = int(hex_of(1), 16), int(hex_of(1), 16) ^ 0b111
    received(receiver, made(edition(), [{"kind": "media", "value": f"{one:032x}"} for one in (first, second)]))
    shown = first ^ (1 << 100) ^ (1 << 50)
    pairs = [("media", f"{shown:032x}"), ("media", f"{first:032x}"), ("terminal", "front")]
    assert [entry.value for entry in lists.lookup_block(pairs)] == [f"{first:032x}", f"{second:032x}"]
    far = first ^ (1 << 20) - 1
    assert [entry.value for entry in lists.lookup_block([("media", f"{far:032x}")])] == [f"{second:032x}"]
    received(receiver, made(edition(version=2, base=1), [{"kind": "media", "value": f"{first:032x}", "op": "delete"}]))
    assert [entry.value for entry in lists.lookup_block(pairs)] == [f"{second:032x}"]
    receiver.close()
    lists.close()


def test_readers_see_the_old_list_or_the_new_one(lists: CentralLists, receiver: Receiver) -> None:
    """While lists are swapped under them, readers find every entry, of one version or of another."""
    received(receiver, made(edition(), blocked_many(300)))
    over = threading.Event()
    wrong: list[object] = []

    def read() -> None:
        chance = random.Random(5)
        seen = 0
        while not over.is_set():
            entry = found(lists, chance.randrange(300))
            version = int(entry.reason.removeprefix("version ")) if entry else -1
            if version < seen:
                wrong.append(entry)
            seen = max(seen, version)

    reader = threading.Thread(target=read)
    reader.start()
    for version in range(2, 14):
        base = version - 1 if version % 3 else None
        received(receiver, made(edition(version=version, base=base), blocked_many(300, version=version)))
        assert lists.versions()[BLOCK].version == version
    over.set()
    reader.join()
    assert not wrong
