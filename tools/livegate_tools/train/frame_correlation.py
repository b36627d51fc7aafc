"""How alike what a cue says is over the frames of one appearance: measured on recordings, and used with caution.

With r the intraclass correlation of a cue's llr about the mean of its class, n frames of one appearance are worth
n / (1 + (n - 1) r) independent ones (:func:`livegate.decide.evidence.pooled`). Too small an r would let a lucky half
second open a door, so the upper end of its interval is what a terminal may use, and 1 where recordings are too few to
bound it: further frames then steady the mean and add nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from livegate.cues.scorer import Scorer
from livegate.samples.measuring import Measured
from livegate.track.tracker import TrackPolicy
from livegate_tools.evaluate.bootstrap import FEWEST_SUBJECTS, SEED

# Draws that give the quantiles of F, to three digits.
_DRAWS = 200_000


@dataclass(frozen=True, slots=True)
class Correlation:
    """An intraclass correlation 0..1 with its 95 % interval, and how many recordings of how many subjects it rests on.

    ``subjects`` counts those of the class that has fewer.
    """

    value: float
    low: float
    high: float
    recordings: int
    subjects: int

    @property
    def cautious(self) -> float:
        """What a terminal may count with: 1 where one class has fewer than five subjects, as intervals need them."""
        return self.high if self.subjects >= FEWEST_SUBJECTS else 1.0


@dataclass(frozen=True, slots=True)
class _Recording:
    is_living: bool
    subject: str
    llr: NDArray[np.float64]


def correlations(measured: Sequence[Measured], scorers: Mapping[str, Scorer]) -> dict[str, Correlation]:
    """Return the correlation of every cue that recordings of both classes say something of.

    A recording is a clip, or stills with one ``session``, in their order. Frames are compared within as many of them as
    an appearance holds, about their own mean; recordings about the mean of their class, since people differ by more
    than a second shows.
    """
    groups: dict[tuple[str, str, str | None], list[Measured]] = defaultdict(list)
    for seen in measured:
        if seen.recording:
            groups[seen.recording, seen.subject, seen.species].append(seen)
    found = {}
    for name, scorer in scorers.items():
        recordings = [_recording(those, name, scorer) for those in groups.values()]
        one = _correlation([each for each in recordings if each.llr.size > 1])
        if one is not None:
            found[name] = one
    return found


def _recording(those: Sequence[Measured], name: str, scorer: Scorer) -> _Recording:
    rows = [row for seen in those for row in seen.rows.get(name, ())]
    llr = np.array([scorer.llr(np.array(row)) for row in rows], dtype=np.float64)
    return _Recording(those[0].species is None, those[0].subject, llr)


def _correlation(recordings: Sequence[_Recording]) -> Correlation | None:
    """One-way analysis of variance with unequal sizes; its interval by F (Searle, Linear Models, 1971, section 9.9)."""
    classes = [[each for each in recordings if each.is_living is living] for living in (True, False)]
    between = len(recordings) - 2
    if between < 1 or not all(classes):
        return None
    sizes = [np.array([each.llr.size for each in some], dtype=np.float64) for some in classes]
    frames = float(sum(each.sum() for each in sizes))
    share = (frames - sum((each**2).sum() / each.sum() for each in sizes)) / between
    squares = sum(
        each.llr.size * (each.llr.mean() - np.concatenate([one.llr for one in some]).mean()) ** 2
        for some in classes
        for each in some
    )
    within, freedom = _within(recordings)
    if freedom < 1 or within <= 0:
        return None
    ratio = float(squares) / between / within
    drawn = np.random.default_rng(SEED).f(between, freedom, _DRAWS)
    lowest, highest = np.percentile(drawn, [2.5, 97.5])
    value, low, high = (_alike(each, share) for each in (ratio, ratio / highest, ratio / lowest))
    people = min(len({each.subject for each in some}) for some in classes)
    return Correlation(value, low, high, len(recordings), people)


def _within(recordings: Sequence[_Recording]) -> tuple[float, int]:
    """Return the variance of frames about the mean of their appearance, and its degrees of freedom."""
    longest = TrackPolicy().history
    parts = [each.llr[start : start + longest] for each in recordings for start in range(0, each.llr.size, longest)]
    freedom = sum(part.size - 1 for part in parts)
    squares = sum(float(((part - part.mean()) ** 2).sum()) for part in parts)
    return squares / max(freedom, 1), freedom


def _alike(ratio: float, share: float) -> float:
    return float(np.clip((ratio - 1.0) / (ratio + share - 1.0), 0.0, 1.0))
