"""The cue distortion: as its machines written plainly, bounded whatever it is shown, and true to its weights."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from livegate.cues.distortion import BOUND, COUNT, LANDMARK, OFFSET, QUANTILE, QUANTILES, machines_of, opened
from livegate.texture.distortion import COLOURS, LENGTH, distortion
from livegate.types import Box, Observation, Role
from support.sights import face, frame_set

LANDMARKS = 30
Weights = Mapping[str, np.ndarray]
rows_of_anything = arrays.arrays(np.float32, (3, LENGTH), elements=st.floats(-1e6, 1e6, width=32))


def made() -> Weights:
    """Weights of two machines over numbers of which those of the commonest colours do not count."""
    rng = np.random.default_rng(1)
    counts = np.full(LENGTH, 0.2, np.float32)
    counts[COLOURS] = 0
    quantiles = np.cumsum(rng.uniform(0.01, 0.2, (LENGTH, len(QUANTILES))), axis=1)
    drawn: dict[str, np.ndarray] = {
        QUANTILE: quantiles,
        COUNT: counts,
        LANDMARK: rng.uniform(-BOUND, BOUND, (LANDMARKS, LENGTH)) * counts,
    }
    for kind in ("screen", "print"):
        drawn |= {kind: rng.normal(0, 1, LANDMARKS), kind + OFFSET: rng.normal(0, 1, 1)}
    return {name: array.astype(np.float32) for name, array in drawn.items()}


def reference(row: np.ndarray, weights: Weights, kind: str) -> float:
    levels = np.linspace(-BOUND, BOUND, len(QUANTILES))
    places = np.array([np.interp(value, known, levels) for value, known in zip(row, weights[QUANTILE], strict=True)])
    away = ((places * weights[COUNT] - weights[LANDMARK]) ** 2).sum(1)
    return float(np.exp(-away) @ weights[kind] + weights[kind + OFFSET][0])


def test_each_machine_is_radial_over_places_among_the_quantiles() -> None:
    weights = made()
    rows = np.random.default_rng(2).random((20, LENGTH), np.float32)
    wanted = [[reference(row, weights, kind) for kind in ("print", "screen")] for row in rows]
    np.testing.assert_allclose(machines_of(weights).margins(rows), wanted, atol=1e-4)


@settings(max_examples=30, deadline=None)
@given(rows_of_anything)
def test_no_picture_throws_a_margin_further_than_what_was_learnt_from(rows: np.ndarray) -> None:
    weights = made()
    machines = machines_of(weights)
    known = np.clip(rows, weights[QUANTILE][:, 0], weights[QUANTILE][:, -1])
    np.testing.assert_allclose(machines.margins(rows), machines.margins(known), atol=1e-4)
    most = [float(np.abs(weights[kind]).sum() + abs(weights[kind + OFFSET][0])) for kind in ("print", "screen")]
    assert (np.abs(machines.margins(rows)) <= most).all()


def test_what_counts_nothing_changes_nothing() -> None:
    machines = machines_of(made())
    rows = np.random.default_rng(3).random((4, LENGTH), np.float32)
    other = rows.copy()
    other[:, COLOURS] = 5
    np.testing.assert_array_equal(machines.margins(rows), machines.margins(other))


def test_the_opened_cue_measures_the_margins() -> None:
    weights = made()
    cue = opened(weights)
    picture = np.random.default_rng(5).integers(0, 256, (240, 320, 3), dtype=np.uint8)
    box = Box(100.0, 60.0, 90.0, 120.0)
    values, row = cue.measure(Observation(frame_set(rgb=picture), face(box))), distortion(picture, box)
    assert row is not None
    assert values is not None
    np.testing.assert_allclose(values, [reference(row, weights, kind) for kind in cue.FEATURES], atol=1e-4)
    assert cue.FEATURES == ("print", "screen")
    assert frozenset(cue.FEATURES) == cue.RISING
    assert {Role.RGB} == cue.NEEDS


def test_no_face_no_numbers() -> None:
    picture = np.zeros((240, 320, 3), np.uint8)
    assert opened(made()).measure(Observation(frame_set(rgb=picture), face(Box(900.0, 0.0, 90.0, 120.0)))) is None


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("print", None),
        ("print_offset", None),
        (LANDMARK, None),
        ("print", np.zeros(3, np.float32)),
        (COUNT, np.zeros(LENGTH, np.float32)),
        (COUNT, np.zeros(LENGTH)),
        (QUANTILE, np.zeros((LENGTH, len(QUANTILES)), np.float32)),
        (LANDMARK, np.zeros((7, 9), np.float32)),
        (LANDMARK, np.float32(1)),
        ("further", np.zeros(3, np.float32)),
    ],
)
def test_other_weights_are_refused(name: str, array: np.ndarray | None) -> None:
    changed = {key: value for key, value in made().items() if key != name}
    with pytest.raises(ValueError, match="expected"):
        opened(changed if array is None else changed | {name: array})
