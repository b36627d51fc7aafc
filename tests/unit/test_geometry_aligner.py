"""The aligner: what lies on rgb's pixels passes, what is known to lie elsewhere comes there, all else is MISALIGNED."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from livegate.errors import CalibrationError
from livegate.geometry.aligner import Aligner
from livegate.geometry.calibration import CalibratedCamera, RigCalibration
from livegate.geometry.file import write
from livegate.types import Frame, FrameSet, Role, SensorFault, SensorState
from support.rigs import camera, rig, turned

RNG = np.random.default_rng(5)
ALL = frozenset(Role)
SERIALS = {Role.RGB: "C1", Role.NIR: "N1", Role.DEPTH: "D1", Role.RGB_RIGHT: "R1"}


def picture(role: Role, width: int = 64, height: int = 48) -> NDArray[Any]:
    if role is Role.DEPTH:
        return RNG.integers(400, 700, (height, width)).astype(np.uint16)
    shape = (height, width) if role is Role.NIR else (height, width, 3)
    return RNG.integers(0, 255, shape, np.uint8)


def moment(
    sizes: Mapping[Role, tuple[int, int]], devices: Mapping[Role, str | None] = MappingProxyType({})
) -> FrameSet:
    """Return a FrameSet as capture gives it; roles that are not named are missing."""
    frames = {role: Frame(role, picture(role, *size), 7, 3, device=devices.get(role)) for role, size in sizes.items()}
    states = {role: SensorState.OK if role in frames else SensorState.MISSING for role in Role}
    return FrameSet(MappingProxyType(frames), MappingProxyType(states), 7)


SMALL = {Role.RGB: (64, 48), Role.NIR: (80, 60), Role.DEPTH: (40, 30)}
WHOLE = SMALL | {Role.RGB_RIGHT: (64, 48)}


def calibration(*roles: Role) -> RigCalibration:
    makes: dict[str, Any] = {
        "nir": camera(80, 60, 75.0, device="N1", translation_mm=(20.0, 0.0, 0.0)),
        "depth": camera(40, 30, 38.0, device="D1", translation_mm=(-15.0, 0.0, 0.0)),
        "rgb_right": camera(device="R1", translation_mm=(60.0, 1.0, 0.0)),
    }
    return rig(camera(device="C1"), **{name: made for name, made in makes.items() if Role(name) in roles})


def test_pictures_of_one_size_pass_untouched_without_a_calibration() -> None:
    given_set = moment(dict.fromkeys(Role, (64, 48)))
    assert Aligner(None, ALL).align(given_set) is given_set


def test_another_size_without_a_calibration_is_misaligned_and_said() -> None:
    out = Aligner(None, ALL).align(moment({**SMALL, Role.RGB_RIGHT: (64, 48)}))
    assert set(out.frames) == {Role.RGB, Role.RGB_RIGHT}
    for role in (Role.NIR, Role.DEPTH):
        assert out.states[role] is SensorState.MISALIGNED
        assert out.faults[role] == {SensorFault.UNCALIBRATED}


def test_a_calibration_that_cannot_be_used_leaves_rgb_alone() -> None:
    out = Aligner(None, ALL, refused=True).align(moment(dict.fromkeys(Role, (64, 48))))
    assert set(out.frames) == {Role.RGB}
    assert {out.states[role] for role in Role} == {SensorState.OK, SensorState.MISALIGNED}
    assert out.states[Role.RGB] is SensorState.OK


@pytest.mark.parametrize(("whose", "fits"), [("lab/t1", True), (None, True), ("lab/t2", False)])
def test_another_terminals_calibration_leaves_rgb_alone(whose: str | None, fits: bool) -> None:
    made = replace(calibration(Role.NIR, Role.DEPTH), terminal=whose)
    before = moment(SMALL)
    out = Aligner(made, ALL, terminal="lab/t1").align(before)
    if fits:
        assert set(out.frames) == set(SMALL)
        assert not out.faults
        return
    assert out.frames == {Role.RGB: before.frames[Role.RGB]}
    assert out.states[Role.RGB] is SensorState.OK
    assert out.states[Role.NIR] is out.states[Role.DEPTH] is SensorState.MISALIGNED
    assert out.faults == dict.fromkeys(SMALL, frozenset({SensorFault.OTHER_CALIBRATION}))


def test_everything_comes_to_lie_on_rgb() -> None:
    before = moment(SMALL, SERIALS)
    out = Aligner(calibration(Role.NIR, Role.DEPTH), ALL).align(before)
    assert {role: frame.image.shape[:2] for role, frame in out.frames.items()} == dict.fromkeys(SMALL, (48, 64))
    assert {frame.intrinsics for frame in out.frames.values()} == {camera().pinhole}
    assert out.frames[Role.RGB].image is before.frames[Role.RGB].image
    assert 400 <= np.median(out.frames[Role.DEPTH].image) < 700
    assert out.frames[Role.NIR].image.dtype == np.uint8
    for role, frame in out.frames.items():
        was = before.frames[role]
        assert (frame.captured_ns, frame.sequence, frame.device) == (was.captured_ns, was.sequence, was.device)
    assert not out.faults
    assert out.states == before.states


def test_a_pair_is_rectified_and_the_others_follow_it() -> None:
    before = moment(WHOLE)
    out = Aligner(calibration(*Role), ALL).align(before)
    assert out.frames[Role.RGB_RIGHT].baseline_mm == pytest.approx(np.hypot(60.0, 1.0))
    assert len({frame.intrinsics for frame in out.frames.values()}) == 1
    assert not np.array_equal(out.frames[Role.RGB].image, before.frames[Role.RGB].image)


def test_rgb_stays_as_it_is_where_no_camera_stands_beside_it() -> None:
    before = moment(SMALL)
    out = Aligner(calibration(*Role), ALL - {Role.RGB_RIGHT}).align(before)
    assert out.frames[Role.RGB].image is before.frames[Role.RGB].image


def test_the_dark_picture_goes_the_way_of_the_lit_one() -> None:
    before = moment(SMALL)
    nir = before.frames[Role.NIR]
    lit = replace(nir, unlit=nir.image.copy())
    out = Aligner(calibration(*Role), ALL - {Role.RGB_RIGHT}).align(
        replace(before, frames=MappingProxyType({**before.frames, Role.NIR: lit}))
    )
    np.testing.assert_array_equal(out.frames[Role.NIR].unlit, out.frames[Role.NIR].image)
    odd = replace(nir, unlit=np.zeros((3, 5), np.float64))
    out = Aligner(calibration(*Role), ALL).align(
        replace(before, frames=MappingProxyType({**before.frames, Role.NIR: odd}))
    )
    assert out.frames[Role.NIR].unlit is None


@pytest.mark.parametrize("role", [Role.NIR, Role.DEPTH, Role.RGB_RIGHT])
def test_another_camera_than_the_calibrated_is_refused(role: Role) -> None:
    out = Aligner(calibration(*Role), ALL).align(moment(WHOLE, SERIALS | {role: "another"}))
    assert set(out.frames) == ALL - {role}
    assert out.states[role] is SensorState.MISALIGNED
    assert dict(out.faults) == {role: {SensorFault.OTHER_CALIBRATION, SensorFault.OTHER_DEVICE}}


def test_another_rgb_than_the_calibrated_stands_alone() -> None:
    before = moment(WHOLE, SERIALS | {Role.RGB: "another"})
    out = Aligner(calibration(*Role), ALL).align(before)
    assert set(out.frames) == {Role.RGB}
    assert out.frames[Role.RGB] is before.frames[Role.RGB]
    assert out.states[Role.RGB] is SensorState.OK
    assert out.faults[Role.RGB] == {SensorFault.OTHER_CALIBRATION, SensorFault.OTHER_DEVICE}
    assert all(out.faults[role] == {SensorFault.OTHER_CALIBRATION} for role in ALL - {Role.RGB})


def test_a_serial_that_nobody_tells_is_no_difference() -> None:
    made = calibration(*Role)
    assert not Aligner(made, ALL).align(moment(WHOLE)).faults
    nameless = replace(made, rgb=replace(made.rgb, device=None))
    assert not Aligner(nameless, ALL).align(moment(WHOLE, SERIALS)).faults


def test_other_sizes_than_the_calibrated_are_refused() -> None:
    out = Aligner(calibration(*Role), ALL).align(moment({**WHOLE, Role.DEPTH: (64, 48), Role.NIR: (60, 80)}))
    assert set(out.frames) == {Role.RGB, Role.RGB_RIGHT}
    assert out.faults[Role.DEPTH] == out.faults[Role.NIR] == {SensorFault.OTHER_CALIBRATION}


def test_a_role_the_calibration_does_not_name_is_not_guessed_at() -> None:
    out = Aligner(calibration(Role.DEPTH), ALL).align(moment(dict.fromkeys(Role, (64, 48)) | {Role.DEPTH: (40, 30)}))
    assert set(out.frames) == {Role.RGB, Role.DEPTH}
    assert out.faults[Role.NIR] == {SensorFault.UNCALIBRATED}


def test_faults_that_were_known_stay() -> None:
    before = moment(SMALL, SERIALS | {Role.NIR: "another"})
    known = {Role.NIR: frozenset({SensorFault.REPEATED}), Role.RGB: frozenset({SensorFault.FROZEN})}
    out = Aligner(calibration(*Role), ALL).align(replace(before, faults=MappingProxyType(known)))
    assert out.faults[Role.NIR] == {SensorFault.REPEATED, SensorFault.OTHER_CALIBRATION, SensorFault.OTHER_DEVICE}
    assert out.faults[Role.RGB] == {SensorFault.FROZEN}


def test_without_rgb_there_is_nothing_to_lie_on() -> None:
    lone = moment({Role.NIR: (80, 60)})
    assert Aligner(calibration(*Role), ALL).align(lone) is lone


WIDE = Aligner(calibration(*Role), ALL)


@given(st.sets(st.sampled_from([Role.NIR, Role.DEPTH, Role.RGB_RIGHT])))
def test_whichever_are_there_the_rest_does_not_matter(roles: set[Role]) -> None:
    out = WIDE.align(moment({role: WHOLE[role] for role in (Role.RGB, *roles)}))
    assert set(out.frames) == {Role.RGB, *roles}


NUMBERS = st.floats(-1000, 1000)
PLACES = st.tuples(*[st.floats(-5000, 5000)] * 3)


@st.composite
def cameras(draw: st.DrawFn) -> CalibratedCamera:
    turn = turned(*(draw(st.floats(-180, 180)) for _ in range(3)))
    lens = tuple(draw(st.one_of(st.just(0.0), st.floats(-0.01, 0.01), NUMBERS)) for _ in range(5))
    focal = st.floats(8, 1000)
    near = st.one_of(st.floats(0, 30), st.floats(-20, 60))
    return CalibratedCamera(
        20, 16, draw(focal), draw(focal), draw(near), draw(near), lens, turn, draw(PLACES), None,
        draw(st.floats(0.001, 100)), draw(st.floats(-500, 500)),
    )  # fmt: skip


@settings(max_examples=60)
@given(cameras(), cameras(), cameras(), cameras(), st.floats(50, 10_000))
def test_whatever_a_file_may_hold_nothing_is_raised(
    tmp_path_factory: pytest.TempPathFactory,
    rgb: CalibratedCamera,
    nir: CalibratedCamera,
    depth: CalibratedCamera,
    right: CalibratedCamera,
    nominal_mm: float,
) -> None:
    """A file is either refused or every moment can be aligned by it, down to the last warning."""
    plain = {"unit_mm": 1.0, "offset_mm": 0.0}
    beside = (abs(right.translation_mm[0]) + 1.0, right.translation_mm[1] * 0.01, 0.0)
    eye = replace(rgb, **plain, rotation=camera().rotation, translation_mm=(0.0, 0.0, 0.0))
    strange = rig(
        eye,
        nir=replace(nir, **plain),
        depth=depth,
        rgb_right=replace(right, **plain, translation_mm=beside),
        nominal_mm=nominal_mm,
    )
    for made in (strange, replace(strange, rgb_right=None)):
        try:
            kept = write(tmp_path_factory.getbasetemp() / "strange.toml", made).calibration
        except CalibrationError:
            continue
        event("accepted" + str(len(kept.cameras)))
        out = Aligner(kept, ALL).align(moment(dict.fromkeys(kept.cameras, (20, 16))))
        assert set(out.frames) == set(kept.cameras)


def test_what_was_returned_is_never_written_again() -> None:
    """An attempt keeps its history: pictures of moments long past must stay as they were."""
    outs = [WIDE.align(moment(WHOLE)) for _ in range(4)]
    copies = [{role: frame.image.copy() for role, frame in out.frames.items()} for out in outs]
    WIDE.align(moment(WHOLE))
    for out, copy in zip(outs, copies, strict=True):
        for role, image in copy.items():
            np.testing.assert_array_equal(out.frames[role].image, image)
