"""Photographed people as a simulator: the flat half, joined to the same data set writer as the rendered heads."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from livegate.errors import ConfigError
from livegate_tools.simulate.held_out import Split
from livegate_tools.simulate.mixture import ANY, Mixture
from livegate_tools.simulate.pictures import render
from livegate_tools.simulate.portraits import Sources, read_sources


@dataclass(frozen=True, slots=True)
class PictureFrame:
    """A colour picture without other sensors: rgb (H, W, 3) uint8, B, G, R."""

    rgb: NDArray[Any]
    nir: None = None
    depth: None = None
    rgb_right: None = None
    nir_unlit: None = None


@dataclass(slots=True)
class PictureSimulator:
    """Living people and attacks made from the portraits and backgrounds in a data folder."""

    data: Path
    _sources: dict[Split, Sources] = field(default_factory=dict)

    def render(
        self, index: int, seed: int, split: Split, mixture: Mixture = ANY
    ) -> tuple[PictureFrame, dict[str, Any]]:
        """Return sample ``index`` and its manifest fields except the paths; equal arguments give equal results.

        Their mixture is fixed: pairs of one person, alive and as an attack. Raises ConfigError for any other one.
        """
        if mixture != ANY:
            raise ConfigError(
                "--alive-share, --species, --least-face-px: coloured pictures come in pairs; add --lifted, or not these"
            )
        if split not in self._sources:
            self._sources[split] = read_sources(self.data, split)
        picture, line = render(index, seed, split, self._sources[split])
        return PictureFrame(picture), line
