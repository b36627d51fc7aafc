"""The error rates that thresholds on fused evidence have: a small monotone table, measured on a dev split."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from livegate.config import DecisionPolicy
from livegate.errors import ConfigError

MAX_ROWS = 40
# Evidence never reaches this far, and neither a NaN nor an endless threshold may stand in a file.
FARTHEST_LLR = 50.0
# Nobody counted so many samples; a table that claims less would move a threshold as far as it likes.
LEAST_RATE = 1e-9
# Dense where installers ask: a threshold for a rate between two of these is interpolated.
LEVELS = (0.7, 0.5, 0.3, 0.2, 0.15, 0.1, 0.07, 0.05, 0.03, 0.02, 0.015, 0.01, 0.005, 0.002, 0.001)
_DECIMALS = 4
# Weights that sum to 1 leave this much over.
_NONE = 1e-12


@dataclass(frozen=True, slots=True)
class Rates:
    """Thresholds ``llr``, rising, and what each comes to: ``apcer`` falling, ``bpcer`` rising, LEAST_RATE to below 1.

    Between two rows the logarithm of a rate runs straight. Beyond the last one it falls by one for each unit of llr:
    no calibrated evidence falls slower, since P(llr >= t | attack) is at most exp(-t) P(llr >= t | bona fide) (Wald,
    Sequential Analysis, 1947, section 3.2), and so much may be claimed beyond what was measured and no more.
    ConfigError for a table that is none.
    """

    llr: tuple[float, ...]
    apcer: tuple[float, ...]
    bpcer: tuple[float, ...]

    def __post_init__(self) -> None:
        fault = _fault(self)
        if fault is not None:
            raise ConfigError(f"rates: {fault}; train it again")

    @classmethod
    def at_threshold(cls, threshold_llr: float) -> Rates:
        """Return the table of a point of which only the threshold is known: it stands for the default rates."""
        policy = DecisionPolicy()
        return cls((threshold_llr,), (policy.max_apcer,), (policy.max_bpcer,))

    def accept_llr(self, max_apcer: float) -> float:
        """Return the least threshold that keeps APCER within ``max_apcer``."""
        # Mirrored, attacks above a threshold are what people below it are.
        mirrored = tuple(-llr for llr in reversed(self.llr))
        return -_largest(mirrored, tuple(reversed(self.apcer)), max_apcer)

    def reject_llr(self, max_bpcer: float) -> float:
        """Return the largest threshold that keeps BPCER within ``max_bpcer``."""
        return _largest(self.llr, self.bpcer, max_bpcer)

    def balanced_llr(self, max_apcer: float, max_bpcer: float) -> float:
        """Return the least threshold at which APCER by ``max_apcer`` is no more than BPCER by ``max_bpcer``.

        There both are undercut, or missed, by one factor. It rises where ``max_apcer`` falls or ``max_bpcer`` rises.
        """
        excess = np.log(self.apcer) - np.log(self.bpcer) - math.log(max_apcer / max_bpcer)
        if excess[0] <= 0:
            return self.llr[0] + float(excess[0]) / 2
        if excess[-1] > 0:
            return self.llr[-1] + float(excess[-1]) / 2
        after = int((excess <= 0).argmax())
        share = float(excess[after - 1] / (excess[after - 1] - excess[after]))
        return self.llr[after - 1] + share * (self.llr[after] - self.llr[after - 1])

    def apcer_at(self, threshold_llr: float) -> float:
        """Return the share of attacks at or above a threshold, 0..1."""
        mirrored = tuple(-llr for llr in reversed(self.llr))
        return _rate(mirrored, tuple(reversed(self.apcer)), -threshold_llr)

    def bpcer_at(self, threshold_llr: float) -> float:
        """Return the share of bona fide presentations below a threshold, 0..1."""
        return _rate(self.llr, self.bpcer, threshold_llr)


def measured_rates(
    thresholds: NDArray[np.float64],
    apcer: NDArray[np.float64],
    bpcer: NDArray[np.float64],
    *,
    attacks: float,
    bona_fide: float,
) -> Rates:
    """Return the rows worth keeping of the rates at all (N,) rising ``thresholds``, N >= 1.

    ``apcer`` and ``bpcer`` are the shares at or above, and below, each of them; a row stands half way to the threshold
    before, where no score lies. ``attacks`` and ``bona_fide`` count the samples (effective numbers where they are
    weighted): a rate of none among them is worth half a sample where it is first none, and from there falls by one for
    each unit of llr, as it does beyond the table.
    """
    least_apcer, least_bpcer = 0.5 / attacks, 0.5 / bona_fide
    accepted = np.clip(apcer, least_apcer, 1 - least_apcer)
    refused = np.clip(bpcer, least_bpcer, 1 - least_bpcer)
    kept = {0, len(thresholds) - 1}
    for level in LEVELS:
        kept.add(int((accepted <= level).argmax()))
        kept.add(len(refused) - 1 - int((refused <= level)[::-1].argmax()))
    llr = np.append(thresholds[:1], (thresholds[:-1] + thresholds[1:]) / 2)
    kept |= {_first_none(apcer), len(bpcer) - 1 - _first_none(bpcer[::-1])}
    accepted = accepted * _fall(llr, apcer)
    refused = refused * _fall(-llr[::-1], bpcer[::-1])[::-1]
    rows: list[tuple[float, float, float]] = []
    for i in sorted(kept):
        at = round(float(llr[i]), _DECIMALS)
        if not rows or at > rows[-1][0]:
            rows.append((at, _written(accepted[i]), _written(refused[i])))
    return Rates(*(tuple(column) for column in zip(*rows, strict=True)))


def _first_none(falling: NDArray[np.float64]) -> int:
    """Return the index of the first rate of none, the last index where there is none."""
    none = falling <= _NONE
    return int(none.argmax()) if none.any() else len(falling) - 1


def _fall(llr: NDArray[np.float64], falling: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the factors (N,) by which a rate has fallen on since it was first none; 1 before."""
    since = llr - llr[_first_none(falling)]
    return np.asarray(np.exp(-np.clip(since, 0.0, None)))


def _written(rate: float) -> float:
    return max(float(f"{rate:.4g}"), LEAST_RATE)


def _largest(llr: Sequence[float], rising: Sequence[float], most: float) -> float:
    """Return the largest threshold whose rate, rising over ``llr``, is at most ``most``."""
    if rising[0] > most:
        return llr[0] - math.log(rising[0] / most)
    last = max(i for i, rate in enumerate(rising) if rate <= most)
    if last == len(rising) - 1:
        return llr[last] + math.log(most / rising[last])
    share = math.log(most / rising[last]) / math.log(rising[last + 1] / rising[last])
    return llr[last] + share * (llr[last + 1] - llr[last])


def _rate(llr: Sequence[float], rising: Sequence[float], threshold: float) -> float:
    beyond = min(threshold - llr[0], 0.0) + max(threshold - llr[-1], 0.0)
    return min(1.0, math.exp(float(np.interp(threshold, llr, np.log(rising))) + beyond))


def _fault(rates: Rates) -> str | None:
    sizes = {len(rates.llr), len(rates.apcer), len(rates.bpcer)}
    if len(sizes) != 1 or not 1 <= len(rates.llr) <= MAX_ROWS:
        return f"expected three columns of one length, 1 to {MAX_ROWS}"
    if not all(abs(llr) <= FARTHEST_LLR for llr in rates.llr):
        return f"expected 'llr' within ±{FARTHEST_LLR:g}"
    if not all(LEAST_RATE <= rate < 1 for rate in (*rates.apcer, *rates.bpcer)):
        return f"expected every rate to be {LEAST_RATE:g} at least and below 1"
    pairs = zip(rates.llr, rates.llr[1:], strict=False)
    if not all(a < b for a, b in pairs):
        return "expected 'llr' to rise"
    if list(rates.apcer) != sorted(rates.apcer, reverse=True) or list(rates.bpcer) != sorted(rates.bpcer):
        return "expected 'apcer' never to rise and 'bpcer' never to fall"
    return None
