"""What a cue is, and where the cues are found."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from typing import Any, Protocol, cast, runtime_checkable

import numpy as np
from numpy.typing import NDArray

import livegate.cues
from livegate.types import Observation, Role


class Cue(Protocol):
    """What measures one kind of evidence: a module of this package, or the network of a crop classifier."""

    NEEDS: frozenset[Role]
    FEATURES: tuple[str, ...]

    def measure(self, observation: Observation) -> NDArray[np.float64] | None:
        """Return (len(FEATURES),) finite float64, or None where this observation cannot be measured. Pure."""


@runtime_checkable
class WeighedCue(Protocol):
    """A module of this package whose numbers come of trained weights: the cue is made of them."""

    NEEDS: frozenset[Role]

    def opened(self, weights: Mapping[str, NDArray[Any]]) -> Cue:
        """Return the cue that these arrays, by name, make; ValueError where they are not its weights."""


ATTACK = "attack"
"""The species of an attack that a cue has no name for."""


@runtime_checkable
class SpeciesCue(Protocol):
    """A cue that also has a guess of what the attack is."""

    def species(self, observation: Observation) -> Mapping[str, float]:
        """Return the probability of every PAI species it knows (:data:`ATTACK` for the rest), empty if it cannot."""


def all_cues() -> Iterator[tuple[str, Cue | WeighedCue]]:
    """Yield every cue with its name, by name."""
    for found in sorted(pkgutil.iter_modules(livegate.cues.__path__), key=lambda module: module.name):
        module: Any = importlib.import_module(f"livegate.cues.{found.name}")
        # What lies here without measuring anything serves the cues that do.
        if hasattr(module, "measure") or hasattr(module, "opened"):
            yield found.name, cast(Cue | WeighedCue, module)
