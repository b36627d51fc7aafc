"""Calibrate a user's own crop classifier on the user's own samples, and fix how it is fused with what ships."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from livegate import config
from livegate.config import DecisionPolicy
from livegate.crop_calibration import fit_scorer, scorer_toml
from livegate.cues.bank import ScoredCue
from livegate.cues.crop import CropCue
from livegate.cues.protocol import Cue
from livegate.cues.scorer import Scorer
from livegate.decide.fitting import Line, balanced, fit_line, fix_threshold
from livegate.decide.fusion import OperatingPoints
from livegate.detect.classifier import open_classifier
from livegate.detect.crop_manifest import (
    LEAST_WEIGHT,
    MOST_OFFSET,
    MOST_WEIGHT,
    OwnFusion,
    accepts_attacks,
    read_crop_manifest,
)
from livegate.detect.detector import open_detector
from livegate.errors import ConfigError
from livegate.installed.shelf import SHIPPED, Shelf
from livegate.progress import Progress
from livegate.quality_manifest import open_quality
from livegate.samples.manifest import BadLine, Sample, read_manifest
from livegate.samples.measuring import Measured, Measurer, labels_of
from livegate.scorers import alone, detector_as_cue, operating_points, trained_cues
from livegate.toml_text import toml_lines
from livegate.types import Role

# What this many subjects of a class cannot say is left to what ships; fewer are refused.
LEAST_SAMPLES = 20
_DECIMALS = 6


def calibrate(folder: Path, samples: Path, shelf: Shelf = SHIPPED) -> str:
    """Return the tables [scorer], [fusion] and [calibration] that make the classifier in ``folder`` usable, as TOML.

    ``samples`` is a manifest of labelled presentations as ``livegate evaluate`` reads it; those with a field ``split``
    are all taken. Judged by their RGB pictures and what else they have. AssetError for a model that does not run,
    ConfigError naming the line of a bad sample, for a missing class or too few of one, and for a classifier that does
    not tell people from attacks.
    """
    name = read_crop_manifest(folder).model.name
    ours = _Ours.open(shelf, name)
    classifier = open_classifier(folder, config.Detector())
    if classifier is None:
        raise ConfigError("calibrate: no runtime is configured")
    measured = _measure(samples, ours.measurer(name, CropCue(classifier)))
    if min(_counts(measured)) < LEAST_SAMPLES:
        living, attacks = _counts(measured)
        raise ConfigError(
            f"{samples}: expected at least {LEAST_SAMPLES} presentations of each class with a face that can be judged, "
            f"found {living} bona fide and {attacks} attacks; add samples"
        )
    scorer = fit_scorer(name, measured)
    fusion = _fuse(name, scorer, ours, measured)
    living, attacks = _counts(measured)
    about = {
        "date": str(datetime.now(UTC).date()),
        "bona_fide": living,
        "attack": attacks,
        "samples_sha256": hashlib.sha256(samples.read_bytes()).hexdigest(),
    }
    tables = {"fusion": dataclasses.asdict(fusion), "calibration": about}
    return scorer_toml(scorer) + "\n".join(toml_lines(tables)) + "\n"


@dataclasses.dataclass(frozen=True, slots=True)
class _Ours:
    """What ships, and is judged by without the user's classifier."""

    detector_measurer: Measurer
    cues: Mapping[str, ScoredCue]
    points: OperatingPoints

    @classmethod
    def open(cls, shelf: Shelf, without: str) -> _Ours:
        detector = open_detector(config.Detector(), 1, shelf)
        if detector is None:
            raise ConfigError("calibrate: no runtime is configured")
        own = detector_as_cue(detector.manifest)
        others = tuple(
            cue for cue in trained_cues(frozenset(Role), shelf=shelf, without=frozenset({without})) if cue.own is None
        )
        points = operating_points(own, others, alone(detector.manifest), shelf)
        gate = open_quality(config.QualityConfig(), shelf)
        return cls(Measurer(detector, gate, {}), {cue.name: cue for cue in (own, *others)}, points)

    def measurer(self, name: str, own: Cue) -> Measurer:
        cues = {known: scored.cue for known, scored in self.cues.items()} | {name: own}
        return dataclasses.replace(self.detector_measurer, cues=cues)

    def said(self, seen: Measured) -> dict[str, float]:
        """Return what each of our cues says of a presentation that it could measure."""
        every = {name: seen.llr(name, scored.scorer) for name, scored in self.cues.items()}
        return {name: llr for name, llr in every.items() if llr is not None}


def _measure(samples: Path, measurer: Measurer) -> list[Measured]:
    entries = list(read_manifest(samples))
    bad = next((entry for entry in entries if isinstance(entry, BadLine)), None)
    if bad is not None:
        raise ConfigError(f"{samples}: line {bad.line}: {bad.problem}")
    found = []
    with Progress("calibrate", len(entries)) as progress:
        for entry in entries:
            seen = measurer.measure(entry) if isinstance(entry, Sample) else None
            found += [seen] if seen is not None else []
            progress.advance()
    return found


def _fuse(name: str, scorer: Scorer, ours: _Ours, measured: Sequence[Measured]) -> OwnFusion:
    said = [ours.said(seen) for seen in measured]
    own = [seen.llr(name, scorer) for seen in measured]
    # Fixed beside one set of cues only, and used beside no other: that which all samples have.
    beside = ours.points.together(frozenset.intersection(*(frozenset(each) for each in said)))
    fused = [ours.points.fused({name: each[name] for name in beside}).llr for each in said]
    llrs = np.array([[mine, together] for mine, together in zip(own, fused, strict=True)], dtype=np.float64)
    labels = labels_of(measured)
    line = _bounded(fit_line(llrs, labels.bona_fide, balanced(labels)))
    fixed = fix_threshold(line.llr(llrs), labels, DecisionPolicy())
    rates = None if fixed.llr < 0 or accepts_attacks(fixed.rates) else fixed.rates
    own_weight, weight = line.weights
    threshold_llr = round(max(fixed.llr, 0.0), _DECIMALS)
    return OwnFusion(own_weight, weight, line.offset, threshold_llr, tuple(sorted(beside)), rates)


def _bounded(line: Line) -> Line:
    """Return the line within the bounds of a manifest; the threshold is fixed for what this one says."""
    own_weight, weight = (round(min(each, MOST_WEIGHT), _DECIMALS) for each in line.weights)
    offset = round(min(max(line.offset, -MOST_OFFSET), MOST_OFFSET), _DECIMALS)
    return Line((own_weight, max(weight, LEAST_WEIGHT)), offset)


def _counts(measured: Sequence[Measured]) -> tuple[int, int]:
    living = sum(seen.species is None for seen in measured)
    return living, len(measured) - living
