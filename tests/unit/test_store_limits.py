from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livegate.config import LimitKey
from livegate.store import Store, lists
from livegate.types import Credential, CredentialRead, Outcome, Reason
from support.stores import ATTACK, BONA_FIDE, CARD, StillClock, admit, attempt, limit, opened, policy, rows

ATTACKS = policy(limit("presentation_attack", 3, 60, 300))
OTHER = CredentialRead("card", "another")


def lock_out(store: Store, clock: StillClock) -> None:
    for _ in range(3):
        attempt(store, ATTACK, ATTACKS, clock())


def reason(store: Store, clock: StillClock, read: CredentialRead = CARD) -> Reason:
    return attempt(store, BONA_FIDE, ATTACKS, clock(), read).reason


def test_the_event_that_fills_the_window_locks_out_and_time_ends_it(tmp_path: Path) -> None:
    clock = StillClock()
    with opened(tmp_path, clock) as store:
        admit(store, CARD, clock())
        admit(store, OTHER, clock())
        lock_out(store, clock)
        assert reason(store, clock) is Reason.LOCKED_OUT
        assert reason(store, clock, OTHER) is Reason.BONA_FIDE
        clock.go(299.9)
        assert reason(store, clock) is Reason.LOCKED_OUT
        clock.go(0.2)
        assert reason(store, clock) is Reason.BONA_FIDE


def test_events_leave_the_window_one_by_one(tmp_path: Path) -> None:
    clock, rules = StillClock(), policy(limit("granted", 2, 10, 0))
    with opened(tmp_path, clock) as store:
        admit(store, CARD, clock())
        seen = []
        for _ in range(8):
            seen.append(attempt(store, BONA_FIDE, rules, clock()).reason)
            clock.go(4)
        granted, full = Reason.BONA_FIDE, Reason.LIMIT
        assert seen == [granted, granted, full, granted, granted, full, granted, granted]


def test_counters_are_told_as_they_were_before_the_attempt(tmp_path: Path) -> None:
    clock = StillClock()
    with opened(tmp_path, clock) as store:
        counts = [dict(attempt(store, ATTACK, ATTACKS, clock()).counters) for _ in range(3)]
    assert counts == [{"credential.presentation_attack.60s": number} for number in range(3)]


@pytest.mark.parametrize("key", [LimitKey.TERMINAL, LimitKey.DOOR])
def test_limits_without_a_credential(tmp_path: Path, key: LimitKey) -> None:
    clock, rules = StillClock(), policy(limit("denied", 2, 60, 60, key), limit("denied", 1, 60, 60))
    with opened(tmp_path, clock) as store:
        for _ in range(2):
            assert attempt(store, BONA_FIDE, rules, clock(), None).reason is Reason.NO_CREDENTIAL
        assert attempt(store, BONA_FIDE, rules, clock(), None).reason is Reason.LOCKED_OUT


@pytest.mark.parametrize("off_s", [0.0, 3600.0, 1e9, -1e9])
def test_time_spent_off_never_shortens_a_lockout(tmp_path: Path, off_s: float) -> None:
    clock = StillClock()
    with opened(tmp_path, clock) as store:
        admit(store, CARD, clock())
        lock_out(store, clock)
        clock.go(100)
        assert reason(store, clock) is Reason.LOCKED_OUT
    clock.reboot(off_s)
    with opened(tmp_path, clock, boot="boot-2") as store:
        clock.go(199)
        assert reason(store, clock) is Reason.LOCKED_OUT
        clock.go(2)
        assert reason(store, clock) is Reason.BONA_FIDE


def test_time_on_counts_only_once_it_is_written_down(tmp_path: Path) -> None:
    clock = StillClock()
    with opened(tmp_path, clock) as store:
        admit(store, CARD, clock())
        lock_out(store, clock)
        clock.go(250)
        store.tick(ATTACKS)
    clock.reboot(5)
    with opened(tmp_path, clock, boot="boot-2") as store:
        clock.go(49)
        assert reason(store, clock) is Reason.LOCKED_OUT
        clock.go(2)
        assert reason(store, clock) is Reason.BONA_FIDE


def test_a_daemon_that_restarts_within_a_boot_loses_no_time(tmp_path: Path) -> None:
    clock = StillClock()
    with opened(tmp_path, clock) as store:
        admit(store, CARD, clock())
        lock_out(store, clock)
    clock.go(301)
    with opened(tmp_path, clock) as store:
        assert reason(store, clock) is Reason.BONA_FIDE


def test_stepping_the_wall_clock_changes_no_lockout(tmp_path: Path) -> None:
    clock = StillClock()
    with opened(tmp_path, clock) as store:
        admit(store, CARD, clock())
        lock_out(store, clock)
        for wall_s in (0.0, 1e10):
            clock.now = replace(clock.now, wall_s=wall_s)
            assert reason(store, clock) is Reason.LOCKED_OUT


def test_chores_forget_only_what_is_over(tmp_path: Path) -> None:
    clock = StillClock()
    with opened(tmp_path, clock) as store:
        lock_out(store, clock)
        clock.go(299)
        store.tick(ATTACKS)
        assert rows(store, "lockout") == 1
        assert rows(store, "window") == 0
        clock.go(86_400)
        store.tick(ATTACKS)
        assert rows(store, "lockout") == 1
        clock.go(2)
        store.tick(ATTACKS)
        assert rows(store, "lockout") == 0


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0, 40), min_size=4, max_size=12), st.integers(1, 4), st.integers(5, 30))
def test_no_window_ever_holds_more_grants_than_allowed(
    tmp_path_factory: pytest.TempPathFactory, pauses_s: list[float], most: int, window_s: int
) -> None:
    clock, rules = StillClock(), policy(limit("granted", most, window_s, 0))
    granted_ns = []
    with opened(tmp_path_factory.mktemp("s"), clock) as store:
        admit(store, CARD, clock())
        for pause_s in pauses_s:
            clock.go(pause_s)
            if attempt(store, BONA_FIDE, rules, clock()).outcome is Outcome.GRANTED:
                granted_ns.append(clock().monotonic_ns)
    for at_ns in granted_ns:
        assert sum(at_ns - window_s * 1e9 < other <= at_ns for other in granted_ns) <= most


def test_a_credential_is_known_by_its_kind_too(tmp_path: Path) -> None:
    clock = StillClock()
    with opened(tmp_path, clock) as store:
        with store.transaction() as t:
            lists.allow(t, Credential(t.context.pseudonyms.of("1234"), "card", True), clock())
        assert reason(store, clock, CredentialRead("card", "1234")) is Reason.BONA_FIDE
        assert reason(store, clock, CredentialRead("pin", "1234")) is Reason.UNKNOWN_CREDENTIAL
