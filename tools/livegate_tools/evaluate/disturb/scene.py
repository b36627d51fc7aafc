"""What a disturbance knows of the presentation it disturbs, and how other pictures are put into a FrameSet."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.samples.manifest import Sample
from livegate.types import Box, Frame, FrameSet, Role

Picture = NDArray[Any]

# As wide as YuNet's box of a face, and how far one stands where the manifest has no box.
_FACE_MM = 140.0
_USUAL_PX_PER_MM = 0.9


@dataclass(frozen=True, slots=True)
class Scene:
    """One presentation under a disturbance: the true face where it is known, a direction of its own, and chance.

    ``towards`` is a unit vector (x, y), the same at every strength, so that curves are of the same presentations.
    """

    face: Box | None
    towards: tuple[float, float]
    rng: np.random.Generator

    @property
    def px_per_mm(self) -> float:
        """How many pixels a millimetre is wide at the face."""
        return _USUAL_PX_PER_MM if self.face is None else max(self.face.w, 1.0) / _FACE_MM


def scene_of(sample: Sample, disturbance: str) -> Scene:
    """Return the scene of a sample; equal names give equal chance."""
    rng = np.random.default_rng([zlib.crc32(sample.id.encode()), zlib.crc32(disturbance.encode())])
    turn = float(rng.uniform(0, 2 * np.pi))
    return Scene(sample.face, (float(np.cos(turn)), float(np.sin(turn))), rng)


def with_frames(frame_set: FrameSet, change: Mapping[Role, Callable[[Frame], Frame]]) -> FrameSet:
    """Return ``frame_set`` with the frames of some roles changed, where they are there; the others are shared."""
    frames = {role: change[role](frame) if role in change else frame for role, frame in frame_set.frames.items()}
    return replace(frame_set, frames=MappingProxyType(frames))


def with_pictures(frame_set: FrameSet, change: Mapping[Role, Callable[[Picture], Picture]]) -> FrameSet:
    """Return ``frame_set`` with the pictures of some roles changed, near infrared's unlit one alike."""

    def changed(make: Callable[[Picture], Picture]) -> Callable[[Frame], Frame]:
        return lambda frame: replace(
            frame, image=make(frame.image), unlit=None if frame.unlit is None else make(frame.unlit)
        )

    return with_frames(frame_set, {role: changed(make) for role, make in change.items()})
