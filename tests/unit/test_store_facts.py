"""What the store tells the gate of an attempt: presence, central lists, conditions of credentials, bounds in bytes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from livegate.audit.chain import verify_chain
from livegate.config import StoreConfig, WhenFull
from livegate.errors import StoreFull
from livegate.gate.facts import GateFacts, ListEntry, Presence
from livegate.store import Store, lists, open_store, presence
from livegate.types import AccessEvent, Credential, CredentialRead, Direction
from support.stores import CARD, IDENTITY, WALL_S, StillClock, admit, opened, plain, policy, whole


@dataclass
class Centre:
    """Central lists in memory."""

    block: list[ListEntry] = field(default_factory=list)
    allow: dict[tuple[str, str], Credential] = field(default_factory=dict)
    expires_s: float = WALL_S + 1000

    def lookup_block(self, pairs: Iterable[tuple[str, str]]) -> tuple[ListEntry, ...]:
        asked = set(pairs)
        return tuple(entry for entry in self.block if (entry.kind, entry.value) in asked)

    def lookup_allow(self, pseudonym: str, kind: str) -> Credential | None:
        return self.allow.get((pseudonym, kind))

    def stale(self, now_s: float, floors: Mapping[str, int]) -> tuple[str, ...]:
        ends_s = {"allow": self.expires_s, "block": WALL_S + 2000}
        return tuple(name for name, end_s in ends_s.items() if end_s <= now_s or name in floors)


def facts(store: Store, clock: StillClock, read: CredentialRead = CARD) -> GateFacts:
    with store.transaction() as t:
        return t.facts(read, policy(), clock())


def test_presence_is_what_was_noted_and_ages_in_running_time(tmp_path: Path) -> None:
    clock = StillClock()
    with opened(tmp_path, clock) as store:
        pseudonym = admit(store, CARD, clock())
        assert facts(store, clock).presence is None
        with store.transaction() as t:
            t.note_passage(pseudonym, Direction.IN, clock())
        clock.go(5)
        store.tick(policy())
        assert facts(store, clock).presence == Presence(True, 5 * 10**9)
    clock.reboot(1e6)
    with opened(tmp_path, clock, boot="boot-2") as store:
        clock.go(2)
        assert facts(store, clock).presence == Presence(True, 7 * 10**9)
        with store.transaction() as t:
            t.note_passage(pseudonym, Direction.OUT, clock())
        assert facts(store, clock).presence == Presence(False, 0)
        with store.transaction() as t:
            assert presence.clear(t.connection, pseudonym) == 1
            assert presence.clear(t.connection, None) == 0
        assert facts(store, clock).presence is None


def test_the_conditions_of_a_credential_come_back_as_they_were_given(tmp_path: Path) -> None:
    clock = StillClock()
    with opened(tmp_path, clock) as store:
        with store.transaction() as t:
            pseudonym = t.context.pseudonyms.of(CARD.value)
            given = Credential(pseudonym, "card", True, 1, None, "days", frozenset({"hall", "lab"}), duress=True)
            lists.allow(t, given, clock(), label="spare")
        assert facts(store, clock).credential == given
        with store.transaction() as t:
            lists.allow(t, replace(given, duress=False, zones=frozenset()), clock())
            assert t.connection.execute("SELECT label FROM credential").fetchone() == ("spare",)
        assert facts(store, clock).credential == replace(given, duress=False, zones=frozenset())


def test_central_lists_are_asked_besides_the_local_ones(tmp_path: Path) -> None:
    clock, centre = StillClock(), Centre()
    with opened(tmp_path, clock) as store:
        store.use_lists(centre)
        with store.transaction() as t:
            pseudonym = t.context.pseudonyms.of(CARD.value)
        assert facts(store, clock).credential == Credential(pseudonym, "card", known=False)
        central = Credential(pseudonym, "card", True, zones=frozenset({"lab"}))
        centre.allow[pseudonym, "card"] = central
        assert facts(store, clock).credential == central
        admit(store, CARD, clock())
        assert facts(store, clock).credential == Credential(pseudonym, "card", True)
        centre.block += [
            ListEntry("credential", pseudonym, "review", source="central"),
            ListEntry("terminal", IDENTITY.terminal, "deny", until_s=WALL_S - 1, source="central"),
            ListEntry("credential", "another", "deny", source="central"),
        ]
        with store.transaction() as t:
            lists.block(t, ListEntry("credential", pseudonym, "step_up"), clock())
        assert [(entry.action, entry.source) for entry in facts(store, clock).entries] == [
            ("step_up", "local"),
            ("review", "central"),
        ]


def test_central_lists_past_their_end_are_named(tmp_path: Path) -> None:
    clock, centre = StillClock(), Centre()
    with opened(tmp_path, clock) as store:
        assert facts(store, clock).list_expired == ()
        store.use_lists(centre)
        assert facts(store, clock).list_expired == ()
        clock.go(1000)
        assert facts(store, clock).list_expired == ("allow",)
        clock.now = replace(clock.now, wall_s=0.0, floor_s=WALL_S + 2000)
        assert facts(store, clock).list_expired == ("allow", "block")


def large(number: int) -> AccessEvent:
    return replace(plain(number), data={"filling": "x" * 9_000})


@pytest.mark.parametrize("when_full", WhenFull)
def test_a_database_at_its_budget_is_full(tmp_path: Path, when_full: WhenFull) -> None:
    with open_store(tmp_path, IDENTITY, StoreConfig(10_000, when_full, max_megabytes=1), StillClock()) as store:
        refused = 0
        for number in range(300):
            try:
                with store.transaction() as t:
                    t.enqueue(large(number))
            except StoreFull as exc:
                assert "max_megabytes" in str(exc)  # noqa: PT017 - it is raised at some time only
                refused += 1
        assert (refused > 0) is (when_full is WhenFull.DENY)
        store.tick(policy())
        assert store.counts().database_bytes < 1_100_000
        told = [json.loads(event.body) for event in whole(store)]
        levels = [one["data"]["what"] for one in told if one["type"] == "io.livegate.capacity.v1"]
        if when_full is WhenFull.DENY:
            assert [(one["percent"], one["of"]) for one in levels] == [(75, "bytes"), (90, "bytes"), (100, "bytes")]
        assert verify_chain(whole(store), store.anchor()) is None


def test_bytes_written_are_counted(tmp_path: Path) -> None:
    with opened(tmp_path, history=10_000) as store:
        assert store.measures()["store_bytes_per_event"] == 0
        for number in range(900):
            with store.transaction() as t:
                t.enqueue(plain(number))
        store.tick(policy())
        measures = store.measures()
        # An event of half a kilobyte changes a few pages of one each.
        assert 1_000 < measures["store_bytes_per_event"] < 10_000
        assert measures["store_log_bytes_total"] < measures["store_written_bytes_total"]


def test_the_reserve_is_really_there_and_made_again(tmp_path: Path) -> None:
    with opened(tmp_path):
        status = (tmp_path / "livegate.reserve").stat()
        assert status.st_blocks * 512 >= status.st_size >= 1 << 20
    (tmp_path / "livegate.reserve").unlink()
    with opened(tmp_path):
        assert (tmp_path / "livegate.reserve").exists()
