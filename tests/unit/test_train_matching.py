from __future__ import annotations

import numpy as np

from livegate.detect.priors import PriorLayout, decode, prior_boxes
from livegate.types import Box
from livegate_tools.train.matching import BACKGROUND, FACE, IGNORED, centred, match, pairwise_iou

LAYOUT = PriorLayout(320, 240, (8, 16, 32, 64), ((14, 20, 28), (40, 57), (80, 113), (160, 226)), 0.74)
PRIORS = prior_boxes(LAYOUT)
NOBODY = np.zeros((0, 4), dtype=np.float32)


def test_matched_priors_decode_to_the_face_they_answer_for() -> None:
    faces = centred([Box(30, 40, 60, 80), Box(200, 100, 30, 40)], 320, 240)
    matches = match(PRIORS, faces, NOBODY, 0.42, 0.3)
    chosen = matches.state == FACE
    found = decode(matches.offsets[chosen], PRIORS[chosen])
    distance = np.abs(found[:, None] - faces[None]).max(axis=2)
    assert np.all(distance.min(axis=1) < 1e-4)
    assert set(distance.argmin(axis=1)) == {0, 1}


def test_every_face_has_a_prior_however_odd_its_shape() -> None:
    faces = centred([Box(10, 10, 200, 12)], 320, 240)
    assert (match(PRIORS, faces, NOBODY, 0.42, 0.3).state == FACE).sum() == 1


def test_priors_between_the_bounds_are_not_judged() -> None:
    faces = centred([Box(100, 60, 74, 100)], 320, 240)
    matches = match(PRIORS, faces, NOBODY, 0.5, 0.3)
    overlap = pairwise_iou(PRIORS, faces)[:, 0]
    assert np.all(matches.state[(overlap >= 0.3) & (overlap < 0.5)] == IGNORED)
    assert np.all(matches.state[overlap < 0.3] == BACKGROUND)


def test_unsure_regions_are_nobodys_background_but_a_face_in_them_counts() -> None:
    region = centred([Box(0, 0, 320, 120)], 320, 240)
    faces = centred([Box(100, 20, 60, 80)], 320, 240)
    matches = match(PRIORS, faces, region, 0.42, 0.3)
    low, high = PRIORS[:, :2] - PRIORS[:, 2:] / 2, PRIORS[:, :2] + PRIORS[:, 2:] / 2
    inside = (low > 0).all(axis=1) & (high < (1, 0.5)).all(axis=1) & (matches.state != FACE)
    assert np.all(matches.state[inside] == IGNORED)
    assert (matches.state == FACE).any()
    below = PRIORS[:, 1] - PRIORS[:, 3] / 2 > 0.5
    assert np.all(matches.state[below] == BACKGROUND)


def test_a_picture_without_faces_is_all_background() -> None:
    matches = match(PRIORS, NOBODY, NOBODY, 0.42, 0.3)
    assert not matches.state.any()
    assert not matches.offsets.any()
