"""What a cue is, and where the cues are found."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

import livegate.cues
from livegate.types import Observation, Role


class Cue(Protocol):
    """A module of this package that measures one kind of evidence."""

    NEEDS: frozenset[Role]
    FEATURES: tuple[str, ...]

    def measure(self, observation: Observation) -> NDArray[np.float64] | None:
        """Return (len(FEATURES),) finite float64, or None where this observation cannot be measured. Pure."""


def all_cues() -> Iterator[tuple[str, Cue]]:
    """Yield every cue with its name, by name."""
    for found in sorted(pkgutil.iter_modules(livegate.cues.__path__), key=lambda module: module.name):
        module: Any = importlib.import_module(f"livegate.cues.{found.name}")
        # What lies here without measuring anything serves the cues that do.
        if hasattr(module, "measure"):
            yield found.name, cast(Cue, module)
