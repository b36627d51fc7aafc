"""A rig calibration from views of a board: every step in its order, and what it came to."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from livegate.errors import CalibrationError
from livegate.geometry.calibrating.board import Board
from livegate.geometry.calibrating.scale import Scale, check_view, scale_of
from livegate.geometry.calibrating.solve import Lens, Place, lens_of, place_of
from livegate.geometry.calibrating.views import View, devices, sizes
from livegate.geometry.calibration import IDENTITY, MADE_FORMAT, CalibratedCamera, RigCalibration
from livegate.types import Role


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What the pictures do not tell."""

    most_rms_px: float = 1.0
    depth_view: Role | None = None
    """The role whose pixels the depth's are; None for nir where it has depth's size, else rgb where that has."""
    terminal: str | None = None
    temperature_c: float | None = None
    nominal_mm: float = 500.0


@dataclass(frozen=True, slots=True)
class Made:
    """A calibration, how many views of each role it rests on, and what was left over of depth."""

    calibration: RigCalibration
    views: Mapping[Role, int]
    scale: Scale | None = None


def make(views: Sequence[View], board: Board, circumstances: Circumstances) -> Made:
    """Return the calibration of the cameras that ``views`` are of; CalibrationError, with a remedy, for bad data."""
    found, serials, most_rms_px = sizes(views), devices(views), circumstances.most_rms_px
    pictured = (Role.RGB, Role.NIR, Role.RGB_RIGHT)
    lenses: dict[Role, Lens] = {
        role: lens_of(role, views, board, found[role], most_rms_px)
        for role in pictured
        if role in found or role is Role.RGB
    }
    places = {role: place_of(role, views, board, lenses, most_rms_px) for role in lenses.keys() - {Role.RGB}}
    cameras: dict[Role, CalibratedCamera] = {
        role: _camera(lens, places.get(role), serials.get(role)) for role, lens in lenses.items()
    }
    scale = None
    if Role.DEPTH in found:
        through = _depth_view(found, circumstances.depth_view)
        scale = scale_of(views, board, lenses[through], through)
        for other in _alike(found):
            if other is not through:
                _compare(views, board, lenses, (scale, through), other)
        cameras[Role.DEPTH] = replace(
            cameras[through], device=serials[Role.DEPTH], unit_mm=scale.unit_mm, offset_mm=scale.offset_mm
        )
    calibration = RigCalibration(
        made=time.strftime(MADE_FORMAT, time.gmtime()),
        rms_px=max(camera.rms_px or 0.0 for camera in cameras.values()),
        rgb=cameras[Role.RGB],
        terminal=circumstances.terminal,
        temperature_c=circumstances.temperature_c,
        views=len(lenses[Role.RGB].views),
        nominal_mm=circumstances.nominal_mm,
    )
    return Made(calibration.with_cameras(cameras), {role: len(lens.views) for role, lens in lenses.items()}, scale)


def _camera(lens: Lens, place: Place | None, device: str | None) -> CalibratedCamera:
    camera = CalibratedCamera(
        *lens.size,
        fx=float(lens.matrix[0, 0]),
        fy=float(lens.matrix[1, 1]),
        cx=float(lens.matrix[0, 2]),
        cy=float(lens.matrix[1, 2]),
        distortion=tuple(float(value) for value in lens.distortion),
        rotation=IDENTITY,
        device=device,
        rms_px=lens.rms_px,
    )
    if place is None:
        return camera
    return replace(
        camera,
        rotation=tuple(float(value) for value in place.rotation.ravel()),
        translation_mm=tuple(float(value) for value in place.translation_mm),
        rms_px=max(lens.rms_px, place.rms_px),
    )


def _compare(
    views: Sequence[View], board: Board, lenses: Mapping[Role, Lens], taken: tuple[Scale, Role], other: Role
) -> None:
    try:
        by_other = scale_of(views, board, lenses[other], other)
    except CalibrationError:
        return
    check_view(*taken, by_other, other)


def _alike(found: Mapping[Role, tuple[int, int]]) -> list[Role]:
    return [role for role in (Role.NIR, Role.RGB) if found.get(role) == found[Role.DEPTH]]


def _depth_view(found: Mapping[Role, tuple[int, int]], asked: Role | None) -> Role:
    """Return the role whose pixels the depth's are: a depth camera shows no corners of its own."""
    alike = _alike(found)
    if asked is not None and asked not in alike:
        raise CalibrationError(
            f"--depth-view {asked}: expected pictures of it of depth's size, "
            f"{found[Role.DEPTH][0]}x{found[Role.DEPTH][1]}; record them from the same view as depth"
        )
    if not alike:
        raise CalibrationError(
            "depth: there are no nir or rgb pictures of its size, so nothing shows the board on its pixels; "
            "record the depth camera's own infrared picture as nir, or leave depth out"
        )
    return asked or alike[0]
