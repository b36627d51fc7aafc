"""Which pictures of an attack are kept, and how much of each: the presented face and what holds it, nobody else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.types import NS_PER_MS, Attempt, Box, Observation, Role

# The right picture of a stereo pair is left out: the face stands elsewhere in it, and the pair's left one shows it.
ROLES = (Role.RGB, Role.NIR, Role.DEPTH)
FRAMES = 3
# The edge of a print, the bezel of a screen and the fingers that hold them lie within half a face around it.
AROUND = 1.6
# What a single picture may hold; a face that fills a large sensor is cut about its centre.
MAX_SIDE_PX = 1_024


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A piece of one sensor's picture: its own copy, its place (x, y) in the whole, and when within the attempt."""

    role: Role
    image: NDArray[Any]
    x: int
    y: int
    since_start_ms: float


def cut(attempt: Attempt, *, alone: bool) -> tuple[Picture, ...]:
    """Return the presented face in at most :data:`FRAMES` moments of ``attempt``, spread over it, in every sensor.

    ``alone`` says that no other face was in view: then what surrounds the face is kept too (:data:`AROUND` times its
    box), else only the box itself, so that a person who stands by is not kept.
    """
    scale = AROUND if alone and not any(seen.others for seen in attempt.observations) else 1.0
    pieces = []
    for seen in _spread(attempt.observations):
        since_ms = (seen.frame_set.captured_ns - attempt.started_ns) / NS_PER_MS
        pieces += [piece for role in ROLES if (piece := _piece(seen, role, scale, since_ms)) is not None]
    return tuple(pieces)


def _spread(observations: tuple[Observation, ...]) -> tuple[Observation, ...]:
    """Return the first, the last, and what lies evenly between, oldest first."""
    count = min(FRAMES, len(observations))
    at = np.unique(np.linspace(0, len(observations) - 1, count).round().astype(int))
    return tuple(observations[index] for index in at)


def _piece(seen: Observation, role: Role, scale: float, since_ms: float) -> Picture | None:
    image, rgb = seen.frame_set.image(role), seen.frame_set.image(Role.RGB)
    # The face's box is in pixels of rgb: another sensor shows it there only if it is registered to it.
    if image is None or rgb is None or image.shape[:2] != rgb.shape[:2]:
        return None
    left, top, right, bottom = _corners(seen.face.box, scale, image.shape[1], image.shape[0])
    if left >= right or top >= bottom:
        return None
    return Picture(role, image[top:bottom, left:right].copy(), left, top, since_ms)


def _corners(box: Box, scale: float, width: int, height: int) -> tuple[int, int, int, int]:
    """Return left, top, right, bottom of the box scaled about its centre, within the picture and the largest size."""
    x, y = box.x + box.w / 2, box.y + box.h / 2
    half_w, half_h = (min(side * scale, MAX_SIDE_PX) / 2 for side in (box.w, box.h))
    left, right = (int(np.clip(x + side, 0, width)) for side in (-half_w, half_w))
    top, bottom = (int(np.clip(y + side, 0, height)) for side in (-half_h, half_h))
    return left, top, right, bottom
