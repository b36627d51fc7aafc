"""Pictures of a chessboard by cameras whose lenses and places are known, drawn ray by ray."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate.geometry.calibrating.board import Board
from livegate.geometry.calibration import CalibratedCamera
from livegate.geometry.lens import directions, distorted
from livegate.geometry.tables import rotation
from livegate.types import Role
from support.rigs import turned

BOARD = Board(9, 6, 20.0)
_FINER = 3
Pose = tuple[NDArray[np.float64], NDArray[np.float64]]


def poses(cameras: Mapping[Role, CalibratedCamera], number: int, tilt: float = 38.0, seed: int = 0) -> Iterator[Pose]:
    """Yield rotations and places, in rgb's axes, at which every camera sees all of the board."""
    rng = np.random.default_rng(seed)
    found = 0
    while found < number:
        about = rng.uniform(-tilt, tilt, 2)
        turn = np.array(turned(about[0], about[1], rng.uniform(-20, 20))).reshape(3, 3)
        middle = np.array([rng.uniform(-110, 110), rng.uniform(-80, 80), rng.uniform(260, 480)])
        shift = middle - turn @ (BOARD.corners_mm.mean(axis=0))
        if all(_shows(camera, turn, shift) for camera in cameras.values()):
            found += 1
            yield turn, shift


def drawn(camera: CalibratedCamera, pose: Pose, seed: int = 0) -> NDArray[np.uint8]:
    """Return (H, W) uint8: the board of a pose before a grey wall, with a little blur and noise."""
    turn, shift = _in_axes_of(camera, pose)
    x, y = _rays(camera)
    normal = turn[:, 2]
    with np.errstate(all="ignore"):
        z = (normal @ shift) / (x * normal[0] + y * normal[1] + normal[2])
    along = np.stack([x * z - shift[0], y * z - shift[1], z - shift[2]])
    across, down = (np.tensordot(turn[:, axis], along, 1) / BOARD.square_mm for axis in (0, 1))
    on = (across > -1) & (across < BOARD.columns) & (down > -1) & (down < BOARD.rows) & (z > 0)
    paper = (across > -1.5) & (across < BOARD.columns + 0.5) & (down > -1.5) & (down < BOARD.rows + 0.5) & (z > 0)
    # The square within the first corner is dark.
    dark = on & ((np.floor(across) + np.floor(down)) % 2 == 0)
    fine = np.where(dark, 35.0, np.where(paper, 215.0, 120.0)).astype(np.float32)
    image = cv2.resize(fine, (camera.width, camera.height), interpolation=cv2.INTER_AREA)
    noise = np.random.default_rng(seed).normal(0, 1.5, image.shape)
    return np.clip(cv2.GaussianBlur(image, (0, 0), 0.6) + noise, 0, 255).round().astype(np.uint8)


def measured(camera: CalibratedCamera, pose: Pose, seed: int = 0) -> NDArray[np.uint16]:
    """Return (H, W) uint16 counts of a depth camera: the board's plane with noise of 1.5 mm, holes, a wall behind."""
    turn, shift = _in_axes_of(camera, pose)
    x, y = directions(camera)
    rng = np.random.default_rng(seed)
    normal = turn[:, 2]
    z = (normal @ shift) / (x * normal[0] + y * normal[1] + normal[2])
    along = np.stack([x * z - shift[0], y * z - shift[1], z - shift[2]])
    across, down = (np.tensordot(turn[:, axis], along, 1) / BOARD.square_mm for axis in (0, 1))
    on = (across > -1.5) & (across < BOARD.columns + 0.5) & (down > -1.5) & (down < BOARD.rows + 0.5)
    distance = np.where(on, z, 900.0) + rng.normal(0, 1.5, z.shape)
    counts = (distance - camera.offset_mm) / camera.unit_mm
    counts[rng.random(counts.shape) < 0.05] = 0
    return np.clip(counts, 0, 65534).round().astype(np.uint16)


def write_views(folder: Path, cameras: Mapping[Role, CalibratedCamera], number: int = 16, **how: Any) -> Path:
    """Write a folder a role with what each camera sees; return ``folder``."""
    pictured = {role: camera for role, camera in cameras.items() if role is not Role.DEPTH}
    for role in cameras:
        (folder / role).mkdir(parents=True)
    for n, pose in enumerate(poses(pictured, number, **how)):
        for role, camera in cameras.items():
            image = measured(camera, pose, n) if role is Role.DEPTH else drawn(camera, pose, n)
            if role in (Role.RGB, Role.RGB_RIGHT):
                image = np.repeat(image[..., None], 3, axis=2)
            assert cv2.imwrite(str(folder / role / f"view{n:02}.png"), image)
    return folder


def _in_axes_of(camera: CalibratedCamera, pose: Pose) -> Pose:
    back = rotation(camera).T
    return back @ pose[0], back @ (pose[1] - np.array(camera.translation_mm))


def _shows(camera: CalibratedCamera, turn: NDArray[Any], shift: NDArray[Any]) -> bool:
    turn, shift = _in_axes_of(camera, (turn, shift))
    edge = np.array([[-1, -1], [-1, BOARD.rows], [BOARD.columns, -1], [BOARD.columns, BOARD.rows]]) * BOARD.square_mm
    points = np.column_stack([edge, np.zeros(4)]) @ turn.T + shift
    u, v = distorted(points[:, 0] / points[:, 2], points[:, 1] / points[:, 2], camera.distortion)
    u, v = u * camera.fx + camera.cx, v * camera.fy + camera.cy
    return bool((u > 3).all() and (u < camera.width - 4).all() and (v > 3).all() and (v < camera.height - 4).all())


@cache
def _rays(camera: CalibratedCamera) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    finer = replace(
        camera,
        width=camera.width * _FINER,
        height=camera.height * _FINER,
        fx=camera.fx * _FINER,
        fy=camera.fy * _FINER,
        cx=camera.cx * _FINER + (_FINER - 1) / 2,
        cy=camera.cy * _FINER + (_FINER - 1) / 2,
    )
    return directions(finer)
