"""What an attack is presented on: the picture's own capture, and a medium as a layer of light with an outline."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import cv2
import numpy as np

from livegate_tools.simulate.camera_stage import expose
from livegate_tools.simulate.cameras import draw_camera
from livegate_tools.simulate.geometry import BoxPx, Pixels, warp_picture
from livegate_tools.simulate.held_out import Split
from livegate_tools.simulate.portraits import to_linear


@dataclass(frozen=True, slots=True)
class Shown:
    """The attacker's picture at its final size: ``linear`` (h, w, 3) float32 0..1 and the face's box in it."""

    linear: Pixels
    box: BoxPx


@dataclass(frozen=True, slots=True)
class Sheet:
    """A printed sheet before light: ``albedo`` (h, w, 3), tangents of its normals (h, w, 2), mirror share."""

    albedo: Pixels
    lean: Pixels
    mirror: float


@dataclass(frozen=True, slots=True)
class Medium:
    """A flat or bent thing held before the camera, in its own pixels (about one per frame pixel).

    ``light`` (h, w, 3) float32 is what leaves it, 1.0 = white paper under the key light; ``share`` (h, w) 0..1 how much
    of each pixel it covers; ``box`` the face on it; ``outline`` (4, 2) its visible corners; ``grid_px`` the pitch of
    resolvable screen pixels in medium pixels, or None; ``finger`` the width of a finger against its shorter side;
    ``device`` the kind of display, None for paper; ``paper`` is what a sheet is apart from the light on it, or None.
    """

    light: Pixels
    share: Pixels
    box: BoxPx
    outline: Pixels
    grid_px: float | None = None
    finger: float = 0.12
    device: str | None = None
    paper: Sheet | None = None


def capture_shown(rng: np.random.Generator, seen_by_attacker: Shown, split: Split, face_px: float) -> Shown:
    """Return the picture an attacker took: through a camera of its own, scaled so that the face is ``face_px`` wide.

    It is a camera whose pictures please: clean blacks, full colours; three in five have hardly any noise of their own.
    """
    picture, box = seen_by_attacker.linear, seen_by_attacker.box
    scale = face_px / box[2]
    width = max(32, round(picture.shape[1] * scale / 2) * 2)
    height = max(32, round(picture.shape[0] * scale / 2) * 2)
    matrix = np.diag([scale, scale, 1.0])
    seen = warp_picture(picture, matrix, (width, height), cv2.BORDER_REPLICATE)
    camera = dataclasses.replace(
        draw_camera(rng, split),
        flare=0.0,
        colour_repair=1.0,
        resolution=1.0,
        black=float(rng.uniform(-0.03, 0.01)),
        contrast=float(rng.uniform(0.1, 0.8)),
        saturation=float(rng.uniform(0.9, 1.5)),
    )
    if rng.random() < 0.6:
        camera = dataclasses.replace(camera, electrons=9000.0, lens_sigma_px=0.3, jpeg_quality=95, exposure_ev=0.1)
    taken = to_linear(cv2.cvtColor(expose(seen, camera, rng), cv2.COLOR_BGR2RGB))
    x, y, w, h = box
    box = (x * scale, y * scale, w * scale, h * scale)
    if rng.random() < 0.5:
        taken = np.ascontiguousarray(taken[:, ::-1])
        box = (width - box[0] - box[2], *box[1:])
    return Shown(taken, box)


def cropped(shown: Shown, window: BoxPx) -> Shown:
    """Return the part of a shown picture inside ``window`` (x, y, w, h), as far as the picture reaches."""
    height, width = shown.linear.shape[:2]
    left, top = max(0, int(window[0])), max(0, int(window[1]))
    right, bottom = min(width, int(window[0] + window[2])), min(height, int(window[1] + window[3]))
    box = (shown.box[0] - left, shown.box[1] - top, shown.box[2], shown.box[3])
    return Shown(shown.linear[top:bottom, left:right], box)


def around_face(rng: np.random.Generator, shown: Shown, size: tuple[float, float]) -> BoxPx:
    """Return a window of ``size`` with the face a little off its middle, inside the picture if it can be."""
    height, width = shown.linear.shape[:2]
    x = shown.box[0] + shown.box[2] / 2 + float(rng.uniform(-0.12, 0.12)) * size[0] - size[0] / 2
    y = shown.box[1] + shown.box[3] / 2 + float(rng.uniform(-0.1, 0.15)) * size[1] - size[1] / 2
    if width > size[0]:
        x = float(np.clip(x, 0, width - size[0]))
    if height > size[1]:
        y = float(np.clip(y, 0, height - size[1]))
    return x, y, size[0], size[1]
