"""Planes seen by a pinhole camera, and face boxes carried through warps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels: TypeAlias = NDArray[Any]
BoxPx: TypeAlias = tuple[float, float, float, float]
Warp: TypeAlias = Callable[[Pixels], Pixels]

FOCAL_PX = 704.0


def plane_to_frame(
    size: tuple[float, float],
    centre: tuple[float, float],
    scale: float,
    angles_deg: tuple[float, float, float],
    focal_px: float = FOCAL_PX,
) -> Pixels:
    """Return the 3x3 homography from a flat medium's pixels to the frame's.

    Args:
        size: width and height of the medium in its own pixels; it turns about its middle.
        centre: where its middle lands in the frame, pixels.
        scale: frame pixels per medium pixel at its middle.
        angles_deg: yaw, pitch and roll in degrees.
        focal_px: the camera's focal length, taken as 1.1 frame widths of 640 px where it does not matter.
    """
    yaw, pitch, roll = np.deg2rad(angles_deg)
    about_y = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    about_z = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    turn = about_z @ about_y @ about_x
    focal = focal_px
    columns = np.column_stack([turn[:, 0] * scale, turn[:, 1] * scale, [0, 0, focal]])
    project = np.array([[focal, 0, centre[0]], [0, focal, centre[1]], [0, 0, 1]])
    shift = np.array([[1, 0, -size[0] / 2], [0, 1, -size[1] / 2], [0, 0, 1]])
    matrix = project @ columns @ shift
    return np.asarray(matrix / matrix[2, 2], np.float64)


def through(matrix: Pixels) -> Warp:
    """Return the warp of (N, 2) points that a 3x3 homography makes."""

    def warp(points: Pixels) -> Pixels:
        return np.asarray(cv2.perspectiveTransform(np.asarray(points, np.float64)[None], matrix)[0])

    return warp


def map_box(box: BoxPx, warp: Warp) -> BoxPx:
    """Return the axis-parallel box (x, y, w, h) round the warped ellipse that is inscribed in ``box``.

    An ellipse, not the corners: a face turned in the picture keeps the size a detector gives it.
    """
    x, y, w, h = box
    turn = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    seen = warp(np.column_stack([x + w / 2 * (1 + np.cos(turn)), y + h / 2 * (1 + np.sin(turn))]))
    (left, top), (right, bottom) = seen.min(axis=0), seen.max(axis=0)
    return float(left), float(top), float(right - left), float(bottom - top)


def inside_share(box: BoxPx, width: int, height: int) -> float:
    """Return the share (0..1) of a box that lies inside a width x height picture."""
    x, y, w, h = box
    across = max(0.0, min(x + w, width) - max(x, 0.0))
    down = max(0.0, min(y + h, height) - max(y, 0.0))
    return across * down / max(w * h, 1e-9)


def warp_picture(picture: Pixels, matrix: Pixels, size: tuple[int, int], border: int) -> Pixels:
    """Return ``picture`` through a homography, averaged first where it shrinks, so that nothing aliases.

    Args:
        picture: (H, W) or (H, W, C) float32.
        matrix: 3x3, picture pixels to output pixels.
        size: width and height of the output.
        border: an OpenCV border mode; constant is 0.
    """
    height, width = picture.shape[:2]
    scale = _scale_at(matrix, (width / 2, height / 2))
    if scale < 0.7:
        small = (max(2, round(width * scale * 1.25)), max(2, round(height * scale * 1.25)))
        picture = cv2.resize(picture, small, interpolation=cv2.INTER_AREA)
        matrix = matrix @ np.diag([width / small[0], height / small[1], 1.0])
    flags = cv2.INTER_CUBIC if scale > 1.2 else cv2.INTER_LINEAR
    warped = cv2.warpPerspective(picture, matrix, size, flags=flags, borderMode=border)
    # Cubic sampling rings below zero beside bright edges, and no light is negative.
    return np.asarray(np.maximum(warped, 0), np.float32)


def _scale_at(matrix: Pixels, point: tuple[float, float]) -> float:
    x, y = point
    a, b, c = through(matrix)(np.array([(x, y), (x + 1, y), (x, y + 1)]))
    return float(max(np.hypot(*(b - a)), np.hypot(*(c - a))))
