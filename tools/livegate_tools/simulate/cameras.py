"""Whose camera it is: webcams, terminal modules and good cameras, and the constants of each."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TypedDict

import numpy as np

from livegate_tools.simulate.held_out import Split, draw_constant

CAMERAS_PER_SPLIT = {Split.TRAIN: 600, Split.DEV: 120, Split.TEST: 120}
BAYER_ORDERS = ("rggb", "bggr", "grbg", "gbrg")


class CameraKind(enum.StrEnum):
    """The three sorts of cameras; which one a device is follows from its number."""

    WEBCAM = "webcam"
    MODULE = "module"
    GOOD = "good"


_KINDS = (CameraKind.WEBCAM,) * 5 + (CameraKind.MODULE,) * 3 + (CameraKind.GOOD,) * 2


@dataclass(frozen=True, slots=True)
class CameraModel:
    """The constants of one camera and of the moment it was used.

    ``lens_sigma_px`` and ``fringe`` (relative magnification of red against blue) are the lens's; ``vignette`` is the
    light lost in the corners (0..1), ``flare`` the share of the mean light that the glass spreads over everything;
    ``resolution`` the sensor's pixels a side against the delivered picture's (below 1 it is enlarged);
    ``meter_target`` the mean linear grey that auto exposure aims at, ``meter_centre`` 0 for the whole picture .. 1 for
    its middle, ``exposure_ev`` the error in stops; ``white_strength`` how far grey-world white balance goes and
    ``white_tint`` the (red, blue) gains left over; ``crosstalk`` how far the colour filters overlap and
    ``colour_repair`` how much of that the colour matrix undoes; ``electrons`` at saturation in good light,
    ``read_electrons`` RMS; ``gamma``, ``contrast``, ``shoulder`` and ``black`` shape the tone curve; ``saturation`` 1
    keeps; ``denoise`` and ``sharpen`` 0 for none, ``halo_px`` the radius of sharpening; ``jpeg_quality`` 1..100 (MJPEG
    for webcams), ``resaved_quality`` that of a second compression, 0 for none.
    """

    camera_id: str
    bayer: str
    edge_aware: bool
    lens_sigma_px: float
    fringe: float
    vignette: float
    flare: float
    resolution: float
    meter_target: float
    meter_centre: float
    exposure_ev: float
    white_strength: float
    white_tint: tuple[float, float]
    crosstalk: float
    colour_repair: float
    electrons: float
    read_electrons: float
    gamma: float
    contrast: float
    shoulder: float
    black: float
    saturation: float
    denoise: float
    sharpen: float
    halo_px: float
    jpeg_quality: int
    resaved_quality: int


# Portraits are pictures already, with a tone curve and colours of their own: what a camera adds is what is left over.
# Ranges that took a living face for a recapture, in the eyes of networks taught on real ones, were narrowed.
_RANGES: dict[CameraKind, dict[str, tuple[float, float]]] = {
    CameraKind.WEBCAM: {
        "lens_sigma_px": (0.3, 0.95), "flare": (0.0, 0.04), "contrast": (-0.1, 0.3), "black": (-0.03, 0.02),
        "saturation": (0.75, 1.3), "denoise": (0.0, 0.8), "sharpen": (0.1, 1.5), "halo_px": (0.8, 1.6),
    },
    CameraKind.MODULE: {
        "lens_sigma_px": (0.3, 0.85), "flare": (0.0, 0.03), "contrast": (-0.1, 0.25), "black": (-0.02, 0.02),
        "saturation": (0.75, 1.25), "denoise": (0.0, 0.7), "sharpen": (0.0, 1.1), "halo_px": (1.0, 1.2),
    },
    CameraKind.GOOD: {
        "lens_sigma_px": (0.25, 0.6), "flare": (0.0, 0.01), "contrast": (-0.05, 0.2), "black": (-0.02, 0.01),
        "saturation": (0.9, 1.2), "denoise": (0.0, 0.4), "sharpen": (0.0, 1.0), "halo_px": (0.8, 1.2),
    },
}  # fmt: skip
# Electrons at saturation, error of the exposure in stops (mean, deviation), JPEG quality: the moment's, not a device's.
_MOMENTS = {
    CameraKind.WEBCAM: ((800.0, 9000.0), (0.2, 0.4), (55, 95)),
    CameraKind.MODULE: ((900.0, 9000.0), (0.2, 0.35), (70, 97)),
    CameraKind.GOOD: ((2500.0, 9000.0), (0.15, 0.3), (78, 98)),
}


class _Moment(TypedDict):
    electrons: float
    exposure_ev: float
    jpeg_quality: int
    resaved_quality: int


def draw_camera(rng: np.random.Generator, split: Split | str, kind: CameraKind | None = None) -> CameraModel:
    """Return one of the split's cameras in a random state (exposure error, light level, JPEG quality).

    Args:
        rng: the only source of chance; equal states give equal cameras.
        split: "train", "dev" or "test"; no camera and no constant is shared between them.
        kind: only cameras of this kind; None for any.
    """
    split = Split(split)
    number = int(rng.integers(CAMERAS_PER_SPLIT[split]))
    if kind is not None:
        places = [place for place, owned in enumerate(_KINDS) if owned is kind]
        number += places[int(rng.integers(len(places)))] - number % len(_KINDS)
    kind = _KINDS[number % len(_KINDS)]
    device = np.random.default_rng([list(Split).index(split), number])

    def constant(low: float, high: float) -> float:
        return draw_constant(device, low, high, split)

    own = {name: constant(low, high) for name, (low, high) in _RANGES[kind].items()}
    return CameraModel(
        camera_id=f"{split}-{number}",
        bayer=str(device.choice(list(BAYER_ORDERS))),
        edge_aware=bool(device.random() < 0.5),
        resolution=constant(0.65, 0.95) if kind is CameraKind.WEBCAM and device.random() < 0.15 else 1.0,
        fringe=constant(-0.0012, 0.0012),
        vignette=constant(0.0, 0.35),
        meter_target=constant(0.16, 0.34),
        meter_centre=constant(0.0, 1.0),
        white_strength=constant(0.3, 0.95),
        white_tint=(constant(0.93, 1.08), constant(0.93, 1.08)),
        crosstalk=constant(0.05, 0.18),
        colour_repair=constant(0.75, 1.0),
        read_electrons=constant(2.0, 9.0),
        gamma=constant(2.0, 2.4),
        shoulder=constant(0.0, 0.7),
        **own,
        **_moment(rng, kind),
    )


def _moment(rng: np.random.Generator, kind: CameraKind) -> _Moment:
    """The light there is, an exposure that is off, at times because it has not caught up, and the compression."""
    (least, most), (mean, deviation), (worst, best) = _MOMENTS[kind]
    late = float(rng.uniform(-1.3, 1.5)) if rng.random() < 0.12 else 0.0
    return _Moment(
        electrons=float(np.exp(rng.uniform(np.log(least), np.log(most)))),
        exposure_ev=float(np.clip(rng.normal(mean, deviation) + late, -1.6, 1.9)),
        jpeg_quality=int(rng.integers(worst, best)),
        resaved_quality=int(rng.integers(60, 96)) if rng.random() < 0.2 else 0,
    )
