"""What cues cost: the time of each on the same faces, one after the other, in this process."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from livegate.samples.frames import read_frame_sets
from livegate.samples.manifest import Sample
from livegate.scorers import DETECTOR
from livegate.types import Role
from livegate_tools.train.ablation.arms import Arm
from livegate_tools.train.dev_measurers import Equipment

FACES = 48


@dataclass(frozen=True, slots=True)
class Costs:
    """The median milliseconds of CPU time: ``finding`` the faces of a picture, and each cue a face."""

    finding: float
    cues: Mapping[str, float]

    def of(self, arm: Arm, asked: float | None) -> float:
        """Return what an arm costs a face, finding it included; a second opinion as often as it is ``asked`` (0..1)."""
        first, second = (sum(self.cues[name] for name in names) for names in (arm.first, arm.second))
        return self.finding + first + second * (asked or 0.0)


def costs(equipment: Equipment, samples: Sequence[Sample], faces: int = FACES) -> Costs:
    """Time what measures on ``faces`` of the samples with most sensors, spread evenly, each warmed up by the first."""
    most = max(len(sample.moments[0].paths) for sample in samples)
    full = [sample for sample in samples if len(sample.moments[0].paths) == most]
    measurer, finding = equipment.measurer, list[float]()
    cues: dict[str, list[float]] = {name: [] for name in measurer.cues}
    for sample in full[:: max(1, len(full) // faces)]:
        evidence = measurer.evidence(sample)
        if not evidence:
            continue
        frame_set = next(read_frame_sets(sample, frozenset(sample.moments[0].paths)))
        image = frame_set.frames[Role.RGB].image
        finding.append(_ms(measurer.detector.detect, image))
        for name, cue in measurer.cues.items():
            if evidence[0].frame_set.frames.keys() >= cue.NEEDS:
                cues[name].append(_ms(cue.measure, evidence[0]))
    # What the detector says of a face it has said already.
    medians = {name: _median(taken) for name, taken in cues.items() if name != DETECTOR}
    return Costs(_median(finding), medians | {DETECTOR: 0.0})


def _ms(work: Callable[[Any], Any], on: Any) -> float:
    # CPU time of this thread: others on the machine do not count, waiting for them does not either.
    started_ns = time.thread_time_ns()
    work(on)
    return (time.thread_time_ns() - started_ns) / 1e6


def _median(taken: Sequence[float]) -> float:
    """Return the median without the first, which may have waited for a kernel to be read."""
    return float(np.median(taken[1:])) if len(taken) > 1 else float("nan")
