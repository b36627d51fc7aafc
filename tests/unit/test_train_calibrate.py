from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from livegate.config import DecisionPolicy
from livegate.decide.evidence import bounded
from livegate.decide.verdict import boundaries
from livegate.errors import ConfigError
from livegate.types import Box, Face
from livegate_tools.train.calibrate import fit_line, operating_point
from livegate_tools.train.figures import accepted, area_under_curve, balanced_weights, share, source_figures
from livegate_tools.train.judge import Judged
from livegate_tools.train.samples import Presentation, Sample, Split

BOX = Box(10, 10, 30, 40)


def result(logit: float | None, kind: Presentation, subject: str = "a", source: str = "s") -> Judged:
    species = "print_flat" if kind is Presentation.ATTACK else None
    sample = Sample("x", Path("x.png"), kind, species, subject, source, Split.DEV, (BOX,))
    if logit is None:
        return Judged(sample, None)
    p = 1 / (1 + np.exp(-logit))
    return Judged(sample, Face(BOX, float(p), float(1 - p)))


def crowd(rng: np.random.Generator, shift: float = 2.0, n: int = 400, source: str = "s") -> list[Judged]:
    return [
        result(float(rng.normal(sign * shift, 1.0)), kind, f"{kind}{number % 20}", source)
        for kind, sign in ((Presentation.BONA_FIDE, 1), (Presentation.ATTACK, -1))
        for number in range(n)
    ]


def test_a_normal_crowd_is_calibrated_to_its_true_likelihood_ratio() -> None:
    logits = np.concatenate([np.random.default_rng(1).normal(m, 1.0, 20_000) for m in (1.0, -1.0)])
    bona_fide = np.arange(40_000) < 20_000
    slope, offset = fit_line(logits, bona_fide, np.full(40_000, 1 / 40_000))
    # Two unit normals at ±1 have the log-likelihood ratio 2x.
    assert slope == pytest.approx(2.0, abs=0.1)
    assert offset == pytest.approx(0.0, abs=0.05)


def test_separable_and_inverted_scores_stay_finite_and_rising() -> None:
    bona_fide = np.array([False, False, True, True])
    weights = np.full(4, 0.25)
    slope, offset = fit_line(np.array([-9.0, -8.0, 8.0, 9.0]), bona_fide, weights)
    assert 0 < slope < 10
    assert abs(offset) < 1
    assert fit_line(np.array([9.0, 8.0, -8.0, -9.0]), bona_fide, weights)[0] > 0


def test_the_threshold_keeps_the_apcer_asked_for_and_lies_within_the_bound() -> None:
    results = crowd(np.random.default_rng(2), shift=2.0)
    point = operating_point(results, DecisionPolicy())
    attacks = [r for r in results if r.sample.presentation is Presentation.ATTACK]
    apcer = np.mean([accepted(r, point.calibration) for r in attacks])
    assert apcer <= DecisionPolicy().max_apcer
    assert point.apcer == pytest.approx(apcer)
    assert abs(point.calibration.threshold_llr) < point.calibration.max_llr
    assert point.calibration.max_llr == pytest.approx(np.log(21))


def test_where_both_rates_cannot_be_had_both_miss_by_one_factor() -> None:
    point = operating_point(crowd(np.random.default_rng(2), shift=1.0), DecisionPolicy())
    assert point.apcer > DecisionPolicy().max_apcer
    assert point.apcer / DecisionPolicy().max_apcer == pytest.approx(point.bpcer / DecisionPolicy().max_bpcer, rel=0.1)


def test_a_small_source_weighs_as_much_as_a_large_one() -> None:
    rng = np.random.default_rng(3)
    results = crowd(rng, n=300, source="large") + crowd(rng, n=30, source="small")
    weights = balanced_weights(results)
    small = np.array([r.sample.source == "small" for r in results])
    assert weights[small].sum() == pytest.approx(0.5)
    assert weights.sum() == pytest.approx(1.0)


def test_calibration_needs_both_classes() -> None:
    with pytest.raises(ConfigError, match="1 bona fide and 0 attack"):
        operating_point([result(1.0, Presentation.BONA_FIDE)], DecisionPolicy())


def test_a_missed_face_counts_against_recall_and_bona_fide_but_lets_no_attack_in() -> None:
    results = [result(None, Presentation.BONA_FIDE), result(None, Presentation.ATTACK)]
    results += [result(3.0, Presentation.BONA_FIDE), result(-3.0, Presentation.ATTACK)]
    figures = source_figures("s", results, operating_point(results, DecisionPolicy()).calibration)
    assert figures.recall is not None
    assert figures.recall.value == 0.5
    assert figures.bpcer is not None
    assert figures.bpcer.value == 0.5
    assert figures.apcer["print_flat"].value == 0.0
    assert area_under_curve(results) == pytest.approx(0.25)


def test_intervals_need_five_subjects_and_say_so() -> None:
    assert share([True, False], ["a", "b"]).interval is None
    assert "2 subjects" in share([True, False], ["a", "b"]).note
    rate = share([n % 4 == 0 for n in range(40)], [str(n // 2) for n in range(40)])
    assert rate.interval is not None
    assert rate.interval[0] <= rate.value <= rate.interval[1]
    assert "below 0.0" in share([False] * 60, [str(n) for n in range(60)]).note


def test_the_table_gives_the_boundaries_that_were_asked_for() -> None:
    results = crowd(np.random.default_rng(2), shift=1.0)
    point = operating_point(results, DecisionPolicy())
    limits = boundaries(DecisionPolicy(), point.rates)
    line = point.calibration
    llr = {
        kind: np.array(
            [
                bounded(line.slope * r.logit + line.offset, line.max_llr)
                for r in results
                if r.sample.presentation is kind and r.logit is not None
            ]
        )
        for kind in (Presentation.BONA_FIDE, Presentation.ATTACK)
    }
    assert np.mean(llr[Presentation.ATTACK] >= limits.accept_llr) <= DecisionPolicy().max_apcer
    assert np.mean(llr[Presentation.BONA_FIDE] < limits.reject_llr) <= DecisionPolicy().max_bpcer
    # These overlap too much for both, and what lies between is inconclusive.
    assert limits.reject_llr < point.calibration.threshold_llr < limits.accept_llr
