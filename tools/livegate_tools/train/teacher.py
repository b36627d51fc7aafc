"""A teacher's scores of training pictures, in a file beside the data: a second, soft target of the liveness head.

The file is JSON lines. The first says who the teachers are: ``{"teachers": [{"name", "licence"}]}``; every other one
is a score: ``{"source", "id", "p_bona_fide"}``. ``livegate train teach`` writes it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from livegate.errors import AssetError
from livegate_tools.train.samples import Sample, read_lines


@dataclass(frozen=True, slots=True)
class TeacherModel:
    """One network that was asked."""

    name: str
    licence: str


@dataclass(frozen=True, slots=True)
class TeacherScores:
    """Who was asked, and the mean probability of bona fide (0..1) that they gave, by :func:`name_of` the sample."""

    models: tuple[TeacherModel, ...] = ()
    scores: Mapping[str, float] = field(default_factory=dict)

    def digest(self) -> str:
        """Return a digest of the scores, so that a run is not resumed with others."""
        lines = (f"{name} {score!r}" for name, score in sorted(self.scores.items()))
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


NO_TEACHER = TeacherScores()


def name_of(sample: Sample) -> str:
    """Return the sample's name among all sources."""
    return f"{sample.source}/{sample.identifier}"


def read_teacher(path: Path) -> TeacherScores:
    """Return the scores in ``path``; AssetError names the line that is wrong."""
    lines = enumerate(read_lines(path), 1)
    _, head = next(lines, (0, {}))
    try:
        models = tuple(TeacherModel(**model) for model in head["teachers"])
    except (KeyError, TypeError) as exc:
        raise AssetError(
            f"{path}:1: expected who the teachers are, as livegate train teach writes it; found {exc!r}"
        ) from exc
    scores: dict[str, float] = {}
    for number, line in lines:
        name, score = _score(path, number, line)
        if scores.setdefault(name, score) != score:
            raise AssetError(f"{path}:{number}: a second score of {name}; write the file again with train teach")
    return TeacherScores(models, scores)


def _score(path: Path, number: int, line: Mapping[str, Any]) -> tuple[str, float]:
    try:
        name, score = f"{line['source']}/{line['id']}", float(line["p_bona_fide"])
    except (KeyError, TypeError, ValueError) as exc:
        raise AssetError(f"{path}:{number}: missing or wrong field: {exc!r}; expected source, id, p_bona_fide") from exc
    if not 0 <= score <= 1:
        raise AssetError(f"{path}:{number}: p_bona_fide is {score}, expected 0..1")
    return name, score
