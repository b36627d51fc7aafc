"""What a fit comes to on presentations that it was not fitted to: of other people, and of other sources."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from livegate.decide.fitting import balanced
from livegate_tools.evaluate import metrics
from livegate_tools.evaluate.bootstrap import REPLICATES, SEED
from livegate_tools.train.fusion_evidence import Said
from livegate_tools.train.fusion_fit import Fit

FOLDS = 5
Folds = Sequence[NDArray[np.bool_]]


@dataclass(frozen=True, slots=True)
class HeldOut:
    """The fused llr (N,) of presentations by fits that never saw them, and the thresholds (N,) these had.

    ``asked`` (N,) says of whom a second opinion was asked.
    """

    said: Said
    llr: NDArray[np.float64]
    threshold: NDArray[np.float64]
    asked: NDArray[np.bool_]

    def take(self, which: NDArray[np.bool_]) -> HeldOut:
        """Return the presentations at ``which``."""
        return HeldOut(self.said.take(which), self.llr[which], self.threshold[which], self.asked[which])

    @property
    def errors(self) -> NDArray[np.bool_]:
        """Which of them the threshold takes for the other class."""
        living = self.said.labels.bona_fide
        return np.where(living, self.llr < self.threshold, self.llr >= self.threshold)

    @property
    def auc(self) -> float:
        """The chance that a person's llr is above an attack's, all sources and species together; NaN without both."""
        living = self.said.labels.bona_fide
        return metrics.auc(self.llr[living], self.llr[~living])

    def auc_of(self, species: str) -> float:
        """The same for the attacks of one species."""
        labels = self.said.labels
        those = np.array([kind == species for kind in labels.species], dtype=np.bool_)
        return metrics.auc(self.llr[labels.bona_fide], self.llr[those])

    def loss(self) -> float:
        """Return what a bit of evidence is lost, 0 to beyond 1, 1 for none (Cllr; Brummer and du Preez, 2006).

        Classes and their sources weigh the same.
        """
        return float(self.losses().sum())

    def losses(self) -> NDArray[np.float64]:
        """Return what every presentation (N,) has of that."""
        labels = self.said.labels
        signed = np.where(labels.bona_fide, self.llr, -self.llr)
        return np.asarray(balanced(labels) * np.logaddexp(0.0, -signed) / math.log(2.0))


def surely_saves(first: HeldOut, both: HeldOut) -> bool:
    """Return whether ``both`` loses less of the same presentations than ``first`` in 95 % of draws of people."""
    people = [(seen.source, seen.subject) for seen in first.said.those]
    number = {person: place for place, person in enumerate(sorted(set(people)))}
    saved = np.zeros(len(number))
    np.add.at(saved, [number[person] for person in people], first.losses() - both.losses())
    drawn = np.random.default_rng(SEED).integers(len(saved), size=(REPLICATES, len(saved)))
    return bool(np.quantile(saved[drawn].sum(axis=1), 0.05) > 0)


def by_people(said: Said, folds: int = FOLDS) -> list[NDArray[np.bool_]]:
    """Return ``folds`` masks (N,) that part the people, shown or standing there, at random but always alike."""
    people = sorted({(seen.source, seen.subject) for seen in said.those})
    order = np.random.default_rng(SEED).permutation(len(people))
    fold = {people[place]: number % folds for number, place in enumerate(order)}
    of = np.array([fold[seen.source, seen.subject] for seen in said.those])
    return [of == number for number in range(folds)]


def by_source(said: Said) -> list[NDArray[np.bool_]]:
    """Return a mask (N,) for every source."""
    sources = np.array([seen.source for seen in said.those])
    return [sources == source for source in sorted(set(sources.tolist()))]


def held_out(said: Said, folds: Folds, fits: Sequence[Fit | None]) -> HeldOut:
    """Return what the fit to all but one fold says of that one; folds that left nothing to fit to (None) are left out.

    ``fits`` are of the cues of ``said`` or some of them, one a fold.
    """
    llr, threshold = np.full(len(said.those), np.nan), np.full(len(said.those), np.nan)
    asked = np.zeros(len(said.those), dtype=np.bool_)
    for fold, fit in zip(folds, fits, strict=True):
        if fit is None or not fold.any():
            continue
        tested = said.take(fold)
        llr[fold], threshold[fold] = fit.llr(tested), fit.threshold.llr
        asked[fold] = fit.cascade.undecided(tested) if fit.cascade is not None else False
    return HeldOut(said, llr, threshold, asked).take(~np.isnan(llr))
