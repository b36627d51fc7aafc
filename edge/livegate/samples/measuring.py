"""Measure labelled samples as the terminal would: find the face, follow it, ask every cue for its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from livegate.cues.protocol import Cue
from livegate.cues.scorer import Scorer
from livegate.decide.evidence import pooled
from livegate.decide.fitting import Labels
from livegate.errors import PictureError
from livegate.judge import FaceDetector
from livegate.quality.gate import QualityGate
from livegate.samples.frames import named, read_frame_sets, restricted, sensor_sets
from livegate.samples.manifest import NOT_STATED, Sample
from livegate.track.tracker import Tracker, TrackPolicy
from livegate.types import Face, Observation, Role

Rows = tuple[tuple[float, ...], ...]
SESSION = "session"
"""The trait of a sample that names the recording it is of, where it was asked for."""


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
    recording: str = ""
    """Of which recording it is, "" where that is not known; further presentations may be of the same one."""

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
class Sighting:
    """Where the presented face was found in one picture that is good enough to be evidence; moments count from 0."""

    moment: int
    face: Face


@dataclass(frozen=True, slots=True)
class Spoken:
    """What one cue measured of a presentation; see :class:`Measured`."""

    rows: Rows
    narrower: Mapping[str, Rows] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Measurer:
    """What measures: what finds faces, the quality gate where there is one, and cues by name.

    ``narrow`` names those that are measured with fewer sensors, too.
    """

    detector: FaceDetector
    quality: QualityGate | None
    cues: Mapping[str, Cue]
    narrow: frozenset[str] = frozenset()

    def measure(self, sample: Sample) -> Measured | None:
        """Return what the cues measure of ``sample``; None where a picture cannot be read or no face is good enough."""
        evidence = self.evidence(sample)
        if not evidence:
            return None
        return measured_of(sample, {name: self.spoken(name, evidence) for name in self.cues})

    def evidence(self, sample: Sample) -> tuple[Observation, ...]:
        """Return what is evidence in ``sample``; empty where a picture cannot be read or no face is good enough."""
        tracker, attempt = Tracker(TrackPolicy(min_height_share=0.0), quality=self.quality), None
        try:
            for frame_set in read_frame_sets(sample, _roles(sample)):
                attempt = tracker.update(frame_set, self.detector.detect(frame_set.frames[Role.RGB].image))
        except PictureError:
            return ()
        return () if attempt is None else attempt.evidence

    def spoken(self, name: str, evidence: Sequence[Observation]) -> Spoken:
        """Return what the cue ``name`` measures of the ``evidence`` of one presentation, one observation at least."""
        cue, roles = self.cues[name], frozenset(evidence[0].frame_set.frames)
        rows = _rows(cue, evidence)
        narrower: dict[str, Rows] = {}
        for fewer in sensor_sets(roles)[:-1] if name in self.narrow else ():
            if fewer >= cue.NEEDS:
                those = _rows(cue, [replace(one, frame_set=restricted(one.frame_set, fewer)) for one in evidence])
                narrower |= {named(fewer): those} if those != rows else {}
        return Spoken(rows, narrower)


def sightings(evidence: Sequence[Observation]) -> tuple[Sighting, ...]:
    """Return what to remember of evidence, to have it again by :func:`seen_again`."""
    return tuple(Sighting(seen.frame_set.frames[Role.RGB].sequence, seen.face) for seen in evidence)


def seen_again(sample: Sample, known: Sequence[Sighting]) -> tuple[Observation, ...]:
    """Return the evidence of ``sample`` in which faces were found before; PictureError where a file is gone."""
    frame_sets = dict(enumerate(read_frame_sets(sample, _roles(sample))))
    return tuple(Observation(frame_sets[sighting.moment], sighting.face) for sighting in known)


def measured_of(sample: Sample, spoken: Mapping[str, Spoken]) -> Measured:
    """Return what cues, by name, said of ``sample``, with its labels."""
    narrower: dict[str, dict[str, Rows]] = {}
    for name, each in spoken.items():
        for sensors, fewer in each.narrower.items():
            narrower.setdefault(sensors, {})[name] = fewer
    subject = sample.subject or f"{sample.source}/{sample.id}"
    rows = {name: each.rows for name, each in spoken.items()}
    return Measured(sample.pai_species, sample.source, subject, rows, narrower, _recording(sample))


def _recording(sample: Sample) -> str:
    session = sample.traits.get(SESSION, NOT_STATED)
    name = sample.id if sample.is_clip else session
    return "" if name == NOT_STATED else f"{sample.source}/{name}"


def _roles(sample: Sample) -> frozenset[Role]:
    return frozenset(role for moment in sample.moments for role in moment.paths)


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
