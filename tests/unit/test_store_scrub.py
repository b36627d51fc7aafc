from __future__ import annotations

import json
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import pytest

from livegate.audit.chain import verify_chain
from livegate.errors import StoreError
from livegate.gate.facts import ListEntry
from livegate.store import Store, lists
from livegate.types import CredentialRead, Reason
from support.schemas import valid
from support.stores import (
    ATTACK,
    BONA_FIDE,
    CARD,
    StillClock,
    admit,
    attempt,
    limit,
    opened,
    policy,
    record,
    rows,
    whole,
)

RULES = policy(limit("presentation_attack", 1, 60, 300))
THIEF = CredentialRead("card", "stolen")


def wear(folder: Path, statement: str, *values: object) -> None:
    """Change a row as a worn card would: behind the store's back."""
    with closing(sqlite3.connect(folder / "livegate.db", isolation_level=None)) as raw:
        raw.execute("PRAGMA journal_mode")
        assert raw.execute(statement, values).rowcount > 0


def told(store: Store) -> list[tuple[str, str]]:
    bodies = [json.loads(event.body) for event in whole(store)]
    tampers = [body for body in bodies if body["type"] == "io.livegate.tamper.v1"]
    for body in tampers:
        valid("tamper", body["data"])
    return [(body["data"]["what"]["what"], body["data"]["what"]["place"]) for body in tampers]


def test_a_sound_store_tells_nothing(tmp_path: Path) -> None:
    clock = StillClock()
    with opened(tmp_path, clock) as store:
        admit(store, CARD, clock())
        attempt(store, ATTACK, RULES, clock())
        for number in range(300):
            record(store, number)
        for _ in range(3):
            store.tick(RULES)
        assert told(store) == []
        assert store.measures()["store_scrubs_total"] >= 1


@pytest.mark.parametrize(
    "change", ["valid_until_s = 9e9", "duress = 1", "zones = '[\"vault\"]'", "label = CAST(x'ff00ff' AS TEXT)"]
)
def test_a_damaged_credential_is_unknown_and_told_once(tmp_path: Path, change: str) -> None:
    clock = StillClock()
    with opened(tmp_path, clock) as store:
        pseudonym = admit(store, CARD, clock(), until_s=clock().wall_s - 1)
        wear(tmp_path, f"UPDATE credential SET {change}")
        for _ in range(2):
            store.tick(RULES)
            assert attempt(store, BONA_FIDE, RULES, clock()).reason is Reason.UNKNOWN_CREDENTIAL
        assert told(store) == [("credential", f"{pseudonym}/card")]
        assert store.measures()["store_damaged_total"] == 1
        admit(store, CARD, clock())
        assert attempt(store, BONA_FIDE, RULES, clock()).reason is Reason.BONA_FIDE


def test_an_attempt_does_not_wait_for_the_search_to_find_a_damaged_credential(tmp_path: Path) -> None:
    clock = StillClock()
    with opened(tmp_path, clock) as store:
        admit(store, CARD, clock(), until_s=clock().wall_s - 1)
        wear(tmp_path, "UPDATE credential SET valid_until_s = NULL")
        assert attempt(store, BONA_FIDE, RULES, clock()).reason is Reason.UNKNOWN_CREDENTIAL


def test_a_damaged_block_entry_denies(tmp_path: Path) -> None:
    clock = StillClock()
    with opened(tmp_path, clock) as store:
        pseudonym = admit(store, THIEF, clock())
        with store.transaction() as t:
            lists.block(t, ListEntry("credential", pseudonym, "deny", "stolen"), clock())
        wear(tmp_path, "UPDATE list_entry SET until_s = 1.0")
        assert attempt(store, BONA_FIDE, RULES, clock(), THIEF).reason is Reason.LISTED
        store.tick(RULES)
        assert told(store) == [("list_entry", f"credential/{pseudonym}/local")]
        assert attempt(store, BONA_FIDE, RULES, clock(), THIEF).reason is Reason.LISTED
        store.tick(RULES)
        assert len(told(store)) == 1


def test_a_damaged_lockout_locks_as_long_as_its_limit_ever_does(tmp_path: Path) -> None:
    clock = StillClock()
    with opened(tmp_path, clock) as store:
        admit(store, CARD, clock())
        attempt(store, ATTACK, RULES, clock())
        wear(tmp_path, "UPDATE lockout SET until_ns = 0, forget_ns = forget_ns + 1")
        assert attempt(store, BONA_FIDE, RULES, clock()).reason is Reason.LOCKED_OUT
        store.tick(RULES)
        assert [what for what, _ in told(store)] == ["lockout"]
        clock.go(86_399)
        assert attempt(store, BONA_FIDE, RULES, clock()).reason is Reason.LOCKED_OUT
        clock.go(2)
        assert attempt(store, BONA_FIDE, RULES, clock()).reason is Reason.BONA_FIDE


def test_a_damaged_event_is_named_once_over_restarts(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        for number in range(30):
            record(store, number)
        wear(
            tmp_path,
            "UPDATE event SET body = CAST(replace(CAST(body AS TEXT), 'access', 'excess') AS BLOB) WHERE sequence = 17",
        )
        for _ in range(3):
            store.tick(RULES)
        assert told(store) == [("event", "17")]
        assert verify_chain(whole(store), store.anchor()) == 17
        assert rows(store, "damage") == 1
    with opened(tmp_path) as store:
        store.tick(RULES)
        assert told(store) == [("event", "17")]


def test_a_page_that_cannot_be_read_is_checked_whole_at_the_next_start(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        for number in range(600):
            record(store, number)
        store.tick(RULES)
    path = tmp_path / "livegate.db"
    with closing(sqlite3.connect(path)) as raw:
        (page,) = raw.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'event'").fetchone()
    with opened(tmp_path) as store:
        body = bytearray(path.read_bytes())
        body[1024 * (page - 1) : 1024 * page] = bytes(1024)
        path.write_bytes(body)
        for _ in range(3):
            with suppress(StoreError):
                store.tick(RULES)
        assert (tmp_path / "livegate.check").exists()
    with opened(tmp_path) as store:
        assert json.loads(whole(store)[0].body)["data"]["what"]["predecessor"]["reason"]
    assert not (tmp_path / "livegate.check").exists()
