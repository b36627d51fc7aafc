"""Whatever a camera delivers, marking and learning never raise."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from livegate.config import WhenSuspect
from livegate.sensing.watch import SensorWatch
from livegate.types import NS_PER_MS, Box, Face, Frame, FrameSet, Intrinsics, Role, SensorFault, SensorState

NUMBERS = st.floats(allow_nan=True, allow_infinity=True) | st.floats(-1e3, 1e3)
SIDES = st.sampled_from((0, 1, 7, 33, 64, 100))
DTYPES = st.sampled_from((np.uint8, np.uint16, np.float32, np.bool_, np.int64))


@st.composite
def pictures(draw: st.DrawFn) -> np.ndarray:
    shape = tuple(draw(st.lists(SIDES, min_size=0, max_size=4)))
    if len(shape) == 3 and draw(st.booleans()):
        shape = (*shape[:2], 3)
    dtype = draw(DTYPES)
    if int(np.prod(shape)) > 200_000:
        shape = shape[:2]
    fill = draw(st.sampled_from(("zeros", "noise", "nan", "ramp")))
    if fill == "noise":
        return np.random.default_rng(0).integers(0, 250, shape).astype(dtype)
    if fill == "nan" and np.issubdtype(dtype, np.floating):
        return np.full(shape, np.nan, dtype)
    if fill == "ramp":
        return (np.arange(int(np.prod(shape))) % 251).reshape(shape).astype(dtype)
    return np.zeros(shape, dtype)


@st.composite
def frames(draw: st.DrawFn, role: Role) -> Frame:
    optics = draw(st.none() | st.builds(Intrinsics, *[NUMBERS] * 4, st.just(64), st.just(64)))
    return Frame(
        role,
        draw(pictures() | hnp.arrays(np.uint8, (64, 64, 3))),
        draw(st.integers(-(10**15), 10**15)),
        draw(st.integers(-5, 10**9)),
        optics,
        draw(st.none() | st.text(max_size=3)),
        draw(st.none() | NUMBERS),
        draw(st.none() | pictures()),
    )


@st.composite
def frame_sets(draw: st.DrawFn) -> FrameSet:
    roles = draw(st.sets(st.sampled_from(list(Role))))
    given_ = (
        {role: draw(frames(role)) for role in draw(st.sets(st.sampled_from(sorted(roles)))) if roles} if roles else {}
    )
    states = {role: SensorState.OK if role in given_ else draw(st.sampled_from(list(SensorState))) for role in roles}
    faults = {role: draw(st.frozensets(st.sampled_from(list(SensorFault)))) for role in roles}
    return FrameSet(given_, states, draw(st.integers(-(10**15), 10**15)), faults)


FACES = st.lists(
    st.builds(Face, st.builds(Box, NUMBERS, NUMBERS, NUMBERS, NUMBERS), st.just(0.9), st.just(0.05)), max_size=3
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(frame_sets(), FACES), min_size=1, max_size=4))
def test_nothing_a_camera_gives_raises(turns: list[tuple[FrameSet, list[Face]]]) -> None:
    watch = SensorWatch(WhenSuspect.DENY)
    for given_, faces in turns:
        marked = watch.mark(given_)
        assert set(marked.frames) <= set(given_.frames)
        assert all(marked.states[role] is SensorState.OK for role in marked.frames if role in given_.frames)
        watch.learn(given_, tuple(faces))


@settings(max_examples=25, deadline=None)
@given(frames(Role.NIR), frames(Role.RGB), FACES)
def test_nor_do_many_of_them_in_a_row(nir: Frame, rgb: Frame, faces: list[Face]) -> None:
    watch = SensorWatch()
    for number in range(60):
        seen = {Role.NIR: nir, Role.RGB: rgb}
        given_ = FrameSet(seen, dict.fromkeys(seen, SensorState.OK), number * 100 * NS_PER_MS)
        watch.mark(given_)
        watch.learn(given_, tuple(faces) if number % 3 else ())
