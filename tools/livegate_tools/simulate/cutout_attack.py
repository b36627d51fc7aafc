"""Faces cut out of paper and worn as masks."""

from __future__ import annotations

import cv2
import numpy as np

from livegate_tools.simulate.geometry import BoxPx, Pixels
from livegate_tools.simulate.gloss import mirrored
from livegate_tools.simulate.medium import Medium, Sheet, Shown, cropped
from livegate_tools.simulate.portraits import to_encoded
from livegate_tools.simulate.printing import PrintModel, ink
from livegate_tools.simulate.relief import slopes


def cutout_medium(rng: np.random.Generator, shown: Shown, printed: PrintModel) -> Medium:
    """Return the printed face cut out along its outline, with or without eye holes, slightly bent."""
    margin = float(rng.uniform(1.02, 1.3))
    w, h = shown.box[2] * margin, shown.box[3] * margin * float(rng.uniform(1.0, 1.15))
    window = (shown.box[0] + (shown.box[2] - w) / 2, shown.box[1] + (shown.box[3] - h) * 0.65, w, h)
    part = cropped(shown, window)
    light = ink(rng, to_encoded(part.linear), printed)
    height, width = light.shape[:2]
    cx, cy = part.box[0] + part.box[2] / 2, part.box[1] + part.box[3] / 2
    x = (np.arange(width, dtype=np.float32) - cx) / max(cx, width - cx)
    y = ((np.arange(height, dtype=np.float32) - cy) / max(cy, height - cy))[:, None]
    power = float(rng.uniform(2.0, 3.4))
    wobble = 1 + float(rng.uniform(0, 0.04)) * np.sin(np.arctan2(y, x) * int(rng.integers(3, 9)) + rng.uniform(0, 6))
    radius = (np.abs(x) ** power + np.abs(y) ** power) ** (1 / power) * wobble
    share = np.clip((0.98 - radius) * 0.25 * width, 0, 1)
    edge = np.clip((radius - 0.98 + float(rng.choice([0.0, 0.0, 0.04]))) * 0.25 * width, 0, 1)[..., None]
    light = light + edge * (np.array(printed.paper, np.float32) - light)
    if rng.random() < 0.5:
        share = share * _eye_holes(rng, part.box, (height, width))
    albedo = light
    round_face = float(rng.uniform(0.0, 0.5))
    light = light * ((1 - round_face * x[None] ** 2) * float(rng.uniform(0.7, 1.2)))[..., None]
    lean = slopes(rng, (height, width))
    # Round the wearer's head, whose cheeks lean away by 45 degrees where a mask ends.
    lean[..., 0] += np.float32(2 * round_face) * x
    light = light + mirrored(rng, lean, printed.finish, None)
    outline = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float64)
    paper = Sheet(np.asarray(albedo, np.float32), lean, printed.finish.mirror)
    return Medium(np.asarray(light, np.float32), np.asarray(share, np.float32), part.box, outline, paper=paper)


def _eye_holes(rng: np.random.Generator, box: BoxPx, size: tuple[int, int]) -> Pixels:
    """Two holes where the eyes are in a frontal face: 0.3 and 0.7 across and 0.4 down the box."""
    holes = np.ones(size, np.float32)
    reach = float(rng.uniform(0.07, 0.12)) * box[2]
    for place in (0.3, 0.7):
        middle = (box[0] + place * box[2], box[1] + 0.4 * box[3])
        cv2.ellipse(holes, (middle, (2 * reach, reach * float(rng.uniform(0.9, 1.4))), 0), 0.0, -1, cv2.LINE_AA)
    return holes
