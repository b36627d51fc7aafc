"""Find the trained scorers of the cues: models/<cue>/manifest.toml, kind "logistic"."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from livegate import assets
from livegate.cues.bank import ScoredCue
from livegate.cues.protocol import Cue, all_cues
from livegate.cues.scorer import Scorer
from livegate.errors import AssetError
from livegate.options import Matches, parse
from livegate.types import Role


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
    try:
        scorer = parse(_Manifest, tomllib.loads(path.read_text("utf-8")), str(path)).scorer
    except (OSError, ValueError, RecursionError) as exc:
        raise AssetError(f"{path}: no scorer can be read ({exc}); train the cue again or reinstall Livegate") from exc
    if not _fits(scorer, cue):
        expected = ", ".join(cue.FEATURES)
        raise AssetError(f"{path}: its features are not those of cue '{name}' ({expected}); train it again")
    return scorer


def _fits(scorer: Scorer, cue: Cue) -> bool:
    sizes = {len(scorer.features), len(scorer.mean), len(scorer.deviation), len(scorer.weight)}
    return scorer.features == cue.FEATURES and len(sizes) == 1 and all(deviation > 0 for deviation in scorer.deviation)
