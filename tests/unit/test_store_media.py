from __future__ import annotations

import random
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livegate.config import LimitKey, StoreConfig
from livegate.gate.facts import Clock, GatePolicy, ListEntry
from livegate.gate.policy import decide
from livegate.store import Store, lists, open_store
from livegate.store.media import Media
from livegate.types import CredentialRead, Decision, PadDecision, Reason
from support.stores import ATTACK, BONA_FIDE, IDENTITY, StillClock, limit, opened, policy, rows, seen_as

BITS = 18
PRINT = "0123456789abcdef0123456789abcdef"
RULES = policy(limit("presentation_attack", 2, 86_400, 3600, LimitKey.MEDIA))


def flipped(signature: str, bits: list[int]) -> str:
    value = int(signature, 16)
    for bit in bits:
        value ^= 1 << bit
    return f"{value:032x}"


def show(store: Store, signature: str, now: Clock, card: str, rules: GatePolicy = RULES) -> Decision:
    """An attack with the medium, as the pipeline makes it of it."""
    pad = seen_as(ATTACK, signature)
    with store.transaction() as t:
        facts = t.facts(CredentialRead("card", card), rules, now, media=signature)
        decision = decide(pad, facts, rules, attempt_id="a")
        t.count(decision, rules, now)
    return decision


def test_a_medium_is_known_again_with_another_card_at_another_hour(tmp_path: Path) -> None:
    clock = StillClock()
    with opened(tmp_path, clock) as store:
        store.match_media(BITS)
        first = show(store, PRINT, clock(), "card 1")
        clock.go(3600)
        again = show(store, flipped(PRINT, [3, 77, 101]), clock(), "card 2")
        assert first.pad.media_signature == again.pad.media_signature == PRINT
        with store.transaction() as t:
            facts = t.facts(None, RULES, clock(), media=flipped(PRINT, [0, 50]))
            assert facts.media == PRINT
            assert facts.limits[0].count == 2
            assert facts.limits[0].locked_ns == 3600 * 10**9
            assert t.facts(None, RULES, clock(), media=flipped(PRINT, list(range(BITS + 1)))).limits[0].count == 0
        assert rows(store, "media") == 1


@settings(max_examples=60, deadline=None)
@given(st.data(), st.integers(0, 40))
def test_the_nearest_within_the_distance_is_found(data: st.DataObject, bits: int) -> None:
    """Signatures near and far of one asked for."""
    asked = f"{data.draw(st.integers(0, 2**128 - 1)):032x}"
    flips = st.lists(st.integers(0, 127), unique=True, max_size=44)
    kept = {flipped(asked, found) for found in data.draw(st.lists(flips, max_size=6))}
    connection = sqlite3.connect(":memory:")
    columns = "id INTEGER PRIMARY KEY AUTOINCREMENT, signature, first_ns, last_ns, first_s, last_s, times"
    connection.execute(f"CREATE TABLE media ({columns})")
    media = Media()
    for signature in kept:
        media.remember(connection, signature, 0, 0.0)
    nearest = media.nearest(connection, asked, bits)
    distances = {(int(one, 16) ^ int(asked, 16)).bit_count() for one in kept}
    within = [distance for distance in distances if distance <= bits]
    assert (nearest is not None) == bool(within)
    if nearest is not None:
        assert (int(nearest, 16) ^ int(asked, 16)).bit_count() == min(within)
    connection.close()


def test_a_living_person_is_not_remembered(tmp_path: Path) -> None:
    clock = StillClock()
    with opened(tmp_path, clock) as store:
        pad = seen_as(BONA_FIDE, PRINT)
        assert pad.decision is PadDecision.BONA_FIDE
        with store.transaction() as t:
            t.count(decide(pad, t.facts(None, RULES, clock()), RULES, attempt_id="a"), RULES, clock())
        assert rows(store, "media") == 0


def test_media_are_forgotten_after_their_days_of_running_time(tmp_path: Path) -> None:
    clock = StillClock()
    with open_store(tmp_path, IDENTITY, StoreConfig(media_days=2.0), clock) as store:
        show(store, PRINT, clock(), "card")
        clock.go(86_400)
        show(store, PRINT, clock(), "card")
        clock.go(2 * 86_400 - 1)
        store.tick(RULES)
        assert rows(store, "media") == 1
        clock.go(2)
        store.tick(RULES)
        assert rows(store, "media") == 0


def test_one_medium_or_all_are_deleted_at_will(tmp_path: Path) -> None:
    clock, chance = StillClock(), random.Random(1)
    with opened(tmp_path, clock) as store:
        shown = [f"{chance.getrandbits(128):032x}" for _ in range(4)]
        for signature in shown:
            show(store, signature, clock(), "card")
        with store.transaction() as t:
            assert t.context.upkeep.media.forget(t.connection, shown[0]) == 1
            assert t.context.upkeep.media.forget(t.connection, shown[0]) == 0
        assert rows(store, "media") == 3
        with store.transaction() as t:
            assert t.context.upkeep.media.forget(t.connection, None) == 3
        assert rows(store, "media") == 0


def test_of_more_media_the_longest_unseen_are_forgotten(tmp_path: Path) -> None:
    clock, chance = StillClock(), random.Random(2)
    with open_store(tmp_path, IDENTITY, StoreConfig(max_keys=30), clock) as store:
        shown = [f"{chance.getrandbits(128):032x}" for _ in range(70)]
        for signature in shown:
            show(store, signature, clock.go(1), "card", policy())
            assert rows(store, "media") <= 30
        with store.transaction() as t:
            kept = {row[0].hex() for row in t.connection.execute("SELECT signature FROM media")}
        assert kept == set(shown[-30:])


def test_a_blocked_medium_is_found_in_another_picture_and_never_forgotten(tmp_path: Path) -> None:
    clock = StillClock()
    with open_store(tmp_path, IDENTITY, StoreConfig(media_days=1.0), clock) as store:
        store.match_media(BITS)
        with store.transaction() as t:
            lists.block(t, ListEntry("media", PRINT), clock())
        clock.go(10 * 86_400)
        store.tick(RULES)
        with store.transaction() as t:
            found = t.facts(None, RULES, clock(), media=flipped(PRINT, [9, 90]))
        assert [entry.value for entry in found.entries] == [PRINT]


@pytest.mark.parametrize("text", ["", "12", "g" * 32, "A" * 32, "0" * 33])
def test_what_is_no_signature_is_refused(text: str, tmp_path: Path) -> None:
    with opened(tmp_path) as store, store.transaction() as t, pytest.raises(ValueError, match="32 hexadecimal digits"):
        t.context.upkeep.media.nearest(t.connection, text, BITS)


def test_attacks_without_a_signature_are_counted_as_ever(tmp_path: Path) -> None:
    clock = StillClock()
    with opened(tmp_path, clock) as store, store.transaction() as t:
        facts = t.facts(None, RULES, clock())
        decision = decide(ATTACK, facts, RULES, attempt_id="a")
        t.count(decision, RULES, clock())
        assert decision.reason is Reason.PRESENTATION_ATTACK
        assert facts.limits == ()
