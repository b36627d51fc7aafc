"""The learner of cue distortion: a machine for each kind of attack, that tells it from people it has not seen."""

from __future__ import annotations

import numpy as np
import pytest

from livegate.cues.distortion import COUNT, opened
from livegate.decide.fitting import Labels
from livegate.errors import LivegateError
from livegate.texture.distortion import COLOURS, LENGTH
from livegate_tools.train.weights.common import Task, Weights
from livegate_tools.train.weights.distortion import learnt, margins

pytestmark = pytest.mark.training

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
        assert np.median(found[species == "", column]) > 0 > np.median(found[species == kind, column])
        assert np.mean(found[species == "", column] > 0) > 0.75


def test_the_commonest_colours_do_not_count(weights: Weights) -> None:
    assert np.flatnonzero(weights[COUNT]).tolist() == COUNTED.tolist()


def test_numbers_of_one_value_are_learnt_from(weights: Weights) -> None:
    rows, task = captures()
    rows[:, ::2] = 0
    found = learnt(rows, task)
    assert np.isfinite(margins(rows, found)).all()
    assert found.keys() == weights.keys()


def test_attacks_of_no_known_kind_teach_nothing() -> None:
    rows, task = captures(40)
    species = tuple(each and "mask_3d" for each in task.labels.species)
    labels = Labels(species, task.labels.sources, task.labels.subjects)
    with pytest.raises(LivegateError, match="pai_species"):
        learnt(rows, Task(labels, task.weights, 1))
