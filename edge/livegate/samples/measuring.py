"""Measure labelled samples as the terminal would: find the face, follow it, ask every cue for its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from livegate.cues.protocol import Cue
from livegate.cues.scorer import Scorer
from livegate.decide.evidence import pooled
from livegate.decide.fitting import Labels
from livegate.detect.detector import Detector
from livegate.errors import PictureError
from livegate.quality.gate import QualityGate
from livegate.samples.frames import read_frame_sets
from livegate.samples.manifest import Sample
from livegate.track.tracker import Tracker, TrackPolicy
from livegate.types import Observation, Role

Rows = tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """One presentation: its label, and by cue the numbers of every observation that it could measure."""

    species: str | None
    source: str
    subject: str
    rows: Mapping[str, Rows]

    def llr(self, name: str, scorer: Scorer) -> float | None:
        """Return what one cue says of the whole presentation, None where it could not measure anything."""
        rows = self.rows.get(name)
        if not rows:
            return None
        return pooled([scorer.llr(np.array(row)) for row in rows], scorer.frame_correlation, scorer.max_llr)


@dataclass(frozen=True, slots=True)
class Measurer:
    """What measures: a detector, the quality gate where there is one, and cues by name."""

    detector: Detector
    quality: QualityGate | None
    cues: Mapping[str, Cue]

    def measure(self, sample: Sample) -> Measured | None:
        """Return what the cues measure of ``sample``; None where a picture cannot be read or no face is good enough."""
        roles = frozenset(role for moment in sample.moments for role in moment.paths)
        tracker, attempt = Tracker(TrackPolicy(min_height_share=0.0), quality=self.quality), None
        try:
            for frame_set in read_frame_sets(sample, roles):
                attempt = tracker.update(frame_set, self.detector.detect(frame_set.frames[Role.RGB].image))
        except PictureError:
            return None
        if attempt is None or not attempt.evidence:
            return None
        rows = {name: _rows(cue, attempt.evidence) for name, cue in self.cues.items()}
        subject = sample.subject or f"{sample.source}/{sample.id}"
        return Measured(sample.pai_species, sample.source, subject, rows)


def labels_of(measured: Sequence[Measured]) -> Labels:
    """Return the labels of presentations, in their order."""
    return Labels(
        tuple(seen.species for seen in measured),
        tuple(seen.source for seen in measured),
        tuple(seen.subject for seen in measured),
    )


def _rows(cue: Cue, evidence: Sequence[Observation]) -> Rows:
    fed = [seen for seen in evidence if seen.frame_set.frames.keys() >= cue.NEEDS]
    values = [cue.measure(seen) for seen in fed]
    return tuple(tuple(row.tolist()) for row in values if row is not None and np.isfinite(row).all())
