"""Labelled samples of this terminal: pictures of an acceptance test, and attempts that operators gave a verdict on."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from livegate.errors import CalibrationError, ConfigError, PadError, PictureError
from livegate.judge import Judge
from livegate.progress import Progress
from livegate.samples.frames import read_frame_sets
from livegate.samples.manifest import BadLine, Sample, read_manifest
from livegate.store import StoreReader
from livegate.store.labels import Label, Verdict, count_labels, labelled_attempts
from livegate.types import PadDecision, Role

MAX_SAMPLES = 10_000
"""An acceptance test has dozens; a data set belongs to training."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What each cue said of one sample, by name, and what the sample was; see ``recalibration.Labelled``."""

    llrs: Mapping[str, float]
    bona_fide: bool
    subject: str


@dataclass(frozen=True, slots=True)
class Gathered:
    """Samples that say something, how many say nothing and why, and what is wrong with single lines."""

    heard: tuple[Heard, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    def with_more(self, other: Gathered) -> Gathered:
        """Return both together."""
        left_out = Counter(self.left_out) + Counter(other.left_out)
        return Gathered(self.heard + other.heard, left_out, self.problems + other.problems)


def from_manifest(path: Path, judge: Judge, roles: frozenset[Role]) -> Gathered:
    """Judge every sample of an evaluation manifest as one attempt, with the pictures of ``roles``.

    Bad lines and pictures are named by their line, and the rest is still done; ConfigError when the manifest cannot be
    read or is none of an acceptance test.
    """
    entries = []
    for entry in read_manifest(path):
        entries.append(entry)
        if len(entries) > MAX_SAMPLES:
            raise ConfigError(f"{path}: has more than {MAX_SAMPLES} samples; give those of this terminal only")
    heard: list[Heard] = []
    left_out: Counter[str] = Counter()
    problems = []
    with Progress("samples", len(entries)) as progress:
        for entry in entries:
            progress.advance()
            try:
                found = _judged(entry, judge, roles)
            except (PictureError, PadError) as exc:
                problems.append(f"{path}:{entry.line}: {exc}")
                continue
            if isinstance(found, str):
                left_out[found] += 1
            else:
                heard.append(found)
    return Gathered(tuple(heard), left_out, tuple(problems))


def from_labels(state_dir: Path, ensemble_sha256: str) -> Gathered:
    """Return the attempts that operators gave a verdict on, as far as their events are kept and of these very models.

    StoreError when the store cannot be read.
    """
    found: dict[str, Heard | str] = {}
    with StoreReader(state_dir) as store, store.reading() as connection:
        labels = count_labels(connection)
        for label, body in labelled_attempts(connection):
            found[label.attempt_id] = _labelled(label, body, ensemble_sha256)
    left_out = Counter(each for each in found.values() if isinstance(each, str))
    left_out["label of an attempt that is not kept"] += labels - len(found)
    return Gathered(tuple(each for each in found.values() if isinstance(each, Heard)), +left_out)


def _judged(entry: Sample | BadLine, judge: Judge, roles: frozenset[Role]) -> Heard | str:
    if isinstance(entry, BadLine):
        raise PictureError(entry.problem)
    pad, face = judge.clip(read_frame_sets(entry, roles))
    if face is None:
        return "no face found"
    if not pad.cues or pad.decision is PadDecision.NON_RESPONSE:
        return f"picture refused: {pad.reason}"
    # Samples that name nobody may all be of one person.
    subject = f"{entry.subject or ''}/{entry.pai_species or ''}"
    return Heard({cue.name: cue.llr for cue in pad.cues}, entry.pai_species is None, subject)


def _labelled(label: Label, body: bytes, ensemble_sha256: str) -> Heard | str:
    try:
        data = json.loads(body)["data"]
        what, pad = data["what"], data["what"]["pad"]
        model = data["environment"]["model"] or {}
        llrs = {name: float(cue["llr"]) for name, cue in pad["cues"].items()}
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise CalibrationError(f"event of attempt '{label.attempt_id}': is not as it was written ({exc})") from exc
    if model.get("ensemble_sha256") != ensemble_sha256:
        return "judged by other models"
    if not llrs or pad["decision"] == PadDecision.NON_RESPONSE:
        return "no face judged"
    bona_fide = label.verdict is Verdict.BONA_FIDE
    alike = data["who"]["credential"] if bona_fide else pad["media_signature"]
    return Heard(llrs, bona_fide, alike or f"{what['action']}/{label.pai_species or ''}")
