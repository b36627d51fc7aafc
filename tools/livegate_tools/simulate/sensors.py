"""From a drawn scene to what the terminal's three cameras deliver."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate_tools.simulate.camera_stage import expose, expose_nir
from livegate_tools.simulate.cameras import CameraModel
from livegate_tools.simulate.depth_sensor import DepthModel, sense_depth
from livegate_tools.simulate.renderer import Radiance

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Sensors:
    """The cameras of one terminal: colour, near infrared (its exposure follows the illuminator) and depth."""

    colour: CameraModel
    infrared: CameraModel
    depth: DepthModel


@dataclass(frozen=True, slots=True)
class RenderedFrame:
    """Pictures of one moment: rgb (H, W, 3) B, G, R; nir (H, W) uint8; depth (H, W) uint16 mm, 0 = no return.

    ``box`` is x, y, width, height of the face in YuNet's convention, None without a face; ``truth_mm`` (H, W) float32
    is the distance along the optical axis before the depth sensor.
    """

    rgb: Array
    nir: Array
    depth: Array
    box: tuple[float, float, float, float] | None
    truth_mm: Array


def capture(radiance: Radiance, sensors: Sensors, rng: np.random.Generator,
            box: tuple[float, float, float, float] | None) -> RenderedFrame:  # fmt: skip
    """Return the pictures of a drawn scene; all chance comes from ``rng``."""
    rgb = expose(radiance.rgb, sensors.colour, rng)
    nir = expose_nir(radiance.nir, _steady(sensors.infrared, radiance.nir), rng)
    depth = sense_depth(radiance, sensors.depth, rng)
    return RenderedFrame(rgb, nir, depth, box, radiance.depth_mm)


def _steady(camera: CameraModel, nir: Array) -> CameraModel:
    """Return the camera with its gain at 1: the illuminator sets the exposure, not the picture."""
    mean = float(cv2.resize(np.minimum(nir, 4.0), (32, 24), interpolation=cv2.INTER_AREA).mean())
    return replace(camera, meter_centre=0.0, meter_target=mean, exposure_ev=0.35 * camera.exposure_ev)
