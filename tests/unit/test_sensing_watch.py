"""What the sensors give, watched over time: each fault is named, and no attacker talks the terminal out of a sensor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import cv2
import numpy as np
import pytest

from livegate.config import WhenSuspect
from livegate.sensing.faults import MEANINGS, SUSPICIOUS
from livegate.sensing.watch import SensorWatch
from livegate.types import (
    Attempt,
    Box,
    Face,
    Observation,
    PadDecision,
    PadResult,
    Reason,
    Role,
    SensorFault,
    SensorState,
    Step,
)
from support import sensed
from support.sensed import Stage

ALIVE = PadResult(PadDecision.BONA_FIDE, Reason.BONA_FIDE, 0.9, 2.0, 0.0, 5, Step.ALL)
UNSURE = replace(ALIVE, decision=PadDecision.INCONCLUSIVE, reason=Reason.INCONCLUSIVE)
ATTACK = replace(ALIVE, decision=PadDecision.ATTACK, reason=Reason.PRESENTATION_ATTACK)


def test_people_in_a_room_raise_nothing() -> None:
    stage = Stage()
    for _ in range(6):
        stage.visit()
        stage.alone(turns=20)
        assert stage.faults == {}
        assert set(stage.states.values()) == {SensorState.OK}


@pytest.mark.parametrize("factor", [10.0, 4.0, 0.1])
def test_depth_in_another_unit_is_named_after_two_and_leaves_after_three(factor: float) -> None:
    stage = Stage()
    for visits in range(1, 4):
        stage.visit(sensed.times(factor))
        stage.turn(sensed.times(factor), somebody=False)
        assert stage.named(Role.DEPTH, SensorFault.WRONG_UNIT) is (visits >= 2)
        assert (stage.states[Role.DEPTH] is SensorState.MISALIGNED) is (visits >= 3)
    stage.visit()
    stage.turn()
    assert stage.faults == {}
    assert stage.states[Role.DEPTH] is SensorState.OK


def test_small_faces_in_a_deep_room_are_no_other_unit() -> None:
    """Whoever shows telephones must not rid the terminal of its depth camera."""
    stage = Stage()
    for _ in range(8):
        stage.visit(lambda given: {**given, Role.DEPTH: np.minimum(given[Role.DEPTH], 3000) // 6})
        stage.alone(turns=3)
    assert stage.faults == {}


def test_a_unit_proven_right_is_not_doubted_until_the_camera_is_opened_anew() -> None:
    stage = Stage()
    for _ in range(3):
        stage.visit()
    for _ in range(4):
        stage.visit(sensed.times(10.0))
    assert stage.faults == {}
    stage.number = 0
    for _ in range(2):
        stage.visit(sensed.times(10.0))
    assert stage.named(Role.DEPTH, SensorFault.WRONG_UNIT)


def test_blue_people_are_swapped_channels_and_get_another_chance() -> None:
    stage = Stage()
    for _ in range(3):
        stage.visit(sensed.swapped)
    stage.turn(sensed.swapped)
    assert stage.named(Role.RGB, SensorFault.CHANNELS_SWAPPED)
    assert stage.states[Role.RGB] is SensorState.MISALIGNED
    stage.now_ms += 61_000
    stage.visit()
    assert stage.states[Role.RGB] is SensorState.OK


@pytest.mark.parametrize("role", [Role.RGB, Role.NIR, Role.DEPTH])
def test_pure_noise_blinds_a_role_at_once_and_no_longer_than_it_lasts(role: Role) -> None:
    stage = Stage()
    stage.alone(turns=5)
    stage.alone(sensed.noise(role), turns=12)
    assert stage.named(role, SensorFault.NOISE)
    assert stage.states[role] is SensorState.BLINDED
    stage.alone(turns=12)
    assert stage.faults == {}


def test_a_dead_lamp_is_named_soon_and_leaves_after_ten_dark_minutes() -> None:
    stage = Stage(unlit=sensed.unlit_room(sensed.pictures(0))[Role.NIR])
    for _ in range(3):
        stage.visit(sensed.unlit_room, away_s=150)
    stage.turn(sensed.unlit_room)
    assert stage.named(Role.NIR, SensorFault.ILLUMINATOR_DARK)
    assert stage.states[Role.NIR] is SensorState.OK
    for _ in range(3):
        stage.visit(sensed.unlit_room, away_s=150)
    stage.turn(sensed.unlit_room)
    assert stage.states[Role.NIR] is SensorState.BLINDED
    stage.visit()
    assert stage.faults == {}


def test_screens_without_pairs_never_rid_the_terminal_of_near_infrared() -> None:
    stage = Stage()
    for _ in range(8):
        stage.visit(sensed.unlit_room_without_face, away_s=150)
    assert stage.named(Role.NIR, SensorFault.ILLUMINATOR_DARK)
    assert stage.states[Role.NIR] is SensorState.OK


def test_breath_on_the_lens_is_a_cover_and_a_face_before_it_is_none() -> None:
    def soft(given: dict[Role, np.ndarray]) -> Mapping[Role, np.ndarray]:
        return {**given, Role.NIR: cv2.GaussianBlur(given[Role.NIR], (0, 0), 25)}

    stage = Stage()
    stage.alone(turns=10)
    stage.visit(soft, turns=60)
    assert stage.faults == {}
    stage.alone(soft, turns=40)
    assert stage.named(Role.NIR, SensorFault.COVERED)
    assert stage.states[Role.NIR] is SensorState.BLINDED
    stage.alone(turns=3)
    assert stage.faults == {}


def test_a_chequered_paper_held_up_for_a_moment_makes_no_room_look_covered() -> None:
    """Else whoever shows it without their face is rid of the sensor for hours, with nothing on its lens."""
    rows, columns = np.mgrid[0 : sensed.SIZE[0], 0 : sensed.SIZE[1]]
    board = (((rows // 8 + columns // 8) % 2) * 255).astype(np.uint8)
    stage = Stage()
    stage.alone(turns=30)
    stage.alone(lambda given: {**given, Role.NIR: board, Role.RGB: np.dstack([board] * 3)}, turns=100)
    stage.alone(turns=40)
    assert stage.faults == {}


def test_a_room_that_never_had_detail_has_none_to_lose() -> None:
    def bare(given: dict[Role, np.ndarray]) -> Mapping[Role, np.ndarray]:
        return {**given, Role.RGB: np.full_like(given[Role.RGB], 128)}

    stage = Stage()
    stage.alone(bare, turns=60)
    assert SensorFault.COVERED not in stage.faults.get(Role.RGB, ())


def test_another_terminals_calibration_shows_in_the_edges() -> None:
    stage = Stage()
    for _ in range(4):
        stage.visit(sensed.rolled)
    stage.turn(sensed.rolled)
    assert stage.named(Role.NIR, SensorFault.OTHER_CALIBRATION)
    assert stage.states[Role.NIR] is SensorState.OK
    stage.visit()
    assert stage.faults == {}


def test_another_device_in_its_place_is_told_while_it_is_there() -> None:
    stage = Stage(device={Role.NIR: "a"})
    stage.turn()
    stage.device = {Role.NIR: "b"}
    stage.alone(turns=2)
    assert stage.named(Role.NIR, SensorFault.OTHER_DEVICE)
    stage.device = {}
    stage.alone(turns=2)
    assert stage.named(Role.NIR, SensorFault.OTHER_DEVICE)
    stage.device = {Role.NIR: "a"}
    stage.alone(turns=2)
    assert stage.faults == {}


def test_a_device_the_calibration_does_not_know_is_told_from_the_first_frame() -> None:
    stage = Stage(SensorWatch(devices={Role.RGB: "a"}), device={Role.RGB: "b"})
    stage.alone(turns=2)
    assert stage.named(Role.RGB, SensorFault.OTHER_DEVICE)


def smooth(given: dict[Role, np.ndarray]) -> Mapping[Role, np.ndarray]:
    """Repaint rgb without its noise, each picture a little brighter or darker in one corner."""
    clean = sensed.pictures(0)[Role.RGB].copy()
    clean[:20, :20] = given[Role.RGB][:20, :20]
    return {**given, Role.RGB: clean}


def test_pictures_without_the_sensors_noise_are_told() -> None:
    stage = Stage()
    stage.alone(turns=150)
    stage.alone(smooth, turns=150)
    assert stage.named(Role.RGB, SensorFault.NOISE_UNLIKE)
    assert stage.states[Role.RGB] is SensorState.OK


def test_whoever_pulls_the_plug_and_plays_pictures_under_the_same_serial_number_is_told() -> None:
    stage = Stage(device={Role.RGB: "a"})
    stage.alone(turns=150)
    stage.number = 0
    stage.alone(smooth, turns=150)
    assert stage.named(Role.RGB, SensorFault.NOISE_UNLIKE)


def test_the_calibrated_noise_is_asked_for_from_the_beginning() -> None:
    stage = Stage(SensorWatch(noise={Role.RGB: 2.0}))
    stage.alone(smooth, turns=150)
    assert stage.named(Role.RGB, SensorFault.NOISE_UNLIKE)


@pytest.mark.parametrize("jitter_ms", [0.0, 1.0])
def test_no_noise_at_all_is_suspicious_only_when_it_comes_like_clockwork(jitter_ms: float) -> None:
    stage = Stage(jitter_ms=jitter_ms)
    stage.alone(smooth, turns=150)
    assert stage.named(Role.RGB, SensorFault.NOISE_UNLIKE) is (jitter_ms == 0.0)


@pytest.mark.parametrize("fault", sorted(SUSPICIOUS))
def test_while_a_sensor_is_suspect_nobody_is_let_in_if_so_configured(fault: SensorFault) -> None:
    for when, answer in ((WhenSuspect.DENY, Reason.SENSOR_SUSPECT), (WhenSuspect.REPORT, Reason.BONA_FIDE)):
        stage = Stage(SensorWatch(when))
        stage.turn(faults={Role.NIR: frozenset({fault})})
        assert stage.watch.ruled(ALIVE).reason is answer
        assert stage.watch.ruled(ATTACK) is ATTACK
        stage.turn()
        assert stage.watch.ruled(ALIVE) is ALIVE


def test_a_lamp_whose_driver_says_it_is_gone_takes_near_infrared_with_it() -> None:
    stage = Stage()
    marked = stage.turn(faults={Role.NIR: frozenset({SensorFault.ILLUMINATOR_DARK})})
    assert Role.NIR not in marked.frames
    assert marked.states[Role.NIR] is SensorState.BLINDED
    assert Role.NIR in stage.turn().frames


def test_other_faults_of_capture_are_passed_on_and_change_no_state() -> None:
    told = frozenset(SensorFault) - {SensorFault.ILLUMINATOR_DARK}
    marked = Stage().turn(faults={Role.NIR: told})
    assert marked.faults[Role.NIR] == told
    assert marked.states[Role.NIR] is SensorState.OK


def test_without_a_picture_the_cameras_say_what_is_wrong() -> None:
    faults = {Role.RGB: frozenset({SensorFault.MISDATED})}
    watch = SensorWatch(WhenSuspect.DENY, cameras=lambda: faults)
    watch.mark(None)
    assert watch.faults == faults
    assert watch.is_suspect()


BLIND = {"states": {Role.DEPTH: SensorState.BLINDED}}


def test_a_sensor_blinded_before_somebody_is_waited_for_and_one_that_is_blind_alone_is_not() -> None:
    stage = Stage()
    stage.alone(turns=120)
    stage.visit(**BLIND, turns=50)
    assert stage.watch.ruled(ALIVE).decision is PadDecision.NON_RESPONSE
    assert stage.watch.ruled(ALIVE).reason is Reason.SENSOR_MISSING
    assert stage.watch.ruled(UNSURE) is UNSURE
    stage.alone(**BLIND, turns=35)
    stage.turn(**BLIND)
    assert stage.watch.ruled(ALIVE) is ALIVE
    stage.turn()
    stage.turn(**BLIND)
    assert stage.watch.ruled(ALIVE).reason is Reason.SENSOR_MISSING


def test_what_never_saw_anything_is_not_waited_for() -> None:
    stage = Stage()
    stage.alone(**BLIND, turns=35)
    stage.turn(**BLIND)
    assert stage.watch.ruled(ALIVE) is ALIVE


def test_where_depth_is_silent_whenever_nobody_is_there_a_silent_screen_stays_one() -> None:
    stage = Stage()
    stage.alone(**BLIND, turns=50)
    stage.visit()
    for visits in range(1, 6):
        stage.alone(**BLIND, turns=50)
        stage.visit(**BLIND, away_s=50)
        assert (stage.watch.ruled(ALIVE) is ALIVE) is (visits > 3)
    stage.visit()
    stage.visit(**BLIND)
    assert stage.watch.ruled(ALIVE).reason is Reason.SENSOR_MISSING


def test_a_sensor_full_of_noise_before_somebody_is_waited_for_too() -> None:
    stage = Stage()
    stage.alone(turns=120)
    stage.visit(sensed.noise(Role.NIR), turns=20)
    assert stage.states[Role.NIR] is SensorState.BLINDED
    assert stage.watch.ruled(ALIVE).reason is Reason.SENSOR_MISSING
    stage.alone(sensed.noise(Role.NIR), turns=35)
    assert stage.watch.ruled(ALIVE) is ALIVE


STALE = {"states": {Role.DEPTH: SensorState.STALE}}
MISSING = {"states": {Role.DEPTH: SensorState.MISSING}}


def seen(stage: Stage, *turns: Mapping[str, object]) -> Attempt:
    """Return an attempt whose evidence are FrameSets like these."""
    return Attempt("a", 0, tuple(Observation(stage.turn(**turn), sensed.FACE) for turn in turns))


def test_what_was_seen_while_a_sensor_was_covered_lets_nobody_in_once_it_is_uncovered() -> None:
    """Else a hand goes away just as the picture becomes too poor to be evidence against it."""
    stage = Stage()
    stage.alone(turns=120)
    covered = seen(stage, BLIND, BLIND, BLIND, BLIND)
    stage.turn()
    assert stage.watch.ruled(ALIVE, covered).reason is Reason.SENSOR_MISSING
    assert stage.watch.ruled(ATTACK, covered) is ATTACK
    assert stage.watch.ruled(ALIVE, seen(stage, BLIND, BLIND, {}, {})) is ALIVE


@pytest.mark.parametrize("silent", [STALE, MISSING, {"states": {Role.DEPTH: SensorState.MISALIGNED}}])
def test_a_sensor_that_falls_silent_otherwise_before_somebody_is_waited_for_too(silent: Mapping[str, object]) -> None:
    """A hand that covers a lens makes a picture frozen where a hot pixel shines through."""
    stage = Stage()
    stage.alone(turns=20)
    assert stage.watch.ruled(ALIVE, seen(stage, silent, silent, silent)).reason is Reason.SENSOR_MISSING
    stage.alone(**silent, turns=35)
    assert stage.watch.ruled(ALIVE, seen(stage, silent, silent, silent)) is ALIVE


def test_blind_in_the_open_and_stale_now_and_then_is_no_sensor_to_do_without() -> None:
    stage = Stage()
    stage.visit()
    for _ in range(40):
        stage.alone(**BLIND, turns=3)
        stage.alone(**STALE, turns=2)
    assert stage.watch.ruled(ALIVE, seen(stage, BLIND, BLIND, BLIND)).reason is Reason.SENSOR_MISSING


def test_a_sensor_that_was_never_there_is_not_waited_for() -> None:
    stage = Stage()
    assert stage.watch.ruled(ALIVE, seen(stage, MISSING, MISSING, MISSING)) is ALIVE


def test_a_slow_sensor_is_heard_all_the_same() -> None:
    stage = Stage()
    stage.alone(turns=20)
    attempt = seen(stage, *([{}] + [STALE] * 5) * 2)
    assert stage.watch.ruled(ALIVE, attempt) is ALIVE


def test_every_fault_has_a_meaning_in_plain_words() -> None:
    assert set(MEANINGS) == set(SensorFault)
    assert all(meaning.sentence and meaning.remedy for meaning in MEANINGS.values())


def test_a_face_without_numbers_says_nothing() -> None:
    stage = Stage()
    given = stage.turn()
    stage.watch.learn(given, (Face(Box(np.nan, 0.0, np.inf, 100.0), 0.9, 0.05),))
    assert stage.faults == {}
