from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from livegate.cues.scorer import Scorer
from livegate_tools.train.additive import Bounds, fit_additive

RNG = np.random.default_rng(5)
Z = RNG.normal(0, 1, (2000, 3))


def levels_at(found: object, column: int, values: list[float]) -> np.ndarray:
    return np.interp(values, found.knots[column], found.levels[column])  # type: ignore[attr-defined]


def test_a_hill_is_learnt_where_a_straight_line_sees_nothing() -> None:
    first = np.abs(Z[:, 0]) + 0.2 * RNG.normal(size=len(Z)) < 0.7
    found = fit_additive(Z, first, np.ones(len(Z)), Bounds())
    left, middle, right = levels_at(found, 0, [-2, 0, 2])
    assert middle > left + 2
    assert middle > right + 2
    assert np.ptp(found.levels[1]) < 0.7


@pytest.mark.parametrize("rising", [True, False])
def test_what_is_bound_never_turns(rising: bool) -> None:
    first = (Z[:, 0] + np.sin(3 * Z[:, 0]) > 0) ^ (RNG.random(len(Z)) < 0.1)
    bounds = Bounds(rising={0}) if rising else Bounds(falling={0})
    found = fit_additive(Z, first, np.ones(len(Z)), bounds)
    steps = np.diff(found.levels[0])
    assert (steps >= 0).all() if rising else (steps <= 0).all()
    assert (np.ptp(found.levels[0]) > 1) == rising


def test_a_feature_of_one_value_says_nothing_and_weights_count_like_copies() -> None:
    z = np.column_stack([Z[:, 0], np.zeros(len(Z))])
    first = Z[:, 0] > 0.3
    found = fit_additive(z, first, np.where(first, 3.0, 1.0), Bounds())
    assert found.levels[1] == (0.0,)
    copied = fit_additive(
        np.concatenate([z, z[first], z[first]]), np.concatenate([first, first[first], first[first]]),
        np.ones(len(z) + 2 * first.sum()), Bounds(),
    )  # fmt: skip
    np.testing.assert_allclose(levels_at(found, 0, [-1, 0, 1]), levels_at(copied, 0, [-1, 0, 1]), atol=0.02)


BENT = Scorer(("a", "b"), (10.0, 0.0), (2.0, 1.0), (0.5, 2.0), -1.0, 5.0, 1.0,
              ((-1.0, 0.0, 1.0), (0.0,)), ((0.0, 4.0, 1.0), (0.5,)))  # fmt: skip


def test_a_bent_scorer_counts_levels_in_between_in_proportion_and_stays_at_its_ends() -> None:
    assert BENT.llr(np.array([10.0, 7.0])) == 0.5 * 4 + 2 * 0.5 - 1
    assert BENT.llr(np.array([9.0, 7.0])) == 0.5 * 2 + 2 * 0.5 - 1
    assert BENT.llr(np.array([1e9, 0.0])) == BENT.llr(np.array([12.0, 0.0])) == 0.5 * 1 + 2 * 0.5 - 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"knots": ((-1.0, 0.0, 1.0),)},
        {"knots": ()},
        {"levels": ((0.0, 4.0), (0.5,))},
        {"knots": ((-1.0, 1.0, 0.0), (0.0,))},
        {"knots": ((-1.0, 0.0, float("nan")), (0.0,))},
        {"levels": ((0.0, float("inf"), 1.0), (0.5,))},
        {"knots": ((), (0.0,)), "levels": ((), (0.5,))},
    ],
)
def test_a_scorer_that_bends_wrongly_does_not_fit(wrong: dict[str, tuple[tuple[float, ...], ...]]) -> None:
    assert BENT.fits(("a", "b"))
    assert not dataclasses.replace(BENT, **wrong).fits(("a", "b"))
