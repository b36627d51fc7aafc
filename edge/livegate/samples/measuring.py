"""Measure labelled samples as the terminal would: find the face, follow it, ask every cue for its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from livegate.cues.crop import CropCue
from livegate.cues.protocol import Cue
from livegate.cues.scorer import Scorer
from livegate.decide.evidence import pooled
from livegate.decide.fitting import Labels
from livegate.detect.detector import Detector
from livegate.errors import PictureError
from livegate.quality.gate import QualityGate
from livegate.samples.frames import named, read_frame_sets, restricted, sensor_sets
from livegate.samples.manifest import Sample
from livegate.scorers import DETECTOR
from livegate.track.tracker import Tracker, TrackPolicy
from livegate.types import Observation, Role

Rows = tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """One presentation: its label, and by cue the numbers of every observation that it could measure.

    ``narrower`` holds what some cues measure otherwise where there are fewer sensors, by the name of the set of sensors
    (:func:`frames.named`) and by cue: one that looks for agreement sees less of it.
    """

    species: str | None
    source: str
    subject: str
    rows: Mapping[str, Rows]
    narrower: Mapping[str, Mapping[str, Rows]] = field(default_factory=dict)

    def llr(self, name: str, scorer: Scorer, sensors: str | None = None) -> float | None:
        """Return what one cue says of the whole presentation, None where it could not measure anything.

        ``sensors`` names the only ones there are, None for all.
        """
        narrower = self.narrower.get(sensors or "", {})
        rows = narrower.get(name, self.rows.get(name))
        if not rows:
            return None
        return pooled([scorer.llr(np.array(row)) for row in rows], scorer.frame_correlation, scorer.max_llr)


@dataclass(frozen=True, slots=True)
class Measurer:
    """What measures: a detector, the quality gate where there is one, and cues by name.

    ``narrow``: what cues measure with fewer sensors, too.
    """

    detector: Detector
    quality: QualityGate | None
    cues: Mapping[str, Cue]
    narrow: bool = False

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
        narrower = self._narrower(attempt.evidence, roles, rows) if self.narrow else {}
        return Measured(sample.pai_species, sample.source, subject, rows, narrower)

    def _narrower(
        self, evidence: Sequence[Observation], roles: frozenset[Role], rows: Mapping[str, Rows]
    ) -> dict[str, dict[str, Rows]]:
        """What cues of several sensors measure otherwise with fewer; a network looks at the colour picture alone."""
        several = {name: cue for name, cue in self.cues.items() if name != DETECTOR and not isinstance(cue, CropCue)}
        found: dict[str, dict[str, Rows]] = {}
        for fewer in sensor_sets(roles)[:-1]:
            seen = [replace(one, frame_set=restricted(one.frame_set, fewer)) for one in evidence]
            measured = {name: _rows(cue, seen) for name, cue in several.items() if fewer >= cue.NEEDS}
            other = {name: these for name, these in measured.items() if these != rows[name]}
            if other:
                found[named(fewer)] = other
        return found


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
