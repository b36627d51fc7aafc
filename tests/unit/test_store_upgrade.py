"""A store of the first form comes to today's with all it holds, whether its file is whole or broken."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from livegate.events.cloudevents import genesis
from livegate.gate.limits import limit_name
from livegate.store.connection import writer
from livegate.store.files import DATABASE
from livegate.store.migrate import form_of, migrate
from livegate.types import CredentialRead, Reason
from support.stores import BONA_FIDE, CARD, StillClock, attempt, limit, opened, policy, whole

RULE = limit("presentation_attack", 1, 60, 300)
LOCKED = CredentialRead("card", "locked out")
BLOCKED = CredentialRead("card", "blocked")
UNTIL_NS = 500 * 10**9


def first_form(folder: Path) -> None:
    """Make a store as the first Livegate left it: three cards, one of them locked out, one blocked."""
    with opened(folder) as store, store.transaction() as t:
        cards = [t.context.pseudonyms.of(read.value) for read in (CARD, LOCKED, BLOCKED)]
    for path in folder.glob(f"{DATABASE}*"):
        path.unlink()
    path = folder / DATABASE
    path.touch(0o600)
    with closing(writer(path)) as connection:
        migrate(connection, path, 1)
        assert form_of(connection) == 1
        connection.execute(
            "INSERT INTO stream (one, stream, anchor_sequence, anchor_chainhash) VALUES (1, ?, 0, ?)",
            ("a" * 16, bytes.fromhex(genesis("a" * 16).chainhash)),
        )
        for card in cards:
            connection.execute("INSERT INTO credential VALUES (?, 'card', NULL, NULL, 'a label')", (card,))
        connection.execute("INSERT INTO lockout VALUES (?, ?, ?)", (limit_name(RULE), cards[1], UNTIL_NS))
        connection.execute("INSERT INTO occurrence VALUES (?, ?, ?)", (limit_name(RULE), cards[1], 1))
        connection.execute(
            "INSERT INTO list_entry VALUES ('credential', ?, 'local', 'deny', 'lost', NULL)", (cards[2],)
        )
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def break_events(folder: Path) -> None:
    path = folder / DATABASE
    with closing(sqlite3.connect(path)) as raw:
        (page,) = raw.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'event'").fetchone()
        (size,) = raw.execute("PRAGMA page_size").fetchone()
    body = bytearray(path.read_bytes())
    body[size * (page - 1) : size * page] = os.urandom(size)
    path.write_bytes(body)


@pytest.mark.parametrize("broken", [False, True])
def test_who_may_come_in_and_who_is_locked_out_outlives_the_upgrade(tmp_path: Path, *, broken: bool) -> None:
    clock, rules = StillClock(), policy(RULE)
    first_form(tmp_path)
    if broken:
        break_events(tmp_path)
    with opened(tmp_path, clock) as store:
        predecessor = json.loads(whole(store)[0].body)["data"]["what"]["predecessor"]
        assert (predecessor is not None) == broken
        if broken:
            assert predecessor["stream"] == "a" * 16
            assert predecessor["lost"] == []
        reasons = [attempt(store, BONA_FIDE, rules, clock(), read).reason for read in (CARD, LOCKED, BLOCKED)]
        assert reasons == [Reason.BONA_FIDE, Reason.LOCKED_OUT, Reason.LISTED]
        with store.transaction() as t:
            assert t.connection.execute("SELECT count(*) FROM credential WHERE label = 'a label'").fetchone() == (3,)
            assert t.connection.execute("SELECT count(*) FROM window").fetchone() == (1,)
