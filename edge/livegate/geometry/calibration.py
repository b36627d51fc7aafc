"""A rig calibration as values: how each camera of a terminal sees, and where it stands to the rgb camera.

Axes are OpenCV's: x to the right, y down, z forward along the optical axis, in millimetres; the centre of the first
pixel is (0, 0). A point P in a camera's own axes lies at ``rotation`` P + ``translation_mm`` in rgb's axes. Lenses are
pinholes with Brown-Conrady distortion (k1, k2, p1, p2, k3).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated

from livegate.options import Between, Matches
from livegate.types import Intrinsics, Role

Text = Annotated[str, Matches(r"[^\x00-\x1f\x7f]{1,200}")]
Pixels = Annotated[int, Between(16, 4_096)]
Focal = Annotated[float, Between(8, 100_000)]
Centre = Annotated[float, Between(-100_000, 100_000)]
MADE_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class CalibratedCamera:
    """One camera: table [rgb], [nir], [depth] or [rgb_right] of the file."""

    width: Pixels
    height: Pixels
    fx: Focal
    fy: Focal
    cx: Centre
    cy: Centre
    distortion: tuple[Annotated[float, Between(-1_000, 1_000)], ...] = (0.0, 0.0, 0.0, 0.0, 0.0)
    rotation: tuple[Annotated[float, Between(-1.0001, 1.0001)], ...] = IDENTITY
    """3 x 3, row by row."""
    translation_mm: tuple[Annotated[float, Between(-5_000, 5_000)], ...] = (0.0, 0.0, 0.0)
    device: Text | None = None
    """The serial number of the device it was made with, None for one that has none."""
    unit_mm: Annotated[float, Between(0.001, 100)] = 1.0
    """depth only: millimetres a count, as the driver delivers them; the driver gives millimetres, so this is near 1."""
    offset_mm: Annotated[float, Between(-500, 500)] = 0.0
    """depth only: added to every distance."""
    rms_px: Annotated[float, Between(0, 100)] | None = None
    """Reprojection error of this camera."""
    noise: Annotated[float, Between(0, 10_000)] | None = None
    """Standard deviation over time of a pixel of a still scene, in grey levels, as it lies on rgb's pixels."""

    @property
    def pinhole(self) -> Intrinsics:
        """The lens without its distortion."""
        return Intrinsics(self.fx, self.fy, self.cx, self.cy, self.width, self.height)


@dataclass(frozen=True, slots=True)
class RigCalibration:
    """A calibration file. ``made`` is when, in UTC."""

    made: Annotated[str, Matches(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")]
    rgb: CalibratedCamera
    nir: CalibratedCamera | None = None
    depth: CalibratedCamera | None = None
    rgb_right: CalibratedCamera | None = None
    rms_px: Annotated[float, Between(0, 100)] | None = None
    """The largest reprojection error of a camera, None where a maker tells none."""
    terminal: Text | None = None
    temperature_c: Annotated[float, Between(-60, 120)] | None = None
    """Of the cameras when it was made, where anybody knew it: lenses move as they warm."""
    views: Annotated[int, Between(1, 10_000)] | None = None
    nominal_mm: Annotated[float, Between(50, 10_000)] = 500.0
    """Where a face is taken to stand where no depth says so."""

    @property
    def cameras(self) -> Mapping[Role, CalibratedCamera]:
        """The cameras it holds for, by role."""
        every = {Role.RGB: self.rgb, Role.NIR: self.nir, Role.DEPTH: self.depth, Role.RGB_RIGHT: self.rgb_right}
        return {role: camera for role, camera in every.items() if camera is not None}

    def with_cameras(self, cameras: Mapping[Role, CalibratedCamera]) -> RigCalibration:
        """Return the same calibration of other ``cameras``, rgb among them."""
        return replace(
            self,
            rgb=cameras[Role.RGB],
            nir=cameras.get(Role.NIR),
            depth=cameras.get(Role.DEPTH),
            rgb_right=cameras.get(Role.RGB_RIGHT),
        )
