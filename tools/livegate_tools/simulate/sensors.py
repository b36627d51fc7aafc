"""From a drawn scene to what the terminal's cameras deliver."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate_tools.simulate.camera_stage import expose, expose_nir, exposure_gain
from livegate_tools.simulate.cameras import CameraModel, draw_camera
from livegate_tools.simulate.depth_kinds import DepthKind, DepthSensor, draw_depth_sensor, kind_of, sense
from livegate_tools.simulate.held_out import Split
from livegate_tools.simulate.moments import Timing, displaced
from livegate_tools.simulate.renderer import Radiance
from livegate_tools.simulate.stereo_view import StereoPair, draw_pair, expose_right

Array = NDArray[Any]

_PAIRED_LAMPS = 0.5
# How often exposure has not caught up with the face; linear levels that its brighter parts are kept between.
_LATE = 0.1
_FACE_LEVELS = (0.15, 0.75)
_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
_BRIGHTEST = 0.7
_ROOMS = ((0.55, (0.0, 0.12)), (0.3, (0.12, 0.5)), (0.15, (0.5, 3.0)))


@dataclass(frozen=True, slots=True)
class Sensors:
    """The cameras of one terminal: colour, near infrared (its exposure follows the illuminator) and depth.

    ``right`` is the second colour camera, None where there is none; ``pairs`` whether the illuminator goes dark for
    every other near-infrared picture; ``timing`` how far the pictures of a moment are apart, None for not at all.
    """

    colour: CameraModel
    infrared: CameraModel
    depth: DepthSensor
    right: StereoPair | None = None
    pairs: bool = False
    timing: Timing | None = None

    @property
    def depth_kind(self) -> DepthKind:
        """How the depth camera measures."""
        return kind_of(self.depth)


@dataclass(frozen=True, slots=True)
class RenderedFrame:
    """Pictures of one moment: rgb (H, W, 3) B, G, R; nir (H, W) uint8; depth (H, W) uint16 mm, 0 = no return.

    ``box`` is x, y, width, height of the face in YuNet's convention, None without a face; ``truth_mm`` (H, W) float32
    is the distance along the optical axis before the depth sensor. ``rgb_right`` (H, W, 3) is the second colour
    camera's picture, ``nir_unlit`` (H, W) near infrared a moment before with the lamp dark; None where there is none.
    """

    rgb: Array
    nir: Array
    depth: Array
    box: tuple[float, float, float, float] | None
    truth_mm: Array
    rgb_right: Array | None = None
    nir_unlit: Array | None = None


def draw_sensors(rng: np.random.Generator, split: Split, timing: Timing | None) -> Sensors:
    """Return a terminal's cameras, with constants of the split's own strips."""
    return Sensors(draw_camera(rng, split), draw_camera(rng, split), draw_depth_sensor(rng, split),
                   draw_pair(rng, split), bool(rng.random() < _PAIRED_LAMPS), timing)  # fmt: skip


def draw_ambient(rng: np.random.Generator) -> float:
    """Return how much near infrared the room has, 1 = as much as the lamp gives at its distance.

    Most rooms have hardly any, three in ten daylight from aside, three in twenty stand behind a window in the sun, up
    to three times the lamp's light (assumed; logarithmic).
    """
    shares = [share for share, _ in _ROOMS]
    low, high = _ROOMS[int(rng.choice(len(shares), p=shares))][1]
    return float(rng.uniform(low, high)) if low == 0 else float(np.exp(rng.uniform(np.log(low), np.log(high))))


def capture(radiance: Radiance, sensors: Sensors, rng: np.random.Generator,
            box: tuple[float, float, float, float] | None) -> RenderedFrame:  # fmt: skip
    """Return the pictures of a drawn scene; all chance comes from ``rng``."""
    colour = sensors.colour
    if box is not None and rng.random() > _LATE:
        colour = exposed_for(colour, radiance.rgb, box)
    rgb = expose(radiance.rgb, colour, rng)
    when = sensors.timing
    lit = radiance if when is None else displaced(radiance, when.nir)
    gain = _gain(lit.nir)
    nir = expose_nir(lit.nir, _steady(sensors.infrared, lit.nir, gain), rng)
    unlit = None
    if sensors.pairs:
        dark = radiance if when is None else displaced(radiance, when.unlit)
        unlit = expose_nir(dark.ambient, _steady(sensors.infrared, dark.ambient, gain), rng)
    depth = sense(sensors.depth, radiance if when is None else displaced(radiance, when.depth), rng)
    right = None
    if sensors.right is not None and radiance.right is not None:
        right = expose_right(radiance.right, colour, sensors.right, rng)
    return RenderedFrame(rgb, nir, depth, box, radiance.depth_mm, right, unlit)


def exposed_for(camera: CameraModel, light: Array, box: tuple[float, float, float, float]) -> CameraModel:
    """Return the camera as a terminal sets it that exposes for the face in ``box``: neither drowned nor in the dark."""
    x, y, w, h = box
    luma = light @ _LUMA
    face = luma[max(int(y + 0.2 * h), 0) : int(y + 0.8 * h), max(int(x + 0.2 * w), 0) : int(x + 0.8 * w)]
    if not face.size:
        return camera
    level = max(exposure_gain(luma, camera) * float(np.percentile(face, 80)), 1e-4)
    return replace(camera, exposure_ev=camera.exposure_ev + float(np.log2(np.clip(level, *_FACE_LEVELS) / level)))


def extra_fields(sensors: Sensors) -> dict[str, Any]:
    """Return what a manifest says of a terminal's sensors besides the pictures' paths."""
    baseline = None if sensors.right is None else sensors.right.baseline_mm
    return {"baseline_mm": baseline, "depth_kind": str(sensors.depth_kind)}


def _gain(nir: Array) -> float:
    """The illuminator sets the exposure, not the picture; only where the room drowns its light, less is let in."""
    small = cv2.resize(nir, (64, 48), interpolation=cv2.INTER_AREA)
    return float(min(1.0, _BRIGHTEST / max(float(np.percentile(small, 90)), 1e-3)))


def _steady(camera: CameraModel, nir: Array, gain: float) -> CameraModel:
    """Return the camera with a fixed gain, whatever the picture shows."""
    mean = float(cv2.resize(np.minimum(nir, 4.0), (32, 24), interpolation=cv2.INTER_AREA).mean())
    target = gain * max(mean, 1e-4)
    return replace(camera, meter_centre=0.0, meter_target=target, exposure_ev=0.35 * camera.exposure_ev)
