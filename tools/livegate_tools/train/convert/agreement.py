"""Whether a model's files say the same: each in its runtime on the same pictures, against ONNX fp32 in onnxruntime."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from livegate import config
from livegate.detect.runtime import FORMATS, open_runtime, usable_file
from livegate.errors import ConfigError
from livegate.progress import Progress
from livegate_tools.train.convert.subject import Judge, Judgement, Manifest, judge_with
from livegate_tools.train.reading import read_picture
from livegate_tools.train.samples import Sample

REFERENCE = (config.Runtime.ONNXRUNTIME, config.Precision.FP32)
PRECISIONS = (config.Precision.FP32, config.Precision.INT8)


@dataclass(frozen=True, slots=True)
class Agreement:
    """How one runtime and precision compares with the reference.

    ``equal`` is the share of the pictures with the same verdict; the differences are those of the scores where both
    gave one, as log-likelihood ratios.
    """

    runtime: config.Runtime
    precision: config.Precision
    pictures: int
    equal: float
    mean_difference: float
    max_difference: float


def agreements(manifest: Manifest, samples: Sequence[Sample]) -> tuple[tuple[Agreement, ...], tuple[str, ...]]:
    """Return how every runtime here and precision agrees with the reference, and which could not be asked and why."""
    judges, missing = _judges(manifest)
    found: dict[tuple[config.Runtime, config.Precision], list[Judgement]] = {key: [] for key in judges}
    with Progress("agreement", len(samples)) as bar:
        for sample in samples:
            image = read_picture(sample.path)
            for key, judge in judges.items():
                judgement = judge(image, sample)
                if judgement is not None:
                    found[key].append(judgement)
            bar.advance()
    reference = found.pop(REFERENCE)
    if not reference:
        raise ConfigError("agreement: the model had nothing to look at in any dev picture; give samples with a face")
    return tuple(_agreement(*key, reference, mine) for key, mine in found.items()), missing


def _judges(
    manifest: Manifest,
) -> tuple[dict[tuple[config.Runtime, config.Precision], Judge], tuple[str, ...]]:
    judges, missing = {}, []
    for precision in PRECISIONS:
        for name in FORMATS:
            if usable_file(name, manifest.network, precision) is None:
                missing.append(f"{name} {precision}: runs no such file")
                continue
            try:
                opened = open_runtime(name, manifest.network, precision)
            except ConfigError as exc:
                missing.append(f"{name} {precision}: {exc}")
                continue
            if opened is not None:
                judges[name, precision] = judge_with(manifest, opened.runtime, name)
    return judges, tuple(missing)


def _agreement(
    runtime: config.Runtime, precision: config.Precision, reference: list[Judgement], mine: list[Judgement]
) -> Agreement:
    pairs = list(zip(reference, mine, strict=True))
    scores = [(a.score, b.score) for a, b in pairs]
    gaps = np.array([abs(a - b) for a, b in scores if a is not None and b is not None] or [0.0])
    equal = sum(a.verdict is b.verdict for a, b in pairs) / len(pairs)
    return Agreement(runtime, precision, len(pairs), equal, float(gaps.mean()), float(gaps.max()))
