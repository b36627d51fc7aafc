"""The cue distortion: machines that tell what they were shown, bounded whatever they are shown, and their weights."""

from __future__ import annotations

import numpy as np
import pytest

from livegate.cues.distortion import COUNT, LANDMARK, QUANTILE, opened
from livegate.decide.fitting import Labels
from livegate.errors import LivegateError
from livegate.texture.distortion import COLOURS, LENGTH
from livegate.types import Box, Observation, Role
from livegate_tools.train.weights.common import Task, Weights
from livegate_tools.train.weights.distortion import learnt, margins
from support.sights import face, frame_set

COUNTED = np.setdiff1d(np.arange(LENGTH), np.arange(LENGTH)[COLOURS])


def captures(count: int = 400, seed: int = 1) -> tuple[np.ndarray, Task]:
    """Rows of people, prints (pale) and screens (bright where people are not), of two sources that differ otherwise."""
    rng = np.random.default_rng(seed)
    rows = rng.random((count, LENGTH)).astype(np.float32)
    species = tuple([None, "print_flat", None, "replay_phone"][n % 4] for n in range(count))
    rows[:, 8] += [1.0 * (each == "print_flat") for each in species]
    rows[:, 13] += [1.0 * (each == "replay_phone") for each in species]
    sources = tuple("ab"[n // 4 % 2] for n in range(count))
    labels = Labels(species, sources, tuple(f"person {n // 8}" for n in range(count)))
    return rows, Task(labels, np.full(count, 1 / count), seed)


@pytest.fixture(scope="module")
def weights() -> Weights:
    return learnt(*captures())


def test_each_machine_tells_its_kind_from_people(weights: Weights) -> None:
    rows, task = captures(seed=2)
    found = margins(rows, weights)
    assert opened(weights).FEATURES == ("print", "screen")
    species = np.array([each or "" for each in task.labels.species])
    for column, kind in enumerate(("print_flat", "replay_phone")):
        # The shifted numbers of people and attacks do not overlap.
        assert np.median(found[species == "", column]) > 0 > np.median(found[species == kind, column])
        assert np.mean(found[species == "", column] > 0) > 0.75


def test_the_commonest_colours_do_not_count(weights: Weights) -> None:
    rows, _ = captures(seed=3)
    other = rows.copy()
    other[:, COLOURS] = 5
    np.testing.assert_array_equal(margins(rows, weights), margins(other, weights))
    assert np.flatnonzero(weights[COUNT]).tolist() == COUNTED.tolist()


def test_no_picture_throws_a_margin_further_than_the_bounds(weights: Weights) -> None:
    rows, _ = captures(seed=4)
    wild = rows * np.float32(1e9)
    edge = weights[QUANTILE][:, -1] * np.ones_like(rows)
    np.testing.assert_allclose(margins(np.abs(wild), weights), margins(edge, weights), atol=1e-4)


def test_the_opened_cue_measures_the_margins(weights: Weights) -> None:
    cue = opened(weights)
    picture = np.random.default_rng(5).integers(0, 256, (240, 320, 3), dtype=np.uint8)
    values = cue.measure(Observation(frame_set(rgb=picture), face(Box(100.0, 60.0, 90.0, 120.0))))
    assert values is not None
    assert values.shape == (2,)
    assert np.isfinite(values).all()
    assert {Role.RGB} == cue.NEEDS
    assert frozenset(cue.FEATURES) == cue.RISING


def test_no_face_no_numbers(weights: Weights) -> None:
    picture = np.zeros((240, 320, 3), np.uint8)
    assert opened(weights).measure(Observation(frame_set(rgb=picture), face(Box(900.0, 0.0, 90.0, 120.0)))) is None


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("print", None),
        ("print_offset", None),
        (LANDMARK, None),
        ("print", np.zeros(3, np.float32)),
        (COUNT, np.zeros(LENGTH, np.float32)),
        (COUNT, np.zeros(LENGTH)),
        (QUANTILE, np.zeros((LENGTH, 11), np.float32)),
        (LANDMARK, np.zeros((7, 9), np.float32)),
        ("further", np.zeros(3, np.float32)),
    ],
)
def test_other_weights_are_refused(weights: Weights, name: str, array: np.ndarray | None) -> None:
    changed = {key: value for key, value in weights.items() if key != name}
    with pytest.raises(ValueError, match="expected"):
        opened(changed if array is None else changed | {name: array})


def test_attacks_of_no_known_kind_teach_nothing() -> None:
    rows, task = captures(40)
    species = tuple(each and "mask_3d" for each in task.labels.species)
    labels = Labels(species, task.labels.sources, task.labels.subjects)
    with pytest.raises(LivegateError, match="pai_species"):
        learnt(rows, Task(labels, task.weights, 1))
