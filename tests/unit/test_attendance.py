from __future__ import annotations

import pytest

from livegate.config import GateMode
from livegate.gate.attendance import Attendance, Conclusion
from livegate.types import CredentialRead, Observation, PadDecision, PadResult, Reason, Step
from support.sights import attempt, face, frame_set

MS = 1_000_000
ATTACK, ALIVE, UNSURE = PadDecision.ATTACK, PadDecision.BONA_FIDE, PadDecision.INCONCLUSIVE


def pad(decision: PadDecision) -> PadResult:
    return PadResult(decision, Reason.BONA_FIDE, 0.5, 0.0, 0.0, 3, Step.RGB)


def see(
    desk: Attendance, decision: PadDecision, at_ms: float, *, name: str = "a1", overdue: bool = False
) -> Conclusion | None:
    seen = attempt(Observation(frame_set(1000), face()), attempt_id=name)
    return desk.see(seen, pad(decision), round(at_ms * MS), overdue=overdue)


def card(at_ms: float) -> CredentialRead:
    return CredentialRead("card", "04a1", round(at_ms * MS))


@pytest.fixture
def desk() -> Attendance:
    return Attendance(GateMode.CREDENTIAL_LIVENESS, pairing_window_ms=2000)


def test_card_first_then_a_living_face(desk: Attendance) -> None:
    assert not desk.offer(card(500))
    assert see(desk, UNSURE, 1100) is None
    concluded = see(desk, ALIVE, 1200)
    assert concluded is not None
    assert concluded.read == card(500)
    assert see(desk, ALIVE, 1300) is None


def test_face_first_waits_for_the_card_within_the_window(desk: Attendance) -> None:
    assert see(desk, ALIVE, 1100) is None
    desk.offer(card(2000))
    concluded = see(desk, ALIVE, 2100)
    assert concluded is not None
    assert concluded.read is not None


def test_face_without_a_card_is_concluded_without_one(desk: Attendance) -> None:
    assert see(desk, ALIVE, 1100) is None
    concluded = see(desk, ALIVE, 3200)
    assert concluded is not None
    assert concluded.read is None


def test_an_attack_is_ripe_at_once_with_or_without_a_card(desk: Attendance) -> None:
    concluded = see(desk, ATTACK, 1100)
    assert concluded is not None
    assert concluded.read is None


def test_an_attack_found_while_waiting_for_the_card_ends_the_wait(desk: Attendance) -> None:
    assert see(desk, ALIVE, 1100) is None
    concluded = see(desk, ATTACK, 1300)
    assert concluded is not None
    assert concluded.pad.decision is ATTACK


def test_inconclusive_is_ripe_only_when_overdue(desk: Attendance) -> None:
    desk.offer(card(900))
    assert see(desk, UNSURE, 1100) is None
    concluded = see(desk, UNSURE, 3000, overdue=True)
    assert concluded is not None
    assert concluded.pad.decision is UNSURE


def test_who_leaves_without_a_card_made_no_attempt(desk: Attendance) -> None:
    see(desk, ALIVE, 1100)
    assert desk.leave(1500 * MS) is None


def test_the_door_does_not_open_for_a_face_that_has_gone(desk: Attendance) -> None:
    assert see(desk, ALIVE, 1100) is None
    desk.offer(card(1200))
    left = desk.leave(1500 * MS)
    assert left is not None
    assert left.pad.decision is UNSURE
    assert desk.leave(1600 * MS) is None


def test_a_card_is_used_once(desk: Attendance) -> None:
    desk.offer(card(900))
    assert see(desk, ALIVE, 1100) is not None
    assert see(desk, ALIVE, 1200, name="a2") is None


def test_a_new_card_asks_for_a_new_attempt_only_after_a_conclusion(desk: Attendance) -> None:
    see(desk, UNSURE, 1100)
    assert not desk.offer(card(1200))
    assert see(desk, ALIVE, 1300) is not None
    assert desk.offer(card(1400))


def test_a_card_without_a_face_lapses_once(desk: Attendance) -> None:
    desk.offer(card(0))
    assert desk.lapse(1000 * MS) is None
    assert desk.lapse(2100 * MS) == card(0)
    assert desk.lapse(2200 * MS) is None


def test_presence_screening_asks_for_no_card() -> None:
    desk = Attendance(GateMode.PRESENCE_SCREENING, pairing_window_ms=2000)
    concluded = see(desk, ALIVE, 1100)
    assert concluded is not None
    assert concluded.read is None
