"""Models that kernels of ours run, without any network: opened, and run once on a picture of nobody."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from livegate.cues.protocol import all_cues
from livegate.detect.network import Kind
from livegate.errors import AssetError
from livegate.scorers import read_scored
from livegate.types import Box, Face, Frame, FrameSet, Observation, Role, SensorState

KERNELS = "kernels"
"""What runs them, where a network names its runtime."""
PICTURE = np.full((480, 640, 3), 128, np.uint8)
FACE = Box(240.0, 160.0, 160.0, 200.0)
OBSERVATION = Observation(
    FrameSet({Role.RGB: Frame(Role.RGB, PICTURE, 0)}, {Role.RGB: SensorState.OK}, 0), Face(FACE, 0.5, 0.5)
)


def ready(name: str, kind: Kind, folder: Path) -> Callable[[], object] | None:
    """Open the model ``name`` in ``folder`` and return what runs it once; None for a kind that no kernels run.

    AssetError for one that is missing, damaged or not what its manifest says.
    """
    if kind is Kind.FACE_CASCADE:
        from livegate.detect.finder import Finder
        from livegate.detect.finder_manifest import read_finder

        return partial(Finder(read_finder(folder)).detect, PICTURE)
    if kind is Kind.WEIGHTS:
        cues = dict(all_cues())
        if name not in cues:
            raise AssetError(f"{folder}: there is no cue '{name}', only {', '.join(cues)}; remove it")
        return partial(read_scored(name, cues[name], folder).cue.measure, OBSERVATION)
    return None
