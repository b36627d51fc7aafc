"""Central lists on a disk that is full, loses its end, turns bits or keeps what it should not."""

from __future__ import annotations

import resource
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from livegate.errors import StoreError
from livegate.lists import CentralLists, ListName, ListRefusal, Receiver
from support.central_lists import NOW_S, blocked_many, edition, finished, found, hex_of, made, received

BLOCK, ALLOW = ListName.BLOCK, ListName.ALLOW


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
