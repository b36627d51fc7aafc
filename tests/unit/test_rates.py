from __future__ import annotations

import math
import tomllib
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegate.decide.rates import Rates, measured_rates
from livegate.errors import ConfigError
from livegate.options import parse
from livegate.toml_text import toml_lines

TABLE = Rates((0.0, 1.0, 2.0), (0.2, 0.05, 0.01), (0.02, 0.05, 0.2))


def test_a_rate_of_a_row_gives_its_threshold() -> None:
    for llr, apcer, bpcer in zip(TABLE.llr, TABLE.apcer, TABLE.bpcer, strict=True):
        assert TABLE.accept_llr(apcer) == pytest.approx(llr)
        assert TABLE.reject_llr(bpcer) == pytest.approx(llr)
        assert TABLE.apcer_at(llr) == pytest.approx(apcer)
        assert TABLE.bpcer_at(llr) == pytest.approx(bpcer)


@given(st.floats(1e-5, 0.5))
def test_the_threshold_for_a_rate_has_that_rate(rate: float) -> None:
    assert TABLE.apcer_at(TABLE.accept_llr(rate)) == pytest.approx(rate)
    assert TABLE.bpcer_at(TABLE.reject_llr(rate)) == pytest.approx(rate)


def test_no_more_is_claimed_beyond_the_table_than_calibrated_evidence_must_keep() -> None:
    assert TABLE.accept_llr(0.001) == pytest.approx(2.0 + math.log(10))
    assert TABLE.reject_llr(0.002) == pytest.approx(0.0 - math.log(10))
    assert TABLE.apcer_at(-9.0) == 1.0


def test_of_rows_with_one_rate_the_least_threshold_accepts_and_the_largest_rejects() -> None:
    flat = Rates((0.0, 1.0, 2.0), (0.2, 0.05, 0.05), (0.1, 0.1, 0.2))
    assert flat.accept_llr(0.05) == pytest.approx(1.0)
    assert flat.reject_llr(0.1) == pytest.approx(1.0)


@given(st.floats(-12, -0.7), st.floats(-12, -0.7), st.floats(0, 3))
def test_the_balanced_threshold_misses_both_rates_by_one_factor_and_follows_each(
    a: float, b: float, less: float
) -> None:
    max_apcer, max_bpcer = math.exp(a), math.exp(b)
    threshold = TABLE.balanced_llr(max_apcer, max_bpcer)
    if TABLE.apcer_at(threshold) < 1 and TABLE.bpcer_at(threshold) < 1:
        missed = TABLE.apcer_at(threshold) / max_apcer, TABLE.bpcer_at(threshold) / max_bpcer
        assert missed[0] == pytest.approx(missed[1])
    assert TABLE.balanced_llr(max_apcer * math.exp(-less), max_bpcer) >= threshold
    assert TABLE.balanced_llr(max_apcer, max_bpcer * math.exp(-less)) <= threshold


def test_measured_rates_are_those_of_the_samples_and_none_is_worth_half_a_sample() -> None:
    rng = np.random.default_rng(1)
    attack, living = rng.normal(-3, 2, 400), rng.normal(3, 2, 400)
    thresholds = np.unique(np.concatenate([attack, living]))
    apcer = np.array([(attack >= t).mean() for t in thresholds])
    bpcer = np.array([(living < t).mean() for t in thresholds])
    rates = measured_rates(thresholds, apcer, bpcer, attacks=400, bona_fide=400)
    none = [(t, rate) for t, rate in zip(rates.llr, rates.apcer, strict=True) if rate <= 0.5 / 400 * 1.001]
    first = none[0][0]
    assert first == pytest.approx(attack.max(), abs=0.2)
    assert [rate for _, rate in none] == pytest.approx([0.5 / 400 * np.exp(first - t) for t, _ in none], rel=2e-3)
    for asked in (0.1, 0.05, 0.02, 0.01):
        assert np.mean(attack >= rates.accept_llr(asked)) <= asked
        assert np.mean(living < rates.reject_llr(asked)) <= asked
        # Not looser than it must be, but for the step of the next samples.
        assert np.mean(attack >= rates.accept_llr(asked) - 0.3) > asked
        assert np.mean(living < rates.reject_llr(asked) + 0.3) > asked


@pytest.mark.parametrize("n", [1, 2, 5])
def test_few_samples_make_a_table_too(n: int) -> None:
    thresholds = np.linspace(-1, 1, n)
    rates = measured_rates(thresholds, np.ones(n), np.zeros(n), attacks=n, bona_fide=n)
    assert math.isfinite(rates.accept_llr(0.05))


def test_a_table_is_written_and_read_again() -> None:
    text = "\n".join(toml_lines({"rates": asdict(TABLE)}))
    assert parse(Rates, tomllib.loads(text)["rates"], "here") == TABLE


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (((), (), ()), "one length"),
        (((0.0,), (0.1, 0.1), (0.1,)), "one length"),
        (((0.0, 0.0), (0.2, 0.1), (0.1, 0.2)), "rise"),
        (((0.0, 1.0), (0.1, 0.2), (0.1, 0.2)), "'apcer'"),
        (((0.0, 1.0), (0.2, 0.1), (0.2, 0.1)), "'bpcer'"),
        (((0.0,), (0.0,), (0.1,)), "1e-09 at least"),
        (((0.0,), (1e-320,), (0.1,)), "1e-09 at least"),
        (((0.0,), (0.1,), (1.0,)), "below 1"),
        (((math.nan,), (0.1,), (0.1,)), "±50"),
    ],
)
def test_a_table_that_is_none_is_refused(columns: tuple[tuple[float, ...], ...], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Rates(*columns)
