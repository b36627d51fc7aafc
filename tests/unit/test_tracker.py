from __future__ import annotations

from dataclasses import replace
from itertools import count

import pytest

from livegate.track.presented import presented_face
from livegate.track.tracker import Tracker, TrackPolicy
from livegate.types import Box
from support.sights import FACE_BOX, face, frame_set

BESIDE = replace(FACE_BOX, x=430.0)


def tracker(**policy: float) -> Tracker:
    ids = count(1)
    return Tracker(TrackPolicy(**policy), new_id=lambda: f"a{next(ids)}")  # type: ignore[arg-type]


def test_one_face_is_one_attempt_while_it_stays() -> None:
    track = tracker()
    for at_ms in (0, 100, 200):
        seen = track.update(frame_set(at_ms), (face(),))
    assert seen is not None
    assert (seen.attempt_id, len(seen.observations)) == ("a1", 3)


def test_a_blink_of_the_detector_does_not_end_it_but_absence_does() -> None:
    track = tracker(rearm_ms=500)
    track.update(frame_set(0), (face(),))
    assert track.update(frame_set(300), ()) is not None
    again = track.update(frame_set(400), (face(),))
    assert again is not None
    assert again.attempt_id == "a1"
    assert track.update(frame_set(900), ()) is None
    new = track.update(frame_set(1000), (face(),))
    assert new is not None
    assert new.attempt_id == "a2"


def test_history_is_bounded_oldest_first_out() -> None:
    track = tracker(history=4)
    for at_ms in range(0, 1000, 100):
        seen = track.update(frame_set(at_ms), (face(),))
    assert seen is not None
    assert [o.frame_set.captured_ns // 1_000_000 for o in seen.observations] == [600, 700, 800, 900]


def test_evidence_of_one_face_never_vouches_for_another() -> None:
    track = tracker()
    for at_ms in (0, 100, 200):
        track.update(frame_set(at_ms), (face(FACE_BOX),))
    swapped = track.update(frame_set(300), (face(BESIDE),))
    assert swapped is not None
    assert swapped.attempt_id == "a1"
    assert len(swapped.observations) == 1
    assert swapped.started_ns == 300_000_000


def test_a_living_accomplice_beside_a_held_print_does_not_vouch_for_it() -> None:
    track = tracker()
    track.update(frame_set(0), (face(FACE_BOX, 0.95, 0.02),))
    seen = track.update(frame_set(100), (face(FACE_BOX, 0.95, 0.02), face(BESIDE, 0.1, 0.85)))
    assert seen is not None
    assert seen.latest.face.box == BESIDE
    assert seen.latest.others == 1
    assert len(seen.observations) == 1


def test_a_face_far_behind_neither_counts_nor_is_chosen() -> None:
    behind = Box(20.0, 20.0, 40.0, 52.0)
    chosen = presented_face((face(behind, 0.1, 0.9), face()), None)
    assert chosen is not None
    assert chosen.face.box == FACE_BOX
    assert chosen.others == 0


def test_of_two_living_faces_the_one_already_presented_stays() -> None:
    larger = replace(BESIDE, w=170.0, h=230.0)
    chosen = presented_face((face(larger), face(FACE_BOX)), FACE_BOX)
    assert chosen is not None
    assert chosen.face.box == FACE_BOX
    assert chosen.continues


def test_passers_by_start_nothing() -> None:
    assert tracker().update(frame_set(0), (face(Box(10, 10, 30, 40)),)) is None


def test_restart_begins_a_new_attempt_at_once() -> None:
    track = tracker()
    track.update(frame_set(0), (face(),))
    track.restart()
    seen = track.update(frame_set(100), (face(),))
    assert seen is not None
    assert seen.attempt_id == "a2"


@pytest.mark.parametrize("faces", [(), (face(),)])
def test_expire_reports_the_ended_attempt_once(faces: tuple[object, ...]) -> None:
    track = tracker(rearm_ms=500)
    if faces:
        track.update(frame_set(0), (face(),))
    assert (track.expire(600_000_000) is not None) == bool(faces)
    assert track.expire(700_000_000) is None
