"""The learner of colour_surf: what it learns is what the opened cue measures."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from livegate.cues.colour_surf import opened
from livegate.decide.fitting import Labels
from livegate.types import Box, Observation
from livegate_tools.train.weights.common import Task
from support.sights import face, frame_set

BOX = Box(20.0, 20.0, 80.0, 80.0)


def picture(alive: bool, number: int) -> np.ndarray:
    """Smooth colour noise; of an attack with a weave of two pixels on top."""
    rng = np.random.default_rng(number)
    smooth = np.asarray(cv2.resize(rng.normal(0, 20, (24, 24, 3)), (120, 120), interpolation=cv2.INTER_CUBIC))
    weave = 12.0 * (np.add.outer(np.arange(120), np.arange(120)) // 2 % 2)[..., None]
    return np.clip(128 + smooth + (0 if alive else weave), 0, 255).astype(np.uint8)


@pytest.mark.training
def test_what_is_learnt_is_what_the_cue_measures() -> None:
    learner = pytest.importorskip("livegate_tools.train.weights.colour_surf", reason="needs scikit-learn")
    alive = [number % 2 == 0 for number in range(32)]
    pictures = [picture(one, number) for number, one in enumerate(alive)]
    basis = learner.prepared([(one, BOX) for one in pictures], 0)
    rows = np.stack([learner.described(one, BOX, basis) for one in pictures])
    taught, judged = slice(0, 20), slice(20, 32)
    species = tuple(None if one else "print_flat" for one in alive[taught])
    labels = Labels(species, ("woven",) * 20, tuple(str(number) for number in range(20)))
    weights = {**basis, **learner.learnt(rows[taught], Task(labels, np.full(20, 1 / 20), 0))}
    margins = learner.margins(rows[judged], weights)
    assert ((margins[:, 0] > 0) == alive[judged]).all()
    cue = opened({name: array.astype(np.float32) for name, array in weights.items()})
    for one, margin in zip(pictures[judged], margins, strict=True):
        assert cue.measure(Observation(frame_set(rgb=one), face(BOX))) == pytest.approx(margin, abs=1e-4)
    # Folds are reckoned from the products of the whole; they are what they would be by themselves.
    again = learner.learnt(rows[4:16], Task(Labels(species[4:16], ("woven",) * 12, ("",) * 12), np.full(12, 1 / 12), 0))
    learner.learnt(rows[judged], Task(Labels(species[:12], ("woven",) * 12, ("",) * 12), np.full(12, 1 / 12), 0))
    afresh = learner.learnt(
        rows[4:16], Task(Labels(species[4:16], ("woven",) * 12, ("",) * 12), np.full(12, 1 / 12), 0)
    )
    np.testing.assert_allclose(again["weight"], afresh["weight"], atol=1e-3)


@pytest.mark.training
def test_a_face_that_cannot_be_seen_has_no_row() -> None:
    learner = pytest.importorskip("livegate_tools.train.weights.colour_surf", reason="needs scikit-learn")
    pictures = [(picture(alive=True, number=number), BOX) for number in range(32)]
    basis = learner.prepared(pictures, 0)
    assert learner.described(pictures[0][0], Box(0.0, 0.0, 4.0, 4.0), basis) is None
