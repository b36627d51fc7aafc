"""What of trust outlives a restart: keyset, revocations, nonces, the floor of time."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from livegate.errors import Refusal, StoreError, StoreFull, TrustError
from livegate.events.cloudevents import timestamp
from livegate.store import Store, Transaction, trusted
from livegate.store.files import DATABASE
from livegate.trust.clockfloor import SKEW_S, TrustedNow
from livegate.trust.envelope import Envelope, EnvelopeType
from livegate.trust.keys import SigningKey
from livegate.trust.keyset import Keyset
from livegate.trust.opened import open_payload
from livegate.trust.payload import KeyRole
from support.authority import DAY_S, NOW, NOW_S, Authority, at
from support.schemas import valid
from support.stores import IDENTITY, StillClock, opened, policy, record

AUTHORITY = Authority()
ROOT = AUTHORITY.root.public


def begun(store: Store, root: SigningKey = AUTHORITY.root) -> Keyset:
    with store.transaction() as t:
        return trusted.load_keyset(t, root.public)


def taken(store: Store, envelope: Envelope, current: Keyset, now: TrustedNow = NOW) -> Keyset:
    with store.transaction() as t:
        return trusted.take_keyset(t, envelope, current, now)


def commanded(store: Store, envelope: Envelope, keyset: Keyset, now: TrustedNow = NOW) -> Refusal | None:
    """Take a command as the link does."""
    try:
        with store.transaction() as t:
            members = open_payload(
                envelope, keyset, EnvelopeType.COMMAND, KeyRole.COMMANDS, IDENTITY, replace(now, floor_s=floor(store))
            )
            trusted.take_message(t, members)
    except TrustError as exc:
        return exc.reason
    return None


def floor(store: Store) -> float:
    return trusted.look(store._path.parent).floor_s


def nonces(t: Transaction) -> set[str]:
    return {nonce for (nonce,) in t.connection.execute("SELECT nonce FROM nonce")}


def test_a_keyset_outlives_a_restart(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        assert begun(store) == Keyset.pinned(ROOT)
        keyset = taken(store, AUTHORITY.keyset(3, revoked=("f" * 16,)), begun(store))
        assert keyset.version == 3
    with opened(tmp_path) as store:
        assert begun(store) == keyset
        assert taken(store, AUTHORITY.keyset(3, revoked=("f" * 16,)), keyset) is keyset
        with pytest.raises(TrustError) as refused:
            taken(store, AUTHORITY.keyset(2), begun(store))
        assert refused.value.reason is Refusal.VERSION_BACK
        assert begun(store) == keyset


def test_every_change_is_told(tmp_path: Path) -> None:
    new_root = SigningKey.generate()
    with opened(tmp_path) as store:
        first = taken(store, AUTHORITY.keyset(2, revoked=("f" * 16,), next_root=new_root.public), begun(store))
        taken(store, AUTHORITY.keyset(2, revoked=("f" * 16,), next_root=new_root.public), first)
        taken(store, AUTHORITY.keyset(3, signer=new_root), first)
        told = [json.loads(event.body) for event in store.newest(10) if b"keyset.applied" in event.body]
    for event in told:
        valid("keyset.applied", event["data"])
    whats = [event["data"]["what"] for event in told]
    assert [(what["version"], what["root"], what["revoked"]) for what in whats] == [
        (2, ROOT.keyid, ["f" * 16]),
        (3, new_root.public.keyid, [ROOT.keyid]),
    ]
    assert [event["severity"] for event in told] == ["notice", "warning"]


def test_a_full_store_does_not_keep_a_revoked_key_alive(tmp_path: Path) -> None:
    with opened(tmp_path, history=100) as store:
        current = begun(store)
        with suppress(StoreFull):
            for number in range(1000):
                record(store, number, "door.state")
        keyset = taken(store, AUTHORITY.keyset(1, revoked=(AUTHORITY.daily.public.keyid,)), current)
        assert b"keyset.applied" not in store.newest(1)[0].body
    with opened(tmp_path, history=100) as store:
        assert begun(store) == keyset


def test_nothing_is_kept_of_what_was_rolled_back(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        keyset = begun(store)
        with suppress(StoreError), store.transaction() as t:
            trusted.take_keyset(t, AUTHORITY.keyset(1, revoked=("f" * 16,)), keyset, NOW)
            raise StoreError("its event found no room")
        assert begun(store) == keyset
        assert floor(store) == 0


def test_a_roll_over_outlives_a_restart_and_the_old_root_never_returns(tmp_path: Path) -> None:
    new_root = SigningKey.generate()
    with opened(tmp_path) as store:
        announced = taken(store, AUTHORITY.keyset(2, next_root=new_root.public), begun(store))
        rolled = taken(store, AUTHORITY.keyset(3, signer=new_root), announced)
    with opened(tmp_path) as store:
        # The configuration still names the old root: it is the anchor of fresh terminals.
        assert begun(store) == rolled
        with pytest.raises(TrustError) as refused:
            taken(store, AUTHORITY.keyset(4), begun(store))
        assert refused.value.reason is Refusal.REVOKED_KEY
        # Then it names the new one.
        assert begun(store, new_root) == rolled
    with opened(tmp_path) as store:
        assert begun(store, new_root) == rolled


def test_another_root_in_the_configuration_begins_anew_but_forgets_no_revocation(tmp_path: Path) -> None:
    other = Authority()
    with opened(tmp_path) as store:
        taken(store, AUTHORITY.keyset(5, revoked=(other.daily.public.keyid,)), begun(store))
        fresh = begun(store, other.root)
        assert (fresh.root, fresh.keys, fresh.version) == (other.root.public, (), 5)
        with pytest.raises(TrustError) as refused:
            taken(store, other.keyset(5), fresh)
        assert refused.value.reason is Refusal.VERSION_BACK
        keyset = taken(store, other.keyset(6), fresh)
        with pytest.raises(TrustError) as refused:
            keyset.key_for(other.daily.public.keyid, KeyRole.COMMANDS, NOW)
        assert refused.value.reason is Refusal.REVOKED_KEY
    with opened(tmp_path) as store:
        assert begun(store, other.root) == keyset
        assert begun(store).keys == ()


def test_a_nonce_works_once_over_restarts_reboots_and_set_back_clocks(tmp_path: Path) -> None:
    command, keyset = AUTHORITY.command(), AUTHORITY.trust()
    with opened(tmp_path) as store:
        assert commanded(store, command, keyset) is None
        assert commanded(store, command, keyset) is Refusal.REPLAYED
    for boot, now in (("boot-1", NOW), ("boot-2", at(1)), ("boot-3", at(-50 * 365 * DAY_S, synchronised=False))):
        with opened(tmp_path, boot=boot) as store:
            assert commanded(store, command, keyset, now) is Refusal.REPLAYED
            # A nonce and a challenge need no floor, and a stolen key for commands must not move it.
            assert floor(store) == 0


def test_only_what_has_a_version_raises_the_floor(tmp_path: Path) -> None:
    ahead = {"issued": timestamp(NOW_S + DAY_S), "expires": timestamp(NOW_S + 2 * DAY_S)}
    with opened(tmp_path) as store, store.transaction() as t:
        for role in ("commands", "labels"):
            assert trusted.take_message(t, {"role": role, "nonce": role * 4} | ahead) == 0
        assert trusted.take_message(t, {"role": "twin", "version": 1} | ahead) == NOW_S + DAY_S


def test_a_command_rolled_back_may_come_again(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        with suppress(StoreError), store.transaction() as t:
            trusted.take_message(t, {"nonce": "a" * 16, "issued": timestamp(NOW_S), "expires": timestamp(NOW_S + 60)})
            raise StoreError("its event found no room")
        assert commanded(store, AUTHORITY.command(nonce="a" * 16), AUTHORITY.trust()) is None


def test_a_nonce_is_forgotten_only_when_its_message_can_never_be_in_time(tmp_path: Path) -> None:
    keyset = AUTHORITY.trust()
    with opened(tmp_path) as store:
        first = AUTHORITY.command(nonce="first-first-first")
        assert commanded(store, first, keyset) is None
        # A wall clock that runs ahead and comes back, unsynchronised, makes nothing be forgotten.
        ahead = at(DAY_S, synchronised=False)
        later = {"issued": timestamp(ahead.wall_s), "expires": timestamp(ahead.wall_s + 60)}
        assert commanded(store, AUTHORITY.command(nonce="b" * 16, **later), keyset, ahead) is None
        assert floor(store) == 0
        assert commanded(store, first, keyset) is Refusal.REPLAYED
        with store.transaction() as t:
            assert nonces(t) == {"first-first-first", "b" * 16}
            trusted.raise_floor(t, ahead.wall_s + 60 + SKEW_S + 1)
            trusted.take_message(t, {"nonce": "c" * 16, "issued": later["issued"], "expires": later["expires"]})
            assert nonces(t) == {"c" * 16}


def test_when_no_more_nonces_can_be_remembered_commands_are_refused(tmp_path: Path) -> None:
    keyset = AUTHORITY.trust()
    with opened(tmp_path) as store:
        with store.transaction() as t:
            used = ((f"{n:016}", NOW_S + 60) for n in range(trusted.MAX_NONCES - 1))
            t.connection.executemany("INSERT INTO nonce VALUES (?, ?)", used)
        told = [commanded(store, AUTHORITY.command(nonce=f"nonce-number-{n:04}"), keyset) for n in range(3)]
        assert told == [None, Refusal.FULL, Refusal.FULL]
        assert commanded(store, AUTHORITY.command(nonce="nonce-number-0000"), keyset) is Refusal.REPLAYED
        late = at(60 + SKEW_S + 1)
        times = {"issued": timestamp(late.wall_s), "expires": timestamp(late.wall_s + 60)}
        with store.transaction() as t:
            trusted.raise_floor(t, late.wall_s)
        assert commanded(store, AUTHORITY.command(nonce="after-the-others", **times), keyset, late) is None


def test_the_floor_never_goes_back(tmp_path: Path) -> None:
    with opened(tmp_path) as store, store.transaction() as t:
        assert trusted.raise_floor(t, 5.0) == 5.0
        assert trusted.raise_floor(t, 4.0) == 5.0
        assert trusted.raise_floor(t, -1.0) == 5.0
    with opened(tmp_path) as store:
        assert floor(store) == 5.0


def test_a_tick_writes_the_floor_down(tmp_path: Path) -> None:
    clock = StillClock()
    clock.now = replace(clock.now, floor_s=NOW_S)
    with opened(tmp_path, clock) as store:
        store.tick(policy())
        assert floor(store) == NOW_S


def test_looking_changes_nothing(tmp_path: Path) -> None:
    assert trusted.look(tmp_path / "none") == trusted.Kept()
    with opened(tmp_path) as store:
        keyset = taken(store, AUTHORITY.keyset(1), begun(store))
        assert trusted.look(tmp_path) == trusted.Kept(keyset, NOW_S)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert trusted.look(tmp_path) == trusted.Kept(keyset, NOW_S)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_damaged_keyset_is_a_sentence_not_a_new_beginning(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        taken(store, AUTHORITY.keyset(1), begun(store))
    with closing(sqlite3.connect(tmp_path / DATABASE)) as connection, connection:
        connection.execute("UPDATE keyset SET payload = x'00'")
    with opened(tmp_path) as store, pytest.raises(StoreError, match="keyset is damaged"):
        begun(store)
    with pytest.raises(StoreError, match="keyset is damaged"):
        trusted.look(tmp_path)


def test_what_is_trusted_is_saved_from_a_damaged_file(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        keyset = taken(store, AUTHORITY.keyset(8, revoked=("f" * 16,)), begun(store))
        assert commanded(store, AUTHORITY.command(), keyset) is None
    path = tmp_path / DATABASE
    with closing(sqlite3.connect(path)) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'event'").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    with opened(tmp_path) as store:
        assert store.newest(10)[0].sequence == 1
        assert begun(store) == keyset
        assert commanded(store, AUTHORITY.command(), keyset) is Refusal.REPLAYED
