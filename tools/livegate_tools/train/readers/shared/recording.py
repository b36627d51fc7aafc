"""The values between a reader and the importer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from livegate.types import Box
from livegate_tools.train.samples import Split

Image = NDArray[np.uint8]

# The face of a frame's number in a picture, as the set itself says it; None where it says none.
BoxOf = Callable[[int, Image], Box | None]


@dataclass(frozen=True, slots=True)
class Shown:
    """One frame: ``rgb`` (H, W, 3) uint8 B, G, R and ``nir`` (H, W) uint8 registered to it.

    ``path`` and ``nir_path`` name the files of a set of pictures, which are used where they lie.
    """

    number: int
    rgb: Image
    path: Path | None = None
    nir: Image | None = None
    nir_path: Path | None = None


class Frames(Protocol):
    """Where the frames of a recording come from."""

    def shown(self, every: int) -> Iterator[Shown]:
        """Yield every ``every``-th frame from the first; PictureError names a file that cannot be read."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One presentation of a set.

    ``name`` is unique in the set; ``pai_species`` None for a bona fide presentation; ``subject`` None where the set
    does not say who it is; ``notes`` are further facts of the set, for the manifest.
    """

    name: str
    pai_species: str | None
    subject: str | None
    split: Split
    frames: Frames
    box_of: BoxOf | None = None
    notes: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Reader:
    """How a set is read.

    ``find`` takes the licence holder's folder and the name of a protocol (None: the set's own division of its
    subjects), and yields the recordings; it raises AssetError saying what was expected and found where the folder is
    laid out otherwise. ``protocols`` says which names ``find`` takes; empty: none.
    """

    title: str
    find: Callable[[Path, str | None], Iterator[Recording]]
    protocols: str = ""
