"""Every camera of one calibration, put onto rgb's pixels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from livegate.geometry.calibration import RigCalibration
from livegate.geometry.rectify import rectified
from livegate.geometry.registering import DepthOnto, GreyOnto, Straightened, Surface
from livegate.types import Frame, Intrinsics, Role


class Placer:
    """Knows the ways onto rgb's pixels of one calibration, for the roles there are. One thread at a time."""

    def __init__(self, calibration: RigCalibration, roles: frozenset[Role]) -> None:
        cameras = {role: camera for role, camera in calibration.cameras.items() if role in roles | {Role.RGB}}
        eye, right = cameras[Role.RGB], cameras.get(Role.RGB_RIGHT)
        self._colour: dict[Role, Callable[[NDArray[Any]], NDArray[Any]]] = {}
        self._baseline_mm: float | None = None
        if right is not None:
            pair = rectified(eye, right)
            self._baseline_mm = pair.baseline_mm
            self._colour = {Role.RGB: Straightened(eye, pair.left), Role.RGB_RIGHT: Straightened(right, pair.right)}
            eye = pair.left
        self._pinhole: Intrinsics = eye.pinhole
        self._depth = DepthOnto(cameras[Role.DEPTH], eye) if Role.DEPTH in cameras else None
        self._nir = GreyOnto(cameras[Role.NIR], eye) if Role.NIR in cameras else None
        self._surface = Surface(eye, calibration.nominal_mm) if self._nir is not None else None

    def placed(self, frames: Mapping[Role, Frame]) -> dict[Role, Frame]:
        """Return the frames, all of this calibration's cameras, on rgb's pixels."""
        placed = {role: replace(frame, intrinsics=self._pinhole) for role, frame in frames.items()}
        for role in self._colour.keys() & frames.keys():
            placed[role] = replace(placed[role], image=self._colour[role](frames[role].image))
        if Role.RGB_RIGHT in placed:
            placed[Role.RGB_RIGHT] = replace(placed[Role.RGB_RIGHT], baseline_mm=self._baseline_mm)
        if self._depth is not None and Role.DEPTH in placed:
            placed[Role.DEPTH] = replace(placed[Role.DEPTH], image=self._depth(frames[Role.DEPTH].image))
        if self._nir is not None and self._surface is not None and Role.NIR in placed:
            depth = placed.get(Role.DEPTH)
            placed[Role.NIR] = _seen_through(
                placed[Role.NIR], self._nir, self._surface.of(None if depth is None else depth.image)
            )
        return placed


def _seen_through(nir: Frame, way: GreyOnto, surface: NDArray[Any]) -> Frame:
    paired = nir.unlit is not None and (nir.unlit.shape, nir.unlit.dtype) == (nir.image.shape, nir.image.dtype)
    unlit = way(nir.unlit, surface) if nir.unlit is not None and paired else None
    return replace(nir, image=way(nir.image, surface), unlit=unlit)
