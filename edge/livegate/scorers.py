"""Find the trained scorers of the cues, and the thresholds fixed for cues that speak together.

models/<cue>/manifest.toml of kind "logistic" holds a scorer, models/fusion/manifest.toml the operating points.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, TypeVar

from livegate import assets
from livegate.cues.bank import ScoredCue
from livegate.cues.protocol import Cue, all_cues
from livegate.cues.scorer import Scorer
from livegate.errors import AssetError
from livegate.options import Between, Matches, parse
from livegate.types import Role

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Model:
    name: str
    version: str
    kind: Annotated[str, Matches("logistic")]
    licence: str


@dataclass(frozen=True, slots=True)
class _Manifest:
    model: _Model
    scorer: Scorer
    training: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Point:
    cues: tuple[str, ...]
    # Evidence never reaches this far, and neither a NaN nor an endless threshold may stand in a file.
    threshold_llr: Annotated[float, Between(-50, 50)]


@dataclass(frozen=True, slots=True)
class _FusionModel:
    name: str
    version: str
    kind: Annotated[str, Matches("operating_points")]
    licence: str


@dataclass(frozen=True, slots=True)
class _Fusion:
    model: _FusionModel
    point: tuple[_Point, ...]
    training: Mapping[str, Any] = field(default_factory=dict)


def operating_points() -> dict[frozenset[str], float]:
    """Return the thresholds fixed for sets of cues, empty when none were; AssetError when their file is damaged."""
    path = assets.folder("models") / "fusion" / "manifest.toml"
    return read_points(path) if path.is_file() else {}


def read_points(path: Path) -> dict[frozenset[str], float]:
    """Return the thresholds in a manifest of operating points; AssetError naming it when it is damaged."""
    return {frozenset(point.cues): point.threshold_llr for point in _read(_Fusion, path).point}


def trained_cues(roles: frozenset[Role]) -> tuple[ScoredCue, ...]:
    """Return every cue whose sensors are among ``roles`` and which has a trained scorer, by name.

    A cue without a scorer is off. Raise AssetError for a scorer that is damaged or was trained for other features.
    """
    found = []
    for name, cue in all_cues():
        path = assets.folder("models") / name / "manifest.toml"
        if roles >= cue.NEEDS and path.is_file():
            found.append(ScoredCue(name, cue, read_scorer(name, cue)))
    return tuple(found)


def read_scorer(name: str, cue: Cue) -> Scorer:
    """Return the scorer of one cue; raise AssetError naming its manifest when it does not fit."""
    path = assets.model(name) / "manifest.toml"
    scorer = _read(_Manifest, path).scorer
    if not _fits(scorer, cue):
        expected = ", ".join(cue.FEATURES)
        raise AssetError(f"{path}: its features are not those of cue '{name}' ({expected}); train it again")
    return scorer


def _read(kind: type[T], path: Path) -> T:
    try:
        return parse(kind, tomllib.loads(path.read_text("utf-8")), str(path))
    except (OSError, ValueError) as exc:
        raise AssetError(f"{path}: cannot be read ({exc}); train it again or reinstall Livegate") from exc


def _fits(scorer: Scorer, cue: Cue) -> bool:
    sizes = {len(scorer.features), len(scorer.mean), len(scorer.deviation), len(scorer.weight)}
    return scorer.features == cue.FEATURES and len(sizes) == 1 and all(deviation > 0 for deviation in scorer.deviation)
