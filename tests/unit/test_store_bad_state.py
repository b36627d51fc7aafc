from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path

import pytest

from livegate.audit.chain import verify_chain
from livegate.errors import StoreError
from livegate.store import Store, StoreReader, open_for_edit
from livegate.store.migrate import statements
from livegate.types import Reason
from support.stores import (
    ATTACK,
    BONA_FIDE,
    CARD,
    IDENTITY,
    StillClock,
    StoreConfig,
    admit,
    attempt,
    limit,
    opened,
    policy,
    record,
    whole,
)


def test_one_daemon_a_folder(tmp_path: Path) -> None:
    with (
        opened(tmp_path),
        pytest.raises(StoreError, match=r"another Livegate daemon runs on this state folder; stop it"),
    ):
        opened(tmp_path)
    opened(tmp_path).close()


def test_files_are_private(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    with opened(folder) as store:
        record(store)
        modes = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
    assert folder.stat().st_mode & 0o777 == 0o700
    assert set(modes) >= {"livegate.db", "livegate.db-wal", "pseudonym.key"}
    assert set(modes.values()) == {0o600}


@pytest.mark.parametrize("name", ["livegate.db", "pseudonym.key", "livegate.lock"])
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, name: str) -> None:
    opened(tmp_path).close()
    (tmp_path / name).chmod(0o644)
    with pytest.raises(StoreError, match=rf"{name}: others may read or write it; run chmod 600"):
        opened(tmp_path)


def test_a_folder_that_others_can_write_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(StoreError, match="others may write to it"):
        opened(tmp_path)


def test_links_in_place_of_files_are_refused(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.touch(0o600)
    state = tmp_path / "state"
    state.mkdir(0o700)
    (state / "livegate.db").symlink_to(target)
    with pytest.raises(StoreError, match="is not a plain file"):
        opened(state)


def test_a_state_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    with pytest.raises(StoreError, match="cannot be made"):
        opened(tmp_path / "state")


def test_a_folder_that_cannot_be_written() -> None:
    # Not even root can make files there.
    with pytest.raises(StoreError, match=r"/proc.* (cannot be (written|made)|belongs to root)"):
        opened(Path("/proc"))


def test_a_shortened_key_is_refused(tmp_path: Path) -> None:
    opened(tmp_path).close()
    (tmp_path / "pseudonym.key").write_bytes(b"short")
    with pytest.raises(StoreError, match="has 5 bytes, expected 32; restore it from a backup"):
        opened(tmp_path)


def test_a_lost_key_is_not_replaced_while_lists_need_it(tmp_path: Path) -> None:
    clock = StillClock()
    with opened(tmp_path, clock) as store:
        admit(store, CARD, clock())
    (tmp_path / "pseudonym.key").unlink()
    with pytest.raises(StoreError, match="is missing, and the lists were made with it; restore it"):
        opened(tmp_path)
    assert not (tmp_path / "pseudonym.key").exists()


def test_pseudonyms_are_the_same_here_and_different_elsewhere(tmp_path: Path) -> None:
    made = []
    for name in ("a", "a", "b"):
        with opened(tmp_path / name) as store, store.transaction() as t:
            made.append(t.context.pseudonyms.of("04A1"))
    assert made[0] == made[1] != made[2]
    assert all(len(pseudonym) == 32 for pseudonym in made)


def test_nothing_raw_reaches_the_disk(tmp_path: Path) -> None:
    clock = StillClock()
    with opened(tmp_path, clock) as store:
        admit(store, CARD, clock())
        attempt(store, BONA_FIDE, policy(limit("granted", 1, 1, 1)), clock())
        assert "04A1B2C3" not in repr(CARD)
        found = [path.name for path in tmp_path.iterdir() if CARD.value.encode() in path.read_bytes()]
    assert found == []


def fill(store: Store) -> int:
    """Record until the disk is full; return the last sequence that was recorded."""
    last = store.last().sequence
    for number in range(100):
        try:
            last = record(store, number).sequence
        except StoreError as exc:
            assert "the disk is full" in str(exc)  # noqa: PT017 - it is raised at some time only
            return last
    pytest.fail("the disk never filled")


def test_a_full_disk_fails_the_commit_and_loses_nothing(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        record(store)
        with store.transaction() as t:
            (pages,) = t.connection.execute("PRAGMA page_count").fetchone()
            t.connection.execute(f"PRAGMA max_page_count = {pages}")
        last = fill(store)
        assert store.last().sequence == last
        with store.transaction() as t:
            t.connection.execute("PRAGMA max_page_count = 100000")
        assert record(store).sequence == last + 1
        assert verify_chain(whole(store), store.anchor()) is None


def damage(path: Path, how: str) -> None:
    body = path.read_bytes()
    if how == "garbage":
        path.write_bytes(b"this was a database once" * 100)
    elif how == "torn":
        path.write_bytes(body[: len(body) // 2])
    else:
        page = 1024 * (len(body) // 2048)
        path.write_bytes(body[:page] + os.urandom(1024) + body[page + 1024 :])


@pytest.mark.parametrize("how", ["garbage", "torn", "overwritten"])
def test_a_broken_file_is_kept_aside_and_a_new_stream_names_it(tmp_path: Path, how: str) -> None:
    with opened(tmp_path) as store:
        for number in range(50):
            record(store, number)
        ended = store.stream
    damage(tmp_path / "livegate.db", how)
    with opened(tmp_path) as store:
        assert store.stream != ended
        (start,) = whole(store)
        predecessor = json.loads(start.body)["data"]["what"]["predecessor"]
        assert predecessor["stream"] in (ended, None)
        assert (tmp_path / predecessor["file"]).is_file()
        assert predecessor["reason"]
        record(store)
    with opened(tmp_path) as store:
        assert json.loads(whole(store)[-1].body)["data"]["what"]["predecessor"] is None


def test_only_the_daemon_replaces_a_broken_file(tmp_path: Path) -> None:
    opened(tmp_path).close()
    damage(tmp_path / "livegate.db", "garbage")
    for open_it in (lambda: open_for_edit(tmp_path, IDENTITY, StoreConfig()), lambda: StoreReader(tmp_path)):
        with pytest.raises(StoreError, match="restart the daemon, which sets it aside"):
            open_it()
    assert len(list(tmp_path.glob("*broken*"))) == 0


def test_lists_and_lockouts_survive_a_broken_file(tmp_path: Path) -> None:
    clock, rules = StillClock(), policy(limit("presentation_attack", 1, 60, 300))
    with opened(tmp_path, clock) as store:
        admit(store, CARD, clock())
        attempt(store, ATTACK, rules, clock())
    with sqlite3.connect(tmp_path / "livegate.db") as raw:
        (page,) = raw.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'event'").fetchone()
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    raw.close()
    body = bytearray((tmp_path / "livegate.db").read_bytes())
    body[1024 * (page - 1) : 1024 * page] = os.urandom(1024)
    (tmp_path / "livegate.db").write_bytes(body)
    with opened(tmp_path, clock) as store:
        predecessor = json.loads(whole(store)[0].body)["data"]["what"]["predecessor"]
        assert predecessor["lost"] == []
        assert predecessor["sequence"] is None
        assert attempt(store, BONA_FIDE, rules, clock()).reason is Reason.LOCKED_OUT
        clock.go(301)
        assert attempt(store, BONA_FIDE, rules, clock()).reason is Reason.BONA_FIDE


def test_a_foreign_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "livegate.db"
    path.touch(0o600)
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE photographs (a)")
    other.close()
    for open_it in (lambda: opened(tmp_path), lambda: StoreReader(tmp_path)):
        with pytest.raises(StoreError, match="is a database, but not Livegate's"):
            open_it()
    assert path.is_file()


def test_a_file_of_a_newer_livegate_is_left_alone(tmp_path: Path) -> None:
    opened(tmp_path).close()
    with sqlite3.connect(tmp_path / "livegate.db") as newer:
        newer.execute("PRAGMA user_version = 99")
    newer.close()
    with pytest.raises(StoreError, match=r"newer Livegate \(form 99"):
        opened(tmp_path)


def test_there_is_no_store_to_read(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no store here"):
        StoreReader(tmp_path)


def test_migrations_are_recorded(tmp_path: Path) -> None:
    opened(tmp_path).close()
    with sqlite3.connect(tmp_path / "livegate.db") as raw:
        names = [row[0] for row in raw.execute("SELECT name FROM _sqlite_migrations WHERE migration_set = 'livegate'")]
    raw.close()
    assert names == sorted(names)
    assert names[:2] == ["0001_first.sql", "0002_memory.sql"]


def test_splitting_a_script() -> None:
    script = (
        "-- a; b\nCREATE TABLE a (b TEXT DEFAULT ';');\nCREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM a; END;\n"
    )
    first, second = statements(script)
    assert first.endswith("DEFAULT ';');")
    assert second.strip().startswith("CREATE TRIGGER")
    assert second.endswith("END;")
