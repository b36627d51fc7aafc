"""A model under conversion as something that judges pictures, whatever its kind: through the terminal's own code."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from livegate import config
from livegate.decide.calibration import detector_llr, log_odds
from livegate.detect.classifier import CropClassifier, odds_parts
from livegate.detect.crop_manifest import CropManifest, read_crop_manifest
from livegate.detect.detector import Detector
from livegate.detect.manifest import ModelManifest, read_manifest
from livegate.detect.network import Kind
from livegate.detect.runtime import Runtime
from livegate.installed.shelf import kind_of
from livegate_tools.train.convert.graph import Floats
from livegate_tools.train.reading import read_picture
from livegate_tools.train.samples import Sample


class Verdict(enum.StrEnum):
    """What a model alone says of a picture at its operating point."""

    BONA_FIDE = "bona_fide"
    ATTACK = "attack"
    NO_FACE = "no_face"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict and the log-likelihood ratio (or, of a classifier without calibration, log-odds) behind it."""

    verdict: Verdict
    score: float | None


Judge = Callable[[NDArray[np.uint8], Sample], Judgement | None]
"""Judges one picture; None where the model has nothing to look at."""


class Recorder:
    """A runtime that remembers what it was given: exactly what the terminal feeds the network."""

    def __init__(self, inner: Runtime) -> None:
        self._inner = inner
        self.last = np.zeros(0, np.float32)

    def run(self, pictures: Floats) -> tuple[Floats, ...]:
        """Run the inner one; see the protocol."""
        self.last = pictures.copy()
        return self._inner.run(pictures)


Manifest = ModelManifest | CropManifest


def read_subject(folder: Path) -> Manifest:
    """Return the manifest of a detector or of a crop classifier; AssetError for anything else."""
    return read_crop_manifest(folder) if kind_of(folder) == Kind.CROP_CLASSIFIER else read_manifest(folder)


def judge_with(manifest: Manifest, runtime: Runtime, name: config.Runtime) -> Judge:
    """Return how the terminal judges with the model in that runtime; AssetError when the two do not fit."""
    if isinstance(manifest, CropManifest):
        return _crop_judge(CropClassifier(manifest, runtime))
    return _detector_judge(Detector(manifest, runtime, name))


def _detector_judge(detector: Detector) -> Judge:
    calibration = detector.manifest.calibration

    def judge(image: NDArray[np.uint8], _sample: Sample) -> Judgement:
        faces = detector.detect(image)
        if not faces:
            return Judgement(Verdict.NO_FACE, None)
        llr = detector_llr(faces[0].p_bona_fide, faces[0].p_attack, calibration)
        return Judgement(_verdict(llr >= calibration.threshold_llr), llr)

    return judge


def _crop_judge(classifier: CropClassifier) -> Judge:
    manifest = classifier.manifest

    def judge(image: NDArray[np.uint8], sample: Sample) -> Judgement | None:
        if not sample.faces:
            return None
        score = log_odds(*odds_parts(classifier.probabilities(image, sample.faces[0]), manifest.classes))
        if manifest.scorer is not None:
            score = manifest.scorer.llr(np.array([score]))
        return Judgement(_verdict(score >= 0.0), score)

    return judge


def _verdict(is_bona_fide: bool) -> Verdict:
    return Verdict.BONA_FIDE if is_bona_fide else Verdict.ATTACK


def network_inputs(manifest: Manifest, runtime: Runtime, samples: Iterable[Sample]) -> Iterator[Floats]:
    """Yield what the terminal would feed the network (1, 3, H, W) for every sample it has something to look at in."""
    recorder = Recorder(runtime)
    judge = judge_with(manifest, recorder, config.Runtime.ONNXRUNTIME)
    for sample in samples:
        if judge(read_picture(sample.path), sample) is not None:
            yield recorder.last
