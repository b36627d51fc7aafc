"""Central lists from the manifest to the lookup, and everything that is refused on the way."""

from __future__ import annotations

import hashlib
import json
import random
import resource
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from livegate.errors import StoreError, TrustError
from livegate.gate.facts import BlockAction, ListEntry
from livegate.lists import CentralLists, ListName, ListRefusal, Receiver, parse_manifest
from livegate.lists.receiver import MAX_TRIES
from livegate.types import Credential
from support.central_lists import DAY_S, NOW_S, blocked, blocked_many, edition, finished, hex_of, made, received

BLOCK, ALLOW = ListName.BLOCK, ListName.ALLOW


@pytest.fixture
def lists(tmp_path: Path) -> Iterator[CentralLists]:
    opened = CentralLists.open(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def receiver(lists: CentralLists) -> Iterator[Receiver]:
    begun = Receiver(lists, spare_bytes=0)
    yield begun
    begun.close()


def found(lists: CentralLists, number: int) -> ListEntry | None:
    entries = lists.lookup_block([("credential", hex_of(number))])
    return entries[0] if entries else None


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


def test_disk_keeps_its_spare_room(lists: CentralLists) -> None:
    receiver = Receiver(lists, spare_bytes=1 << 60)
    progress = received(receiver, made(edition(), blocked_many(1)))
    assert progress.refused is not None
    assert progress.refused.reason is ListRefusal.DISK
    receiver.close()


@contextmanager
def files_at_most(size: int) -> Iterator[None]:
    """A disk that takes no longer files."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("size", [0, 150_000, 300_000, 600_000])
def test_full_disk_leaves_the_list_in_force(lists: CentralLists, receiver: Receiver, tmp_path: Path, size: int) -> None:
    received(receiver, made(edition(), blocked_many(10)))
    sent = made(edition(version=2), blocked_many(5_000))
    assert sum(map(len, sent.chunks)) > 600_000
    with files_at_most(size):
        progress = received(receiver, sent)
    assert progress.refused is not None
    assert progress.refused.reason is ListRefusal.DISK
    assert found(lists, 9) is not None
    assert found(lists, 10) is None
    assert sorted(path.name for path in tmp_path.glob("*.db")) == ["lists.block.1.db"]
    assert received(receiver, sent).refused is None
    assert found(lists, 10) is not None


def test_disk_that_fills_while_putting_together(lists: CentralLists, receiver: Receiver, tmp_path: Path) -> None:
    received(receiver, made(edition(), blocked_many(10)))
    for sent in (made(edition(version=2), blocked_many(5_000)), made(edition(version=2, base=1), blocked_many(5_000))):
        progress = receiver.offer(sent.manifest, floor=1, now_s=NOW_S)
        while progress.want is not None:
            progress = receiver.chunk(BLOCK, progress.want, sent.chunks[progress.want])
        with files_at_most(100_000):
            progress = finished(receiver, BLOCK, now_s=NOW_S)
        assert progress.refused is not None
        assert progress.refused.reason is ListRefusal.DISK
        assert lists.versions()[BLOCK].version == 1
        assert (found(lists, 9) is None, found(lists, 10) is None) == (False, True)
    assert received(receiver, sent).refused is None
    assert found(lists, 10) is not None


def test_restart_goes_on_where_it_was(tmp_path: Path) -> None:
    sent = made(edition(), blocked_many(5_000))
    for index, chunk in enumerate(sent.chunks):
        lists = CentralLists.open(tmp_path)
        receiver = Receiver(lists, spare_bytes=0)
        assert receiver.progress(BLOCK).receiving is None
        assert receiver.offer(sent.manifest, floor=0, now_s=NOW_S).want == index
        progress = receiver.chunk(BLOCK, index, chunk)
        if index < len(sent.chunks) - 1:
            receiver.close()
            lists.close()
    assert progress.complete
    receiver.work(BLOCK, now_s=NOW_S)
    receiver.close()
    again = Receiver(lists, spare_bytes=0)
    assert again.offer(sent.manifest, floor=0, now_s=NOW_S).complete
    assert finished(again, BLOCK, now_s=NOW_S).applied is not None
    assert found(lists, 4_999) is not None
    again.close()
    lists.close()


@pytest.mark.parametrize("cut", [1, 9, 5_000])
def test_torn_tail_is_asked_for_again(lists: CentralLists, receiver: Receiver, tmp_path: Path, cut: int) -> None:
    sent = made(edition(), blocked_many(3_000))
    receiver.offer(sent.manifest, floor=0, now_s=NOW_S)
    for index in (0, 1):
        receiver.chunk(BLOCK, index, sent.chunks[index])
    receiver.close()
    waiting = tmp_path / "lists.block.chunks"
    waiting.write_bytes(waiting.read_bytes()[:-cut])
    again = Receiver(lists, spare_bytes=0)
    assert again.offer(sent.manifest, floor=0, now_s=NOW_S).want == 1
    assert received(again, sent).applied is not None


def test_bytes_turned_on_the_disk_are_noticed(lists: CentralLists, receiver: Receiver, tmp_path: Path) -> None:
    sent = made(edition(), blocked_many(3_000))
    receiver.offer(sent.manifest, floor=0, now_s=NOW_S)
    for index, chunk in enumerate(sent.chunks):
        receiver.chunk(BLOCK, index, chunk)
    waiting = tmp_path / "lists.block.chunks"
    content = bytearray(waiting.read_bytes())
    content[len(content) // 2] ^= 1
    waiting.write_bytes(content)
    progress = finished(receiver, BLOCK, now_s=NOW_S)
    assert progress.want == 0
    assert received(receiver, sent).applied is not None


@pytest.mark.parametrize("content", [b"", b"not a database", b"SQLite format 3\x00" + bytes(4_080)])
def test_broken_file_is_removed_and_asked_for_again(tmp_path: Path, content: bytes) -> None:
    sent = made(edition(version=3), blocked_many(10))
    first = CentralLists.open(tmp_path)
    received(Receiver(first, spare_bytes=0), sent)
    first.close()
    (tmp_path / "lists.block.3.db").write_bytes(content)
    lists = CentralLists.open(tmp_path)
    assert lists.broken == (BLOCK,)
    assert lists.stale(NOW_S, {"block": 3}) == ("block",)
    receiver = Receiver(lists, spare_bytes=0)
    assert receiver.repair() == (BLOCK,)
    assert receiver.repair() == ()
    assert lists.stale(NOW_S, {"block": 3}) == ("block",)
    assert received(receiver, sent, floor=3).applied is not None
    assert lists.stale(NOW_S, {"block": 3}) == ()
    assert found(lists, 9) is not None
    lists.close()


def test_page_that_rots_fails_the_lookup_and_then_the_list(tmp_path: Path) -> None:
    sent = made(edition(ALLOW), ({"kind": "card", "value": hex_of(number)} for number in range(20_000)))
    first = CentralLists.open(tmp_path)
    received(Receiver(first, spare_bytes=0), sent)
    first.close()
    path = tmp_path / "lists.allow.1.db"
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(8_192)
        file.write(b"\xff" * (size - 8_192))
    lists = CentralLists.open(tmp_path)
    with pytest.raises(StoreError, match="asked of the centre"):
        lists.lookup_allow(hex_of(7), "card")
    assert lists.broken == (ALLOW,)
    assert lists.stale(NOW_S, {}) == ("allow",)
    receiver = Receiver(lists, spare_bytes=0)
    assert receiver.repair() == (ALLOW,)
    assert received(receiver, sent, floor=1).applied is not None
    assert lists.check(ALLOW)
    lists.close()


def test_check_finds_rot_nobody_looked_up(tmp_path: Path) -> None:
    lists = CentralLists.open(tmp_path)
    assert lists.check(BLOCK)
    received(Receiver(lists, spare_bytes=0), made(edition(), blocked_many(5_000)))
    assert lists.check(BLOCK)
    path = tmp_path / "lists.block.1.db"
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(b"\xff" * 2_048)
    assert not lists.check(BLOCK)
    assert lists.broken == (BLOCK,)
    lists.close()


def test_foreign_database_is_not_read(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "lists.allow.7.db") as connection:
        connection.execute("CREATE TABLE entry (kind, value)")
    connection.close()
    lists = CentralLists.open(tmp_path)
    assert lists.broken == (ALLOW,)
    assert lists.lookup_allow(hex_of(1), "card") is None
    lists.close()


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


HOSTILE_ENTRIES = [
    [1],
    ["x"],
    [blocked(1, action="open")],
    [blocked(1, action=["deny"])],
    [blocked(1, reason="x" * 129)],
    [blocked(1, reason="a\x00b")],
    [blocked(1, reason="\x1b[31m")],
    [blocked(1, reason="\ud800")],
    [blocked(1, until="tomorrow")],
    [blocked(1, until="2026-13-01T00:00:00Z")],
    [blocked(1, until=5)],
    [blocked(1, extra=1)],
    [blocked(1, op="delete")],
    [blocked(1, op="drop")],
    [blocked(1, op=["set"])],
    [{"kind": "credential", "value": "'; DROP TABLE entry; --"}],
    [{"kind": "credential", "value": "F" * 32}],
    [{"kind": "credential", "value": 5}],
    [{"kind": "credential"}],
    [{"kind": ["media"], "value": hex_of(1)}],
    [{"kind": "card", "value": hex_of(1)}],
    [{"kind": "terminal", "value": "../../etc/passwd"}],
    [blocked(1), blocked(1)],
]


def chunk_of(entries: Any, **more: Any) -> bytes:
    members = edition().common() | {"index": 0, "entries": entries} | more
    return json.dumps(members).encode()


@pytest.mark.parametrize("entries", HOSTILE_ENTRIES)
def test_hostile_entries_change_nothing(lists: CentralLists, receiver: Receiver, entries: list[Any]) -> None:
    sent = made(edition(), [])
    payload = chunk_of(entries)
    manifest = replace(sent.manifest, chunks=1, entries=len(entries), sha256=_sha256(payload))
    receiver.offer(manifest, floor=0, now_s=NOW_S)
    receiver.chunk(BLOCK, 0, payload)
    progress = finished(receiver, BLOCK, now_s=NOW_S)
    assert progress.refused is not None
    assert progress.refused.reason is ListRefusal.MALFORMED
    assert (progress.receiving, lists.versions()) == (None, {})


HOSTILE_CHUNKS = [
    b"",
    b"{}",
    b"[]",
    b"\xff",
    chunk_of([], version=True),
    chunk_of([], index=0.0),
    chunk_of([], list="grey"),
    chunk_of([], extra=1),
    chunk_of({}),
    chunk_of([{}] * 5_000),
    chunk_of([[[[[1]]]]]),
    chunk_of([float("nan")]),
    chunk_of([blocked(1, reason="x" * 140_000)]),
    chunk_of([]).replace(b'"index"', b'"index": 0, "index"'),
]


@pytest.mark.parametrize("payload", HOSTILE_CHUNKS)
def test_hostile_chunk_ends_the_receiving(lists: CentralLists, receiver: Receiver, payload: bytes) -> None:
    sent = made(edition(), blocked_many(5))
    receiver.offer(sent.manifest, floor=0, now_s=NOW_S)
    progress = receiver.chunk(BLOCK, 0, payload)
    assert progress.refused is not None
    assert progress.refused.reason is ListRefusal.MALFORMED
    assert received(receiver, sent).applied is not None


MANIFEST = {
    **edition().common(),
    "base": None,
    "sha256": "0" * 64,
    "chunks": 1,
    "entries": 1,
}


@pytest.mark.parametrize(
    "change",
    [
        {"list": "grey"},
        {"list": ["block"]},
        {"version": 0},
        {"version": True},
        {"version": 1.5},
        {"version": 2**63},
        {"version": "1"},
        {"base": 1},
        {"base": "0"},
        {"sha256": "0" * 63},
        {"sha256": "A" * 64},
        {"sha256": None},
        {"chunks": -1},
        {"chunks": 1_000_000},
        {"entries": 1_000_001},
        {"entries": None},
        {"issued": "2026-11-22"},
        {"expires": MANIFEST["issued"]},
        {"expires": 1e400},
        {"expires": "2026-11-22T08:00:00+01:00"},
        {"expires": "٢٠٢٦-11-22T08:00:00Z"},
        {"unknown": 1},
        {"sha256": "0" * 5_000},
    ],
)
def test_hostile_manifest_is_refused(change: dict[str, Any]) -> None:
    assert parse_manifest(json.dumps(MANIFEST).encode()).version == 1
    with pytest.raises(TrustError):
        parse_manifest(json.dumps(MANIFEST | change).encode())


def _sha256(payload: bytes) -> str:
    return hashlib.sha256(payload).hexdigest()
