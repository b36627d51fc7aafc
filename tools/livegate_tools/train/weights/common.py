"""What the learner of a cue with weights is, and what it is told of the captures it learns from.

``livegate_tools/train/weights/<cue>.py`` is the learner of ``livegate/cues/<cue>.py``; nothing else names it.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from livegate.cues.protocol import Cue, WeighedCue, all_cues
from livegate.decide.fitting import Labels
from livegate.errors import ConfigError
from livegate.types import Box

Weights = Mapping[str, NDArray[Any]]
"""Arrays of float16, float32 or whole numbers, by name."""
Rows = NDArray[np.float32]
Picture = tuple[NDArray[np.uint8], Box]
"""A cut around a face, (H, W, 3) B, G, R, and the face's box in its pixels."""


@dataclass(frozen=True, slots=True)
class Task:
    """The labels of N rows, what each weighs (N,), summing to 1, and the seed of whatever is drawn at random."""

    labels: Labels
    weights: NDArray[np.float64]
    seed: int


class Learner(Protocol):
    """A learner module."""

    VIEWS: int
    """In how many other ways than as it is each training capture is shown."""
    MOST_CAPTURES: int
    """More than this are not described: of every subject like many are drawn."""

    def described(self, image: NDArray[np.uint8], box: Box, basis: Weights) -> Rows | None:
        """Return the (D,) float32 numbers of the face, None where there are none. Pure."""

    def learnt(self, rows: Rows, task: Task) -> Weights:
        """Return what ``opened`` needs besides the basis, learnt from (N, D) rows."""

    def margins(self, rows: Rows, weights: Weights) -> NDArray[np.float64]:
        """Return (N, F): what the cue opened with basis and ``weights`` measures of the same faces."""


class PreparedLearner(Learner, Protocol):
    """A learner whose numbers need a basis that is learnt without labels first."""

    def prepared(self, pictures: Sequence[Picture], seed: int) -> Weights:
        """Return the basis; :meth:`described` gets it, and it is written beside what was learnt."""


def is_weighted(name: str) -> bool:
    """Whether ``name`` is a cue that is opened with weights."""
    return isinstance(dict(all_cues()).get(name), WeighedCue)


def opened(name: str, weights: Weights) -> Cue:
    """Return the cue ``name``, one that is opened with weights, with these; ValueError where they are not its own."""
    return cast(WeighedCue, dict(all_cues())[name]).opened(weights)


def find_learner(name: str) -> Learner:
    """Return the learner of a cue; ConfigError where there is none."""
    place = f"livegate_tools.train.weights.{name}"
    if importlib.util.find_spec(place) is None:
        raise ConfigError(f"cue '{name}': has weights but no learner; expected {place.replace('.', '/')}.py")
    return cast(Learner, importlib.import_module(place))


def basis_of(learner: Learner, pictures: Sequence[Picture], seed: int) -> Weights:
    """Return what the learner learns without labels, nothing where it needs nothing."""
    return cast(PreparedLearner, learner).prepared(pictures, seed) if hasattr(learner, "prepared") else {}
