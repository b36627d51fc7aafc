from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from livegate.audit.chain import verify_chain
from livegate.config import GateMode, StoreConfig
from livegate.errors import PadError
from livegate.events.cloudevents import genesis
from livegate.gate.door import DoorState
from livegate.gate.facts import Clock, GatePolicy
from livegate.seldom import Seldom
from livegate.types import Box, Outcome, Reason
from support.pipelines import ALIVE, ATTACK, MS, UNSURE, Terminal, opened
from support.sights import face, frame_set


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    yield from opened(tmp_path)


def test_card_and_living_face_open_the_door_after_the_commit(terminal: Terminal) -> None:
    decision = terminal.decided(ALIVE, card="good")
    assert decision is not None
    assert (decision.outcome, decision.reason) == (Outcome.GRANTED, Reason.BONA_FIDE)
    assert terminal.door.state() is DoorState.UNLOCKED
    (event,) = terminal.events("access.attempt")
    assert event["data"]["what"]["outcome"] == "granted"
    assert terminal.woken
    moved = terminal.events("door.state")[-1]["data"]["what"]
    assert moved["cause"] == event["sequence"]


def test_one_picture_is_not_enough(terminal: Terminal) -> None:
    terminal.turn(card="good")
    assert terminal.turn(ALIVE).decision is None
    assert terminal.door.state() is DoorState.LOCKED


def test_an_attack_is_denied_whatever_the_card_and_its_card_is_named(terminal: Terminal) -> None:
    decision = terminal.decided(ATTACK, card="good")
    assert decision is not None
    assert decision.reason is Reason.PRESENTATION_ATTACK
    assert terminal.door.state() is DoorState.LOCKED
    (event,) = terminal.events("access.attempt")
    assert event["severity"] == "warning"
    assert event["data"]["who"]["credential"] is not None
    assert "good" not in json.dumps(event)


def test_alive_is_not_authorised(terminal: Terminal) -> None:
    unknown = terminal.decided(ALIVE, card="other")
    assert unknown is not None
    assert unknown.reason is Reason.UNKNOWN_CREDENTIAL
    for _ in range(10):
        terminal.turn()
    nobody = terminal.decided(ALIVE)
    assert nobody is not None
    assert nobody.reason is Reason.NO_CREDENTIAL
    assert terminal.door.state() is DoorState.LOCKED


def test_face_first_then_card(terminal: Terminal) -> None:
    for _ in range(6):
        assert terminal.turn(ALIVE).decision is None
    assert terminal.turn(ALIVE, card="good").decision is not None
    assert terminal.door.state() is DoorState.UNLOCKED


def test_one_decision_an_attempt_and_a_new_card_begins_a_new_one(terminal: Terminal) -> None:
    first = terminal.decided(ALIVE, card="other")
    assert first is not None
    assert terminal.decided(ALIVE, turns=15) is None
    second = terminal.decided(ALIVE, card="good")
    assert second is not None
    assert second.outcome is Outcome.GRANTED
    assert second.attempt_id != first.attempt_id


def test_a_card_without_a_face_is_told_and_the_door_stays_shut(terminal: Terminal) -> None:
    decision = terminal.decided(card="good")
    assert decision is not None
    assert (decision.outcome, decision.reason) == (Outcome.INCONCLUSIVE, Reason.NO_FACE)
    assert terminal.door.state() is DoorState.LOCKED


def test_cards_tried_in_a_row_are_each_told(terminal: Terminal) -> None:
    for number in range(5):
        terminal.turn(card=f"tried-{number}")
    terminal.turn(card="tried-4")
    for _ in range(30):
        terminal.turn()
    told = [event["data"]["who"]["credential"] for event in terminal.events("access.attempt")]
    assert len(told) == len(set(told)) == 5


def test_a_card_displaced_before_an_undecided_face_is_told_as_inconclusive(terminal: Terminal) -> None:
    terminal.turn(UNSURE, card="other")
    terminal.turn(UNSURE, card="good")
    (event,) = terminal.events("access.attempt")
    assert event["data"]["what"]["reason"] == "unknown_credential"
    assert terminal.door.state() is DoorState.LOCKED


def test_no_picture_is_not_no_face(terminal: Terminal) -> None:
    terminal.turn(blind=True, card="good")
    decisions = [terminal.turn(blind=True).decision for _ in range(70)]
    (decision,) = [decision for decision in decisions if decision is not None]
    assert decision.reason is Reason.SENSOR_MISSING
    assert [e["data"]["what"]["state"] for e in terminal.events("sensor.state")] == ["missing"]


def test_one_late_frame_never_opens_however_overdue(terminal: Terminal) -> None:
    elsewhere = face(Box(20.0, 100.0, 150.0, 200.0), 0.5, 0.45)
    terminal.turn(card="good")
    for _ in range(25):
        assert terminal.turn(elsewhere).decision is None or terminal.door.state() is DoorState.LOCKED
    terminal.turn(ALIVE)
    assert terminal.door.state() is DoorState.LOCKED


def test_a_face_that_comes_late_in_the_window_of_its_card_has_its_time(terminal: Terminal) -> None:
    terminal.turn(card="good")
    for _ in range(14):
        assert terminal.turn().decision is None
    decision = terminal.decided(ALIVE)
    assert decision is not None
    assert decision.outcome is Outcome.GRANTED


def test_a_picture_that_is_missed_takes_no_card_from_the_face_in_view(terminal: Terminal) -> None:
    terminal.turn(UNSURE, card="good")
    for _ in range(15):
        assert terminal.turn(UNSURE).decision is None
    assert terminal.turn(blind=True).decision is None
    decision = terminal.decided(ALIVE)
    assert decision is not None
    assert decision.outcome is Outcome.GRANTED


def test_undecided_faces_end_inconclusive_and_shut(terminal: Terminal) -> None:
    decision = terminal.decided(UNSURE, card="good")
    assert decision is not None
    assert decision.outcome is Outcome.INCONCLUSIVE
    assert terminal.door.state() is DoorState.LOCKED


def test_a_failing_network_opens_nothing_and_stops_nothing(terminal: Terminal) -> None:
    terminal.turn(ALIVE, card="good")
    for _ in range(20):
        terminal.now_ms += 100
        terminal.detector.seen = PadError("the network answered NaN")
        seen = terminal.pipeline.turn(frame_set(terminal.now_ms), (), Clock(1.8e9, round(terminal.now_ms * MS)))
        assert seen.decision is None or seen.decision.outcome is not Outcome.GRANTED
    (event,) = terminal.events("access.attempt")
    assert event["data"]["what"]["reason"] in ("inconclusive", "failed")
    assert terminal.door.state() is DoorState.LOCKED
    assert terminal.decided(ALIVE, card="good") is not None


def test_a_network_that_fails_on_somebody_without_a_card_leaves_a_trace_once_a_minute(terminal: Terminal) -> None:
    for _ in range(130):
        terminal.now_ms += 1000
        terminal.detector.seen = PadError("the network answered NaN")
        seen = terminal.pipeline.turn(frame_set(terminal.now_ms), (), terminal.now())
        assert seen.decision is None or seen.decision.outcome is not Outcome.GRANTED
    told = [event["data"]["what"]["reason"] for event in terminal.events("access.attempt")]
    assert told == ["failed"] * 3
    assert terminal.door.state() is DoorState.LOCKED


def test_repeated_attacks_lock_their_card_out(terminal: Terminal) -> None:
    for _ in range(2):
        assert terminal.decided(ATTACK, card="good") is not None
        for _ in range(10):
            terminal.turn()
    decision = terminal.decided(ALIVE, card="good")
    assert decision is not None
    assert decision.reason is Reason.LOCKED_OUT
    assert terminal.door.state() is DoorState.LOCKED


def test_an_accomplice_does_not_vouch_for_a_print(terminal: Terminal) -> None:
    beside = face(Box(430.0, 120.0, 150.0, 200.0), 0.03, 0.95)
    terminal.turn(ALIVE, card="good")
    decision = terminal.decided(ALIVE, beside)
    assert decision is not None
    assert decision.reason is Reason.PRESENTATION_ATTACK


def test_full_store_denies(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for terminal in opened(tmp_path, StoreConfig(history_events=100)):
        reasons = []
        for _ in range(110):
            decision = terminal.decided(ALIVE, card="good")
            assert decision is not None
            reasons.append((decision.outcome, decision.reason))
            for _ in range(15):
                terminal.turn()
        assert reasons[0] == (Outcome.GRANTED, Reason.BONA_FIDE)
        assert reasons[-1] == (Outcome.DENIED, Reason.STORE_FULL)
        assert not terminal.events("gap")
        # Said at first and once a minute, not with every card.
        said = [record for record in caplog.records if record.getMessage() == "decision not committed"]
        refused = sum(reason is Reason.STORE_FULL for _, reason in reasons)
        assert len(said) <= 1 + terminal.now_ms // 60_000 < refused
        times = [vars(record)["times"] for record in said]
        assert times[0] == 1
        assert sum(times) <= refused
        assert "raise history_events" in vars(said[-1])["error"]


def test_what_fails_on_is_said_once_a_minute_with_its_count() -> None:
    seldom, minute_ns = Seldom(), 60_000 * MS
    assert [seldom.due("a", second * 1_000 * MS) for second in range(60)] == [1] + [0] * 59
    assert seldom.due("b", 59_000 * MS) == 1
    assert [seldom.due("a", minute_ns), seldom.due("a", minute_ns + 1), seldom.due("a", 3 * minute_ns)] == [60, 0, 2]


def test_presence_screening_lets_anyone_alive_in_and_says_so(tmp_path: Path) -> None:
    for terminal in opened(tmp_path, policy=GatePolicy(GateMode.PRESENCE_SCREENING, allow_unidentified=True)):
        decision = terminal.decided(ALIVE)
        assert decision is not None
        assert decision.outcome is Outcome.GRANTED
        (event,) = terminal.events("access.attempt")
        assert event["data"]["what"]["policy"]["mode"] == "presence_screening"


def test_everything_told_is_one_chain(terminal: Terminal) -> None:
    terminal.decided(ALIVE, card="good")
    terminal.decided(ATTACK, card="good")
    stored = terminal.store.unacknowledged(0, 10_000)
    assert len(stored) >= 4
    assert verify_chain(stored, genesis(terminal.store.stream)) is None
