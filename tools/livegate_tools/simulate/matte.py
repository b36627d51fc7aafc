"""Cuts a person out of a portrait with a soft edge, seeded from the face box alone."""

from __future__ import annotations

import cv2
import numpy as np

from livegate_tools.simulate.geometry import BoxPx, Pixels

_WORKING_WIDTH = 120
_ROUNDS = 3


def person_matte(encoded: Pixels, box: BoxPx) -> Pixels | None:
    """Return the soft share of each pixel that belongs to the person, or None when the cut is not to be trusted.

    GrabCut (Rother et al., SIGGRAPH 2004) on a small copy: an ellipse in the face box is surely person, a head and a
    torso shape below it probably, a strip along the top and the upper sides surely not.

    Args:
        encoded: (H, W, 3) uint8.
        box: the face box in pixels, YuNet's convention.

    Returns:
        (h, 120) float32, 0..1, the whole picture on a small grid, to be enlarged by :func:`enlarged`; sides that the
        picture cuts off are rounded, so that an arm ends softly.
    """
    height, width = encoded.shape[:2]
    scale = _WORKING_WIDTH / width
    small = cv2.resize(encoded, (_WORKING_WIDTH, max(32, round(height * scale))), interpolation=cv2.INTER_AREA)
    face = (box[0] * scale, box[1] * scale, box[2] * scale, box[3] * scale)
    mask = _seed(small.shape[0], small.shape[1], face)
    state = np.zeros((1, 65), np.float64)
    cv2.setRNGSeed(1)
    cv2.grabCut(small, mask, (0, 0, 1, 1), state, state.copy(), _ROUNDS, cv2.GC_INIT_WITH_MASK)
    hard = ((mask == cv2.GC_FGD) | (mask == cv2.GC_PR_FGD)).astype(np.uint8)
    hard = _connected(hard, face)
    if not _trustworthy(hard, face):
        return None
    soft = cv2.GaussianBlur(hard.astype(np.float32), (0, 0), 1.6)
    soft = np.clip((soft - 0.35) / 0.5, 0, 1) * _rounded_sides(small.shape[0], small.shape[1], face)
    return np.asarray(soft, np.float32)


def enlarged(matte: Pixels, width: int, height: int) -> Pixels:
    """Return a small matte at its picture's size, (height, width) float32, smooth along the edge."""
    full = cv2.resize(matte, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.GaussianBlur(full, (0, 0), max(0.8, width / 400)), np.float32)


def _seed(height: int, width: int, face: BoxPx) -> Pixels:
    x, y, w, h = face
    middle = (x + w / 2, y + h / 2)
    mask = np.full((height, width), cv2.GC_PR_BGD, np.uint8)
    torso = np.array(
        [
            (middle[0] - 0.5 * w, y + h), (middle[0] + 0.5 * w, y + h),
            (middle[0] + 1.5 * w, y + 1.6 * h), (middle[0] + 1.6 * w, height),
            (middle[0] - 1.6 * w, height), (middle[0] - 1.5 * w, y + 1.6 * h),
        ]
    )  # fmt: skip
    cv2.fillPoly(mask, [np.asarray(torso, np.int32)], cv2.GC_PR_FGD)
    cv2.ellipse(mask, (middle, (1.5 * w, 1.55 * h), 0), cv2.GC_PR_FGD, -1)
    below = np.array([(middle[0] - 0.35 * w, y + 1.35 * h), (middle[0] + 0.35 * w, y + 1.35 * h)])
    cv2.fillPoly(mask, [np.asarray([*below, *(below[::-1] * (1, 0) + (0, height))], np.int32)], cv2.GC_FGD)
    cv2.ellipse(mask, (middle, (0.8 * w, 0.95 * h), 0), cv2.GC_FGD, -1)
    mask[: max(1, int(min(0.04 * height, y - 0.45 * h)))] = cv2.GC_BGD
    side = max(1, int(min(0.03 * width, x - 0.4 * w)))
    mask[: int(y + 0.8 * h), :side] = cv2.GC_BGD
    mask[: int(y + 0.8 * h), width - max(1, int(min(0.03 * width, width - x - 1.4 * w))) :] = cv2.GC_BGD
    return mask


def _connected(hard: Pixels, face: BoxPx) -> Pixels:
    """Keep only the part joined to the face, without its holes."""
    _, labels = cv2.connectedComponents(hard)
    row = min(max(int(face[1] + face[3] / 2), 0), hard.shape[0] - 1)
    column = min(max(int(face[0] + face[2] / 2), 0), hard.shape[1] - 1)
    kept = (labels == labels[row, column]).astype(np.uint8)
    outlines, _ = cv2.findContours(kept, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    cv2.drawContours(kept, outlines, -1, 1, -1)
    return np.asarray(kept, np.uint8)


def _trustworthy(hard: Pixels, face: BoxPx) -> bool:
    """A good cut fills the face, leaves the top free, stays near the head beside it and reaches the bottom."""
    height, width = hard.shape
    x, y, w, h = face
    top, bottom = max(int(y), 0), min(int(y + h), height)
    beside = hard[top:bottom]
    far = np.abs(np.arange(width) - (x + w / 2)) > 1.15 * w
    return bool(
        y > 0.12 * h
        and hard[0].mean() < 0.05
        and beside[:, max(int(x), 0) : int(x + w)].mean() > 0.9
        and (not far.any() or beside[:, far].mean() < 0.08)
        and hard[-2:].mean() > 0.15
        and height - (y + h) > 0.35 * h
    )


def _rounded_sides(height: int, width: int, face: BoxPx) -> Pixels:
    reach = 0.06 * width
    across = np.arange(width, dtype=np.float32)
    edge = np.minimum(across, width - 1 - across)
    down = np.arange(height, dtype=np.float32)[:, None]
    shoulder = face[1] + 1.3 * face[3]
    inset = reach * np.exp(-np.maximum(down - shoulder, 0) / (0.5 * face[3]))
    return np.asarray(np.clip((edge[None] - inset) / 2.0, 0, 1), np.float32)
