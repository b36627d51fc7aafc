"""A damaged, emptied or removed file opens no door: what can be read is saved, for the rest the door stays shut."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from livegate.errors import StoreError
from livegate.gate.facts import ListEntry
from livegate.store import Store, lists, open_for_edit
from livegate.store.commands import lock_door
from livegate.store.files import DATABASE
from livegate.store.lost import SHUTS, accept_loss, memory_lost, note_lost
from livegate.store.trusted import look
from livegate.types import CredentialRead, Outcome, Reason
from support.schemas import valid
from support.stores import (
    BONA_FIDE,
    CARD,
    IDENTITY,
    StillClock,
    StoreConfig,
    admit,
    attempt,
    opened,
    policy,
    record,
    whole,
)

BLOCKED = CredentialRead("card", "blocked")


def lived(folder: Path, *, locked: bool = True) -> None:
    """Leave a store in which the centre locked the door and one card is blocked."""
    clock = StillClock()
    with opened(folder, clock) as store:
        for read in (CARD, BLOCKED):
            pseudonym = admit(store, read, clock())
        with store.transaction() as t:
            lists.block(t, ListEntry("credential", pseudonym), clock())
            lock_door(t, "n" * 16, locked=locked)
        for number in range(100):
            record(store, number)


def reason(store: Store, read: CredentialRead = CARD) -> Reason:
    return attempt(store, BONA_FIDE, policy(), StillClock()(), read).reason


def predecessor(store: Store) -> dict[str, Any]:
    data = json.loads(whole(store)[0].body)["data"]
    valid("system.started", data)
    found: dict[str, Any] = data["what"]["predecessor"]
    return found


def overwrite(path: Path, at: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(content)


@pytest.mark.parametrize(("at", "size"), [(0, 16), (0, 100), (16, 16), (32, 16), (84, 16)])
def test_a_broken_header_costs_nothing(tmp_path: Path, at: int, size: int) -> None:
    lived(tmp_path)
    overwrite(tmp_path / DATABASE, at, b"\xa7" * size)
    if at == 0:
        # Of a start that was cut short.
        (tmp_path / ".livegate-mending-left").mkdir()
    with opened(tmp_path) as store:
        start = json.loads(whole(store)[0].body)["data"]["what"]["predecessor"]
        # The last bytes are a version that nothing depends on.
        assert start is None or (start["lost"], start["sequence"] is None) == ([], False)
        assert reason(store) is Reason.DOOR_LOCKED
        with store.transaction() as t:
            lock_door(t, "m" * 16, locked=False)
        assert (reason(store), reason(store, BLOCKED)) == (Reason.BONA_FIDE, Reason.LISTED)
    assert list(tmp_path.glob(".livegate-mending*")) == []


def test_of_a_torn_file_what_is_there_is_read(tmp_path: Path) -> None:
    lived(tmp_path)
    path = tmp_path / DATABASE
    os.truncate(path, path.stat().st_size * 2 // 3 + 5)
    with opened(tmp_path) as store:
        assert predecessor(store)["lost"] == []
        assert reason(store) is Reason.DOOR_LOCKED


def test_no_page_whatever_opens_a_locked_door(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    with opened(kept) as store:
        admit(store, CARD, StillClock()())
        with store.transaction() as t:
            lock_door(t, "n" * 16, locked=True)
    reasons = []
    for at in range(0, (kept / DATABASE).stat().st_size, 1024):
        folder = shutil.copytree(kept, tmp_path / str(at))
        overwrite(folder / DATABASE, at, b"\xa7" * 1024)
        with opened(folder) as store:
            reasons.append(reason(store))
    assert set(reasons) == {Reason.DOOR_LOCKED, Reason.MEMORY_LOST}
    assert reasons.count(Reason.MEMORY_LOST) < len(reasons) // 4


def spoil(path: Path, how: str) -> None:
    if how == "gone":
        path.unlink()
    elif how == "empty":
        os.truncate(path, 0)
    else:
        overwrite(path, 0, b"\xa7" * path.stat().st_size)


@pytest.mark.parametrize("how", ["gone", "empty", "garbage"])
def test_what_nobody_can_read_keeps_the_door_shut_until_somebody_accepts_that(
    tmp_path: Path, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    lived(tmp_path)
    spoil(tmp_path / DATABASE, how)
    with opened(tmp_path) as store:
        assert set(predecessor(store)["lost"]) >= SHUTS
        admit(store, CARD, StillClock()())
        assert reason(store) is Reason.MEMORY_LOST
    assert "the door stays shut for credential, door_lock" in caplog.text
    assert set(look(tmp_path).memory_lost) == SHUTS
    with opened(tmp_path) as store:
        # Told once, and still in force.
        assert json.loads(whole(store)[-1].body)["data"]["what"]["predecessor"] is None
        assert reason(store) is Reason.MEMORY_LOST
        with store.transaction() as t:
            assert set(accept_loss(t)) == SHUTS
        told = json.loads(whole(store)[-1].body)
        valid("tamper", told["data"])
        assert (told["data"]["what"]["action"], "list_entry" in told["data"]["what"]["place"]) == ("accept", True)
        assert reason(store) is Reason.BONA_FIDE
        with store.transaction() as t:
            assert accept_loss(t) == ()


def test_a_second_damage_does_not_open_a_door_that_the_first_one_shut(tmp_path: Path) -> None:
    lived(tmp_path)
    spoil(tmp_path / DATABASE, "garbage")
    opened(tmp_path).close()
    overwrite(tmp_path / DATABASE, 0, b"\xa7" * 16)
    with opened(tmp_path) as store:
        assert predecessor(store)["lost"] == []
        assert reason(store) is Reason.MEMORY_LOST


def test_lost_counters_do_not_shut_the_door(tmp_path: Path) -> None:
    with opened(tmp_path) as store, store.transaction() as t:
        assert note_lost(t.connection, ["window", "media", "presence", "label"]) == ()
        assert memory_lost(t.connection) == ()
        assert note_lost(t.connection, ["window", "lockout"]) == ("lockout",)
        assert memory_lost(t.connection) == ("lockout",)


def test_a_first_start_is_clean(tmp_path: Path) -> None:
    # Keys that were brought along are no sign of an earlier store.
    (tmp_path / "device.key").touch(0o600)
    (tmp_path / "pseudonym.key").write_bytes(bytes(32))
    (tmp_path / "pseudonym.key").chmod(0o600)
    with opened(tmp_path) as store:
        assert json.loads(whole(store)[0].body)["data"]["what"]["predecessor"] is None
        admit(store, CARD, StillClock()())
        assert attempt(store, BONA_FIDE, policy(), StillClock()()).outcome is Outcome.GRANTED


def test_the_command_line_does_not_hide_that_a_store_is_gone(tmp_path: Path) -> None:
    lived(tmp_path)
    (tmp_path / DATABASE).unlink()
    with pytest.raises(StoreError, match="though this terminal ran before"):
        open_for_edit(tmp_path, IDENTITY, StoreConfig())
    with opened(tmp_path) as store:
        assert reason(store) is Reason.MEMORY_LOST
