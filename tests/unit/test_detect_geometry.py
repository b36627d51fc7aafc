"""Boxes, priors and letterbox: what goes in comes out where it was."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from livegate.detect.decode import MAX_CANDIDATES, Decoder, candidates, picture_corners
from livegate.detect.nms import suppress
from livegate.detect.preprocess import fit, normalise, shrink
from livegate.detect.priors import PriorLayout, decode, encode, prior_boxes
from livegate.errors import PadError

LAYOUT = PriorLayout(320, 240, (16, 32, 64), ((20.0, 40.0), (80.0,), (160.0,)), 0.75)
PRIORS = prior_boxes(LAYOUT)
share = st.floats(0.02, 0.98)
side = st.integers(1, 4000)


@given(st.lists(st.tuples(share, share, share, share), min_size=1, max_size=20), st.integers(0, len(PRIORS) - 1))
def test_decoding_inverts_encoding(boxes: list[tuple[float, ...]], prior: int) -> None:
    wanted = np.array(boxes, dtype=np.float32)
    priors = np.repeat(PRIORS[prior : prior + 1], len(wanted), axis=0)
    # Decoding bounds sizes at e^4 priors either way; inside that it is exact.
    assert decode(encode(wanted, priors), priors) == pytest.approx(wanted, abs=1e-4)


def test_priors_cover_the_input_evenly() -> None:
    assert len(PRIORS) == 20 * 15 * 2 + 10 * 8 + 5 * 4
    assert PRIORS[0] == pytest.approx([8 / 320, 8 / 240, 15 / 320, 20 / 240])
    centres = PRIORS[:600:2, :2].reshape(15, 20, 2)
    assert centres[:, :, 0].std(axis=0) == pytest.approx(0, abs=1e-6)
    assert np.diff(centres[:, :, 1], axis=0) == pytest.approx(16 / 240, abs=1e-6)


@given(side, side)
def test_any_picture_fits_the_input_and_touches_it(width: int, height: int) -> None:
    view = fit(width, height, 320, 240)
    assert 1 <= view.width <= 320
    assert 1 <= view.height <= 240
    assert view.width == 320 or view.height == 240


@given(side, side, st.tuples(share, share), st.tuples(share, share))
def test_boxes_come_back_to_the_picture_at_every_aspect(
    width: int, height: int, one: tuple[float, float], other: tuple[float, float]
) -> None:
    view = fit(width, height, 320, 240)
    corners = np.array([[min(a, b) * s for a, b, s in zip(one, other, (width, height), strict=True)]])
    far = np.array([[max(a, b) * s for a, b, s in zip(one, other, (width, height), strict=True)]])
    scale = np.array([view.scale_x / 320, view.scale_y / 240])
    boxes = np.concatenate([(corners + far) / 2 * scale, (far - corners) * scale], axis=1).astype(np.float32)
    found = picture_corners(boxes, (320, 240), view)[0]
    assert found == pytest.approx(np.concatenate([corners, far], axis=1)[0], abs=max(width, height) * 1e-5)


@pytest.mark.parametrize(("width", "height"), [(640, 480), (1280, 720), (480, 640), (100, 1000), (321, 239), (1, 1)])
def test_the_picture_lies_top_left_and_the_rest_is_the_mean(width: int, height: int) -> None:
    image = np.full((height, width, 3), (10, 20, 30), dtype=np.uint8)
    out = np.full((3, 240, 320), np.nan, dtype=np.float32)
    view = fit(width, height, 320, 240)
    assert normalise(shrink(image, view), (100.0, 110.0, 120.0), 0.5, out) is out
    for channel in out:
        assert channel[: view.height, : view.width] == pytest.approx(-45.0, abs=1e-4)
    outside = np.ones((240, 320), dtype=bool)
    outside[: view.height, : view.width] = False
    assert not out[:, outside].any()


def test_strong_shrinking_averages_instead_of_skipping() -> None:
    stripes = np.zeros((960, 1280, 3), dtype=np.uint8)
    stripes[:, ::2] = 255
    shrunk = shrink(stripes, fit(1280, 960, 320, 240))
    assert shrunk.min() >= 127
    assert shrunk.max() <= 128


def test_a_picture_of_the_input_size_is_not_touched() -> None:
    image = np.zeros((240, 320, 3), dtype=np.uint8)
    assert shrink(image, fit(320, 240, 320, 240)) is image


boxes_strategy = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(0, 30), st.integers(0, 30), st.integers(0, 5)),
    max_size=25,
)


def _naive(corners: NDArray[np.float32], scores: NDArray[np.float32], iou: float) -> list[int]:
    kept: list[int] = []
    for index in sorted(range(len(scores)), key=lambda i: (-scores[i], i)):
        if all(_iou(corners[index].tolist(), corners[other].tolist()) <= iou for other in kept):
            kept.append(index)
    return kept


def _iou(one: list[float], other: list[float]) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    union = (one[2] - one[0]) * (one[3] - one[1]) + (other[2] - other[0]) * (other[3] - other[1]) - width * height
    return width * height / union


@given(boxes_strategy, st.sampled_from([0.0, 0.21, 0.4, 0.77, 1.0]))
def test_suppression_is_the_naive_one(boxes: list[tuple[int, ...]], iou: float) -> None:
    table = np.array(boxes, dtype=np.float32).reshape(-1, 5)
    corners = np.concatenate([table[:, :2], table[:, :2] + table[:, 2:4]], axis=1)
    assert suppress(corners, table[:, 4], iou).tolist() == _naive(corners, table[:, 4], iou)


def _decoder(confidence: float = 0.5) -> Decoder:
    return Decoder(PRIORS, 320, 240, confidence, 0.4)


def _quiet() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    scores = np.tile(np.array([1.0, 0.0, 0.0], dtype=np.float32), (len(PRIORS), 1))
    return np.zeros((len(PRIORS), 4), dtype=np.float32), scores


def test_faces_come_surest_first_with_their_probabilities() -> None:
    offsets, scores = _quiet()
    scores[0], scores[300], scores[301] = (0.3, 0.1, 0.6), (0.1, 0.8, 0.1), (0.45, 0.2, 0.35)
    faces = _decoder().faces(offsets, scores, fit(640, 480, 320, 240))
    assert [round(face.confidence, 3) for face in faces] == [0.9, 0.7, 0.55]
    assert faces[1].p_attack == pytest.approx(0.6)
    assert (faces[1].box.x, faces[1].box.y, faces[1].box.w, faces[1].box.h) == pytest.approx((1, -4, 30, 40), abs=1e-4)


def test_nothing_below_the_confidence_is_a_face() -> None:
    offsets, scores = _quiet()
    scores[5] = (0.51, 0.25, 0.24)
    assert _decoder().faces(offsets, scores, fit(640, 480, 320, 240)) == ()


def test_a_flood_of_candidates_is_bounded_to_the_surest() -> None:
    scores = np.zeros((1000, 3), dtype=np.float32)
    scores[:, 1] = np.linspace(0.5, 1.0, 1000)
    order, sureness = candidates(scores, 0.5)
    assert order.tolist() == list(range(999, 999 - MAX_CANDIDATES, -1))
    assert (np.diff(sureness) <= 0).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("where", ["offsets", "scores"])
def test_outputs_that_are_no_numbers_are_refused(bad: float, where: str) -> None:
    offsets, scores = _quiet()
    (offsets if where == "offsets" else scores)[7, 1] = bad
    with pytest.raises(PadError, match="not finite"):
        _decoder().faces(offsets, scores, fit(640, 480, 320, 240))


def test_boxes_beyond_all_reason_are_refused() -> None:
    offsets, scores = _quiet()
    scores[7] = (0, 1, 0)
    offsets[7] = 3e38
    with pytest.raises(PadError, match="beyond all reason"):
        _decoder().faces(offsets, scores, fit(640, 480, 320, 240))


def test_enlarging_is_bilinear() -> None:
    ramp = np.tile(np.arange(0, 240, dtype=np.uint8)[None, :, None], (180, 1, 3))
    shrunk = shrink(ramp, fit(240, 180, 320, 240))
    assert shrunk.shape == (240, 320, 3)
    assert np.abs(shrunk[0, :, 0].astype(float) - (np.arange(320) + 0.5) * 0.75 + 0.5).max() <= 1.0
