from __future__ import annotations

import json
from pathlib import Path

import pytest

from livegate.config import Limit, LimitKey, StoreConfig
from livegate.gate.facts import Clock, GatePolicy
from livegate.gate.limits import limit_name
from livegate.gate.policy import decide
from livegate.store import Store, lockouts, open_store
from livegate.types import CredentialRead, Reason
from support.stores import ATTACK, BONA_FIDE, CARD, IDENTITY, StillClock, admit, attempt, limit, opened, policy, whole

ONE = Limit(LimitKey.CREDENTIAL, "presentation_attack", 1, 10, 100, lockout_growth=3, lockout_max_s=1000)
RULES = policy(ONE)


def locked_s(store: Store, clock: StillClock, rules: GatePolicy = RULES, read: CredentialRead = CARD) -> float:
    with store.transaction() as t:
        return max(state.locked_ns for state in t.facts(read, rules, clock()).limits) / 1e9


def test_each_lockout_lasts_longer_up_to_the_longest(tmp_path: Path) -> None:
    clock = StillClock()
    with opened(tmp_path, clock) as store:
        lasted = []
        for _ in range(5):
            attempt(store, ATTACK, RULES, clock())
            lasted.append(locked_s(store, clock))
            clock.go(lasted[-1] + 1)
    assert lasted == [100, 300, 900, 1000, 1000]


def test_a_key_quiet_for_long_begins_again(tmp_path: Path) -> None:
    clock = StillClock()
    with opened(tmp_path, clock) as store:
        for _ in range(2):
            attempt(store, ATTACK, RULES, clock())
            clock.go(400)
        # The second one ran 300 s and ended 100 s ago; quiet counts from its end.
        clock.go(899)
        attempt(store, ATTACK, RULES, clock())
        assert locked_s(store, clock) == 900
        clock.go(900 + 1000)
        store.tick(RULES)
        attempt(store, ATTACK, RULES, clock())
        assert locked_s(store, clock) == 100


def test_who_goes_on_below_the_limit_is_not_quiet(tmp_path: Path) -> None:
    clock, rules = StillClock(), policy(Limit(LimitKey.CREDENTIAL, "presentation_attack", 2, 10, 100, 2, 1000))
    with opened(tmp_path, clock) as store:
        for _ in range(2):
            attempt(store, ATTACK, rules, clock())
        for _ in range(4):
            clock.go(900)
            attempt(store, ATTACK, rules, clock())
        attempt(store, ATTACK, rules, clock())
        assert locked_s(store, clock, rules) == 200


def test_an_attack_renews_a_running_lockout_and_a_refusal_does_not(tmp_path: Path) -> None:
    clock = StillClock()
    with opened(tmp_path, clock) as store:
        admit(store, CARD, clock())
        attempt(store, ATTACK, RULES, clock())
        clock.go(60)
        assert attempt(store, BONA_FIDE, RULES, clock()).reason is Reason.LOCKED_OUT
        assert locked_s(store, clock) == 40
        attempt(store, ATTACK, RULES, clock())
        assert locked_s(store, clock) == 100
        clock.go(100)
        assert attempt(store, BONA_FIDE, RULES, clock()).reason is Reason.BONA_FIDE


def test_a_shorter_rule_shortens_no_lockout_that_runs(tmp_path: Path) -> None:
    clock = StillClock()
    with opened(tmp_path, clock) as store:
        attempt(store, ATTACK, RULES, clock())
        gentler = policy(limit("presentation_attack", 1, 10, 1))
        attempt(store, ATTACK, gentler, clock())
        assert locked_s(store, clock, gentler) == 100


def test_two_limits_of_one_rule_count_an_event_once(tmp_path: Path) -> None:
    clock = StillClock()
    rules = policy(limit("presentation_attack", 2, 60, 10), limit("presentation_attack", 4, 60, 1000))
    with opened(tmp_path, clock) as store:
        for locked in (0, 10, 10, 1000):
            attempt(store, ATTACK, rules, clock())
            assert locked_s(store, clock, rules) == locked


def test_many_events_in_a_window_stay_few_bytes_and_are_never_fewer(tmp_path: Path) -> None:
    clock, rules = StillClock(), policy(limit("presentation_attack", 1000, 10_000, 0))
    with opened(tmp_path, clock) as store:
        for number in range(400):
            attempt(store, ATTACK, rules, clock.go(1 + number % 3))
        with store.transaction() as t:
            assert t.facts(CARD, rules, clock()).limits[0].count == 400
            (size,) = t.connection.execute("SELECT max(length(moments)) FROM window").fetchone()
    assert size <= 32 * 12


def test_a_row_keeps_no_more_than_its_limit_can_tell(tmp_path: Path) -> None:
    clock, rules = StillClock(), policy(limit("presentation_attack", 3, 10_000, 1))
    with opened(tmp_path, clock) as store:
        for _ in range(50):
            attempt(store, ATTACK, rules, clock.go(5))
        with store.transaction() as t:
            assert t.facts(CARD, rules, clock()).limits[0].count == 4


def small(folder: Path, clock: StillClock, most: int) -> Store:
    return open_store(folder, IDENTITY, StoreConfig(1000, max_keys=most), clock)


def read(number: int) -> CredentialRead:
    return CredentialRead("card", f"card {number}")


def test_of_more_keys_the_longest_unseen_are_forgotten(tmp_path: Path) -> None:
    clock, rules = StillClock(), policy(limit("presentation_attack", 9, 1e6, 0))
    with small(tmp_path, clock, 20) as store:
        for number in range(100):
            attempt(store, ATTACK, rules, clock.go(100), read(number))
            with store.transaction() as t:
                assert t.connection.execute("SELECT count(*) FROM window").fetchone()[0] <= 20
        with store.transaction() as t:
            counts = [t.facts(read(number), rules, clock()).limits[0].count for number in range(80, 100)]
    assert counts == [1] * 20


def test_past_the_bound_a_rule_locks_everybody_and_says_so(tmp_path: Path) -> None:
    clock, rules = StillClock(), policy(limit("presentation_attack", 1, 60, 300), limit("granted", 9, 60, 60))
    with small(tmp_path, clock, 5) as store:
        for number in range(5):
            attempt(store, ATTACK, rules, clock.go(1), read(number))
        assert locked_s(store, clock, rules, read(99)) == 0
        attempt(store, ATTACK, rules, clock.go(1), read(5))
        assert locked_s(store, clock, rules, read(99)) == 300
        attempt(store, ATTACK, rules, clock.go(1), read(6))
        assert locked_s(store, clock, rules, read(0)) > 290
        told = [json.loads(event.body) for event in whole(store)]
        full = [event["data"]["what"] for event in told if event["type"] == "io.livegate.capacity.v1"]
        assert [(one["of"], one["rule"]) for one in full] == [("lockouts", limit_name(rules.limits[0]))]
    with small(tmp_path, clock, 5) as store:
        assert locked_s(store, clock, rules, read(99)) > 290
        clock.go(301)
        attempt(store, ATTACK, rules, clock(), read(50))
        # One that has ended made room.
        assert locked_s(store, clock, rules, read(99)) == 0
        assert locked_s(store, clock, rules, read(50)) == 300


def count_and_fail(store: Store, rules: GatePolicy, now: Clock, shown: CredentialRead) -> None:
    with store.transaction() as t:
        t.count(decide(ATTACK, t.facts(shown, rules, now), rules, attempt_id="a1"), rules, now)
        raise RuntimeError


def test_what_was_rolled_back_takes_no_room(tmp_path: Path) -> None:
    clock, rules = StillClock(), policy(limit("presentation_attack", 1, 60, 300))
    with small(tmp_path, clock, 5) as store:
        attempt(store, ATTACK, rules, clock(), read(0))
        for number in range(1, 10):
            with pytest.raises(RuntimeError):
                count_and_fail(store, rules, clock(), read(number))
        attempt(store, ATTACK, rules, clock(), read(10))
        assert locked_s(store, clock, rules, read(10)) == 300
        assert locked_s(store, clock, rules, read(99)) == 0


@pytest.mark.parametrize("boots", [1, 3])
def test_growth_survives_boots(tmp_path: Path, boots: int) -> None:
    clock = StillClock()
    for boot in range(boots):
        with opened(tmp_path, clock, boot=f"b{boot}") as store:
            attempt(store, ATTACK, RULES, clock())
            assert locked_s(store, clock) == min(100 * 3**boot, 1000)
            clock.go(locked_s(store, clock))
            store.tick(RULES)
        clock.reboot(1e6)


def test_clearing_ends_a_lockout_and_forgets_what_led_to_it(tmp_path: Path) -> None:
    clock = StillClock()
    with opened(tmp_path, clock) as store:
        pseudonym = admit(store, CARD, clock())
        attempt(store, ATTACK, RULES, clock())
        with store.transaction() as t:
            assert lockouts.clear(t.connection, RULES.limits, pseudonym) == 1
        assert attempt(store, BONA_FIDE, RULES, clock()).reason is Reason.BONA_FIDE
        attempt(store, ATTACK, RULES, clock())
        assert locked_s(store, clock) == 100
