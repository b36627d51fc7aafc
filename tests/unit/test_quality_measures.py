"""Quality: any box of any picture is measured, and each measure crosses its limit once as a face gets worse."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from livegate.quality import turn as turning
from livegate.quality.limits import GUIDANCE, QualityLimits, failing, judge
from livegate.quality.measures import QualityMeasures, blur_of, measure
from livegate.quality.turn import FEATURES, TurnModel
from livegate.types import Box, Guidance, Reason
from support.drawn_faces import BOX, drawn_face, picture

LIMITS = QualityLimits(
    min_face_px=25,
    max_height_share=1.2,
    max_outside_share=0.4,
    min_bright_level=35,
    max_overexposed_share=0.3,
    max_blur=0.82,
    max_turn=0.6,
)
BLIND = TurnModel.of(np.zeros(FEATURES), 0.45)
# Edges in the left half that the right lacks: a head that shows one cheek.
ONE_SIDED = TurnModel.of(np.ones(FEATURES) * 4, 0.45)
GOOD = QualityMeasures(160, 72, 0.42, 0, 110, 160, 90, 0, 0, 0.6, 0)


def reason_of(image: NDArray[np.uint8], box: Box = BOX, turn: TurnModel = BLIND) -> Reason | None:
    return judge(measure(image, box, turn), LIMITS)


def test_an_ordinary_face_passes() -> None:
    assert reason_of(picture()) is None


def crossings(values: list[float], limit: float) -> int:
    return sum((a > limit) != (b > limit) for a, b in itertools.pairwise(values))


@pytest.mark.parametrize(
    ("worse", "steps", "read", "reason", "limit"),
    [
        (lambda face, s: cv2.GaussianBlur(face, (0, 0), s), (1, 3, 6, 10, 16, 24), "blur", Reason.BLURRED, 0.82),
        (lambda face, s: cv2.blur(face, (s, 1)), (1, 9, 25, 37, 51), "blur", Reason.BLURRED, 0.82),
        (lambda face, s: (face // s).astype(np.uint8), (1, 2, 4, 8, 32), "bright_level", Reason.TOO_DARK, 35.0),
        (
            lambda face, s: np.clip(face.astype(int) + s, 0, 255).astype(np.uint8),
            (0, 40, 80, 110, 140, 200),
            "overexposed_share",
            Reason.GLARE,
            0.3,
        ),
    ],
)
def test_a_face_that_gets_worse_crosses_its_limit_once(
    worse: Callable[[NDArray[np.uint8], int], NDArray[np.uint8]],
    steps: tuple[int, ...],
    read: str,
    reason: Reason,
    limit: float,
) -> None:
    found = [measure(picture(worse(drawn_face(), step)), BOX, BLIND) for step in steps]
    assert judge(found[0], LIMITS) is None
    assert reason in failing(found[-1], LIMITS)
    assert crossings([getattr(one, read) for one in found], limit) == 1


def test_going_away_coming_too_near_and_leaving_the_picture_each_have_a_name() -> None:
    image = picture()
    assert reason_of(image, Box(200, 100, 20, 26)) is Reason.TOO_FAR
    assert reason_of(image, Box(100, -100, 500, 700)) is Reason.TOO_NEAR
    shares = [measure(image, Box(float(-x), 100, 160, 200), BLIND).outside_share for x in range(0, 161, 20)]
    assert shares == sorted(shares)
    assert reason_of(image, Box(-100, 100, 160, 200)) is Reason.CUT_OFF


def test_a_one_sided_face_is_turned_and_its_mirror_image_turns_the_other_way() -> None:
    face = drawn_face()
    face[:, 128:] = 140
    model = ONE_SIDED
    right = measure(picture(face), BOX, model).turn
    left = measure(picture(np.ascontiguousarray(face[:, ::-1])), BOX, model).turn
    assert right == pytest.approx(-left, rel=0.1)
    assert judge(replace(GOOD, turn=right), replace(LIMITS, max_turn=abs(right) / 2)) is Reason.TURNED


def test_mirroring_turns_the_sign_of_every_feature() -> None:
    grey = np.random.default_rng(3).integers(0, 255, (32, 32), dtype=np.uint8)
    straight, mirrored = (turning.features(np.ascontiguousarray(one)) for one in (grey, grey[:, ::-1]))
    assert np.abs(straight + mirrored).max() < 1e-9


def test_the_size_of_the_face_hardly_matters_for_blur() -> None:
    found = [measure(picture(box=Box(50, 20, side, side)), Box(50, 20, side, side), BLIND).blur for side in (100, 400)]
    assert found[0] == pytest.approx(found[1], abs=0.08)


def test_a_flat_picture_is_wholly_blurred() -> None:
    assert blur_of(np.full((64, 64), 90, np.uint8)) == 1.0


def test_every_reason_has_its_guidance_and_every_guidance_its_reason() -> None:
    assert set(GUIDANCE.values()) == set(Guidance)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_box_that_is_no_box_is_cut_off(bad: float) -> None:
    for box in (Box(bad, 0, 50, 50), Box(0, 0, bad, 50), Box(0, 0, 50, 0), Box(0, 0, -5, 50), Box(700, 0, 50, 50)):
        assert reason_of(picture(), box) is Reason.CUT_OFF


def test_what_is_no_colour_picture_is_refused() -> None:
    for shape in ((0, 0, 3), (5, 5), (5, 5, 4)):
        with pytest.raises(ValueError, match="quality: expected"):
            measure(np.zeros(shape, np.uint8), BOX, BLIND)


any_side = st.floats(allow_nan=True, allow_infinity=True, width=64)


@settings(max_examples=150, deadline=None)
@given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.one_of(st.builds(Box, *[any_side] * 4), st.builds(Box, *[st.floats(-60, 60)] * 4)),
)
def test_no_picture_and_box_crash_it(height: int, width: int, box: Box) -> None:
    image = np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)
    found = measure(image, box, ONE_SIDED)
    assert 0 <= found.outside_share <= 1
    assert 0 <= found.blur <= 1
    assert 0 <= found.bright_level <= 255
    assert math.isfinite(found.turn)
    assert found.height_share >= 0
    judge(found, LIMITS)
