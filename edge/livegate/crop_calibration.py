"""Give the numbers of a crop classifier a meaning: its scorer, fitted on labelled presentations."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from livegate.cues import detector as detector_cue
from livegate.cues.scorer import Scorer
from livegate.decide.calibration import Calibration
from livegate.decide.fitting import balanced, fit_line
from livegate.detect.crop_manifest import MOST_LLR
from livegate.errors import ConfigError
from livegate.samples.measuring import Measured, labels_of
from livegate.toml_text import toml_lines

# A cue that says nothing cannot be told from one that was fitted to noise.
_LEAST_SLOPE = 1e-3


def fit_scorer(name: str, measured: Sequence[Measured]) -> Scorer:
    """Return the scorer of the crop classifier ``name``: a straight line from its log-odds to a log-likelihood ratio.

    Platt, 1999, with both classes and all sources weighing the same; the bound is what so many samples can support.
    ConfigError where a class is missing, or where it takes attacks for people.
    """
    seen = [each for each in measured if each.rows.get(name)]
    labels = labels_of(seen)
    living = int(labels.bona_fide.sum())
    if not 0 < living < len(seen):
        raise ConfigError(
            f"'{name}': calibrating needs found faces of both classes, found {living} bona fide and "
            f"{len(seen) - living} attacks; add samples of the other class"
        )
    odds = np.array([[np.mean(each.rows[name])] for each in seen])
    line = fit_line(odds, labels.bona_fide, balanced(labels))
    if line.weights[0] < _LEAST_SLOPE:
        raise ConfigError(
            f"'{name}': on these samples it does not tell people from attacks; are its 'classes', 'channel_order', "
            "'mean' and 'scale' those it was trained with?"
        )
    bound = min(labels.earned_llr(), MOST_LLR)
    return detector_cue.scorer(Calibration(line.weights[0], line.offset, 0.0, bound), frame_correlation=1.0)


def scorer_toml(scorer: Scorer) -> str:
    """Return the table [scorer] as TOML text."""
    return "\n".join(toml_lines({"scorer": dataclasses.asdict(scorer)})) + "\n"
