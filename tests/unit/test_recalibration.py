"""What a few labelled samples may do to a terminal's thresholds: simulated terminals, and liars."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livegate.config import DecisionPolicy
from livegate.decide.rates import Rates, measured_rates
from livegate.decide.recalibration import MAX_SHIFT_LLR, Estimate, Labelled, estimate, shifted, weights
from livegate.decide.verdict import boundaries, verdict
from livegate.errors import CalibrationError
from livegate.types import PadDecision

# Scores as dev has them: where people and attacks lie, and how far apart each lies.
PEOPLE, ATTACKS = (2.5, 1.3), (-2.3, 1.6)


def dev_rates() -> Rates:
    rng = np.random.default_rng(7)
    living, attack = rng.normal(*PEOPLE, 1500), rng.normal(*ATTACKS, 1500)
    thresholds = np.unique(np.concatenate([living, attack]))
    apcer = 1 - np.searchsorted(np.sort(attack), thresholds) / attack.size
    bpcer = np.searchsorted(np.sort(living), thresholds) / living.size
    return measured_rates(thresholds, apcer, bpcer, attacks=attack.size, bona_fide=living.size)


RATES = dev_rates()
LIMITS = boundaries(DecisionPolicy(), RATES)


def people(llrs: np.ndarray) -> list[Labelled]:
    return [Labelled(float(llr), bona_fide=True, subject=f"person {i}") for i, llr in enumerate(llrs)]


def attacks(llrs: np.ndarray) -> list[Labelled]:
    return [Labelled(float(llr), bona_fide=False, subject=f"print {i}") for i, llr in enumerate(llrs)]


class Terminal:
    """A terminal whose scores lie elsewhere than dev's."""

    def __init__(self, seed: int, spread: float, alike: float) -> None:
        self.rng = np.random.default_rng(seed)
        common, own = self.rng.normal(size=2)
        self.people = spread * common
        self.attacks = spread * (alike * common + np.sqrt(1 - alike**2) * own)

    def living(self, n: int) -> np.ndarray:
        return np.asarray(self.rng.normal(PEOPLE[0] + self.people, PEOPLE[1], n))

    def attack(self, n: int) -> np.ndarray:
        return np.asarray(self.rng.normal(ATTACKS[0] + self.attacks, ATTACKS[1], n))

    def worse_rate(self, shift_llr: float) -> float:
        """The larger of APCER and BPCER on people and attacks that were not seen before."""
        accept = shifted(LIMITS, shift_llr).accept_llr
        rng = np.random.default_rng(99)
        living = rng.normal(PEOPLE[0] + self.people, PEOPLE[1], 4000) + shift_llr
        attack = rng.normal(ATTACKS[0] + self.attacks, ATTACKS[1], 4000) + shift_llr
        return float(max((attack >= accept).mean(), (living < accept).mean()))


def found(samples: list[Labelled]) -> Estimate:
    return estimate(samples, RATES)


@pytest.mark.parametrize("attacks_too", [False, True])
@pytest.mark.parametrize(("spread", "alike"), [(0.7, 0.0), (0.7, 0.7), (1.4, 0.5)])
def test_terminals_that_differ_get_better_on_average_on_what_was_not_seen(
    spread: float, alike: float, *, attacks_too: bool
) -> None:
    before, after = [], []
    for seed in range(120):
        terminal = Terminal(seed, spread, alike)
        samples = people(terminal.living(20)) + (attacks(terminal.attack(20)) if attacks_too else [])
        before.append(terminal.worse_rate(0.0))
        after.append(terminal.worse_rate(found(samples).shift_llr))
    assert np.mean(after) < np.mean(before)
    # The worst terminals gain most: that is what it is for.
    assert np.quantile(after, 0.95) < np.quantile(before, 0.95)
    # No terminal is ever made much worse: at most by what the few samples may have looked like.
    assert np.max(np.array(after) - before) < 0.1


def test_a_terminal_like_dev_hardly_moves() -> None:
    shifts = []
    for seed in range(60):
        terminal = Terminal(seed, 0.0, 0.0)
        shifts.append(found(people(terminal.living(20))).shift_llr)
    assert abs(np.mean(shifts)) < 0.1
    assert np.std(shifts) < 0.25


def test_few_samples_move_little_and_more_move_more() -> None:
    low = np.full(50, PEOPLE[0] - 1.0)
    three, ten, fifty = (found(people(low[:n])) for n in (3, 10, 50))
    assert 0 < three.shift_llr < ten.shift_llr < fifty.shift_llr <= 0.55
    assert three.deviation_llr > ten.deviation_llr > fifty.deviation_llr


def test_many_pictures_of_one_person_are_worth_little_more_than_one() -> None:
    low = PEOPLE[0] - 1.0
    one = found([Labelled(low, bona_fide=True, subject="a")])
    same = found([Labelled(low, bona_fide=True, subject="a")] * 50)
    others = found(people(np.full(50, low)))
    assert same.bona_fide.samples == 50
    assert same.bona_fide.weight == pytest.approx(50 / (1 + 49 * 0.8))
    assert same.shift_llr - one.shift_llr < 0.15 * (others.shift_llr - one.shift_llr)
    assert weights([Labelled(0, bona_fide=True, subject="a"), Labelled(0, bona_fide=False, subject="a")]).tolist() == [
        1,
        1,
    ]


def test_without_attacks_the_shift_of_attacks_is_as_unsure_as_terminals_differ() -> None:
    seen = found(people(np.full(50, 1.0)))
    assert seen.attack.samples == 0
    assert seen.attack.shift_llr == pytest.approx(0.0, abs=1e-9)
    assert seen.deviation_llr >= seen.attack.deviation_llr / 2 > 0.3


def test_attacks_that_pass_tighten_and_easy_ones_do_not_loosen() -> None:
    assert found(attacks(np.full(10, ATTACKS[0] + 2.0))).shift_llr < -0.1
    assert found(attacks(np.full(10, ATTACKS[0] - 3.0))).shift_llr == pytest.approx(0.0, abs=1e-9)


def test_attacks_called_bona_fide_cannot_move_beyond_the_bound() -> None:
    liar = [Labelled(s.llr, not s.bona_fide, s.subject) for s in attacks(Terminal(1, 0, 0).attack(500))]
    moved = found(liar)
    assert 0 <= moved.shift_llr <= moved.loosest_llr
    # What that may cost can be read off the table, and is bounded too.
    assert RATES.apcer_at(LIMITS.accept_llr - moved.loosest_llr) < 2 * DecisionPolicy().max_apcer


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.builds(Labelled, st.floats(-50, 50), st.booleans(), st.sampled_from(["a", "b", "c", "d"])),
        min_size=1,
        max_size=60,
    )
)
def test_no_labels_move_beyond_the_bounds_nor_below_even_odds(samples: list[Labelled]) -> None:
    moved = found(samples)
    assert -MAX_SHIFT_LLR <= moved.tightest_llr <= moved.shift_llr <= moved.loosest_llr <= MAX_SHIFT_LLR
    if all(sample.bona_fide for sample in samples):
        assert moved.shift_llr <= moved.loosest_llr
    limits = shifted(LIMITS, moved.shift_llr)
    below = min(0.0, LIMITS.accept_llr) - 1e-6
    assert verdict(below + moved.shift_llr, limits) is not PadDecision.BONA_FIDE


def test_without_measured_rates_there_is_nothing_to_compare_with() -> None:
    with pytest.raises(CalibrationError, match="not measured"):
        estimate(people(np.ones(5)), Rates.at_threshold(1.0))
    with pytest.raises(CalibrationError, match="at least one"):
        estimate([], RATES)
