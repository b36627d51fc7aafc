"""The one camera every simulated picture goes through, bona fide or attack: lens, sensor, picture processing, JPEG.

The stages follow the usual digital still pipeline (Ramanath et al., *Color image processing pipeline*, IEEE Signal
Processing Magazine 22(1), 2005) with the Poisson-Gaussian sensor noise of Foi et al. (IEEE TIP 17(10), 2008). The
ranges are reconstructions for VGA webcams and terminal modules, not measurements of any device.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate_tools.simulate.cameras import CameraModel

Pixels: TypeAlias = NDArray[Any]

_RAW_WHITE = 4095
_BAYER_CODES = {
    "rggb": (cv2.COLOR_BayerBG2RGB, cv2.COLOR_BayerBG2RGB_EA),
    "bggr": (cv2.COLOR_BayerRG2RGB, cv2.COLOR_BayerRG2RGB_EA),
    "grbg": (cv2.COLOR_BayerGB2RGB, cv2.COLOR_BayerGB2RGB_EA),
    "gbrg": (cv2.COLOR_BayerGR2RGB, cv2.COLOR_BayerGR2RGB_EA),
}
_BAYER_ORDER = {"rggb": (0, 1, 1, 2), "bggr": (2, 1, 1, 0), "grbg": (1, 0, 2, 1), "gbrg": (1, 2, 0, 1)}
_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)


def expose(linear: NDArray[np.float32], camera: CameraModel, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return the picture ``camera`` delivers of a scene.

    Args:
        linear: (H, W, 3) float32, R, G, B with sRGB primaries, linear light, 1.0 = white paper under the key light;
            lamps and screens may exceed 1. H and W even. Not written to.
        camera: see :func:`livegate_tools.simulate.cameras.draw_camera`.
        rng: sensor noise.

    Returns:
        (H, W, 3) uint8 in B, G, R order, after the JPEG round trip.
    """
    height, width = linear.shape[:2]
    if camera.resolution < 1:
        fewer = tuple(round(side * camera.resolution / 2) * 2 for side in (width, height))
        linear = np.asarray(cv2.resize(linear, fewer, interpolation=cv2.INTER_AREA), np.float32)
    light = _lens(linear, camera)
    gain = exposure_gain(light @ _LUMA, camera)
    white = _white_gains(light, camera)
    mixing = _mixing(camera.crosstalk)
    filtered = _mosaic(cv2.transform(light, mixing * np.float32(gain)), camera.bayer)
    electrons = float(np.clip(camera.electrons / max(gain, 0.5), 120.0, 9000.0))
    raw = _sense(filtered, electrons, camera.read_electrons, rng)
    picture = cv2.demosaicing(raw, _BAYER_CODES[camera.bayer][int(camera.edge_aware)])
    back = np.linalg.inv(_mixing(camera.crosstalk * camera.colour_repair)).astype(np.float32)
    developed = _develop(picture, np.diag(white).astype(np.float32) @ back, camera)
    finished = _finish(developed, camera)
    if camera.resolution < 1:
        finished = cv2.resize(finished, (width, height), interpolation=cv2.INTER_CUBIC)
    return _compressed(finished, camera)


def expose_nir(linear: NDArray[np.float32], camera: CameraModel, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return the near-infrared picture of a scene: the same lens, sensor and tone curve without colour filters.

    Args:
        linear: (H, W) float32, linear irradiance, 1.0 = white paper at the distance the illuminator is set for.
        camera: see :func:`draw_camera`; colour constants are not used.
        rng: sensor noise.

    Returns:
        (H, W) uint8 after the JPEG round trip.
    """
    light = cv2.GaussianBlur(linear, (0, 0), max(camera.lens_sigma_px, 0.2))
    light = _vignetted(_flared(light, camera.flare), camera.vignette)
    gain = exposure_gain(light, camera)
    electrons = float(np.clip(camera.electrons / max(gain, 0.5), 120.0, 9000.0))
    raw = _sense(light * np.float32(gain), electrons, camera.read_electrons, rng)
    toned = _tone_table(camera)[raw]
    toned = _sharpened(_smoothed(toned, camera.denoise), camera)
    return _jpeg(toned, camera.jpeg_quality, cv2.IMREAD_GRAYSCALE)


def _lens(linear: Pixels, camera: CameraModel) -> Pixels:
    height, width = linear.shape[:2]
    light = cv2.GaussianBlur(linear, (0, 0), max(camera.lens_sigma_px, 0.2))
    centre = ((width - 1) / 2, (height - 1) / 2)
    channels = list(cv2.split(light))
    for channel, scale in ((0, 1 + camera.fringe), (2, 1 - camera.fringe)):
        turn = cv2.getRotationMatrix2D(centre, 0.0, scale)
        channels[channel] = cv2.warpAffine(channels[channel], turn, (width, height), borderMode=cv2.BORDER_REPLICATE)
    return _vignetted(_flared(cv2.merge(channels), camera.flare), camera.vignette)


def _flared(light: Pixels, share: float) -> Pixels:
    """Veiling glare: lamps and windows in view lift the blacks of everything; changes ``light``."""
    small = cv2.resize(light, (64, 48), interpolation=cv2.INTER_AREA)
    veil = np.float32(share) * np.minimum(small, 8.0).mean(axis=(0, 1), dtype=np.float32)
    light *= np.float32(1 - share)
    light += veil
    return light


def _vignetted(light: Pixels, strength: float) -> Pixels:
    height, width = light.shape[:2]
    x = np.linspace(-1, 1, width, dtype=np.float32)
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    loss = 1 - np.float32(strength / 2) * (x * x + y * y)
    light *= loss[..., None] if light.ndim == 3 else loss
    return light


def exposure_gain(luma: Pixels, camera: CameraModel) -> float:
    """Return the gain of auto exposure on linear (H, W) ``luma``.

    It sees highlights only up to four times white, as a meter does, and has a limited range.
    """
    small = cv2.resize(np.minimum(luma, 4.0), (32, 24), interpolation=cv2.INTER_AREA)
    x, y = np.meshgrid(np.linspace(-1, 1, 32), np.linspace(-1, 1, 24))
    weight = 1 - camera.meter_centre + camera.meter_centre * np.exp(-2.5 * (x * x + y * y))
    mean = float((small * weight).sum() / weight.sum())
    return float(np.clip(camera.meter_target / max(mean, 1e-4), 0.12, 12.0) * 2.0**camera.exposure_ev)


def _white_gains(light: Pixels, camera: CameraModel) -> Pixels:
    """Grey-world white balance over what is not blown out, carried through only as far as the camera dares."""
    small = np.minimum(cv2.resize(light, (32, 24), interpolation=cv2.INTER_AREA), 1.2)
    mean = np.maximum(small.reshape(-1, 3).mean(axis=0), 1e-4)
    gains = np.clip(mean[1] / mean, 0.5, 2.0) ** camera.white_strength
    return np.asarray(gains * (camera.white_tint[0], 1.0, camera.white_tint[1]), np.float32)


def _mixing(crosstalk: float) -> Pixels:
    """The share of its light each colour filter takes from its neighbours; rows sum to 1, so grey stays grey."""
    c = crosstalk
    return np.array([[1 - c, 0.8 * c, 0.2 * c], [0.5 * c, 1 - c, 0.5 * c], [0.2 * c, 0.8 * c, 1 - c]], np.float32)


def _mosaic(light: Pixels, bayer: str) -> Pixels:
    order = _BAYER_ORDER[bayer]
    raw = np.empty(light.shape[:2], np.float32)
    for place, channel in enumerate(order):
        row, column = divmod(place, 2)
        raw[row::2, column::2] = light[row::2, column::2, channel]
    return raw


def _sense(raw: Pixels, electrons: float, read_electrons: float, rng: np.random.Generator) -> Pixels:
    """Shot and read noise as one Gaussian of variance x/electrons + (read/electrons)^2, clipped to 12 bits."""
    variance = np.maximum(raw, 0) * np.float32(1 / electrons) + np.float32((read_electrons / electrons) ** 2)
    noisy = raw + np.sqrt(variance) * rng.standard_normal(raw.shape, np.float32)
    return np.asarray(np.clip(noisy * _RAW_WHITE + 0.5, 0, _RAW_WHITE), np.uint16)


def _develop(picture: Pixels, matrix: Pixels, camera: CameraModel) -> Pixels:
    """White balance and colour matrix in linear light, then the tone curve by table; R, G, B in and out.

    The matrix is scaled so that a saturated pixel comes out white, never tinted.
    """
    matrix = matrix / matrix.sum(axis=1).min()
    balanced = np.clip(cv2.transform(picture.astype(np.float32), matrix), 0, _RAW_WHITE).astype(np.uint16)
    return _tone_table(camera)[balanced]


def _tone_table(camera: CameraModel) -> Pixels:
    x = np.linspace(0, 1, _RAW_WHITE + 1)
    if camera.shoulder > 0.05:
        x = (1 - np.exp(-camera.shoulder * x)) / (1 - np.exp(-camera.shoulder))
    y = x ** (1 / camera.gamma)
    y = (1 - camera.contrast) * y + camera.contrast * (3 * y**2 - 2 * y**3)
    y = camera.black + (1 - camera.black) * y
    return np.asarray(np.clip(y * 255 + 0.5, 0, 255), np.uint8)


def _finish(rgb: Pixels, camera: CameraModel) -> Pixels:
    """Noise reduction, sharpening and saturation on luma and chroma apart; R, G, B in, B, G, R out."""
    luma, red, blue = cv2.split(cv2.cvtColor(rgb, cv2.COLOR_RGB2YCrCb))
    luma = _sharpened(_smoothed(luma, camera.denoise), camera)
    chroma = []
    for plane in (red, blue):
        soft = cv2.GaussianBlur(plane, (0, 0), 0.4 + 2.2 * camera.denoise)
        chroma.append(cv2.convertScaleAbs(soft, alpha=camera.saturation, beta=128 * (1 - camera.saturation)))
    return np.asarray(cv2.cvtColor(cv2.merge([luma, *chroma]), cv2.COLOR_YCrCb2BGR), np.uint8)


def _smoothed(plane: Pixels, strength: float) -> Pixels:
    if strength < 0.15:
        return plane
    return np.asarray(cv2.bilateralFilter(plane, 5, 6 + 22 * strength, 1.2), np.uint8)


def _sharpened(plane: Pixels, camera: CameraModel) -> Pixels:
    if camera.sharpen < 0.1:
        return plane
    soft = cv2.GaussianBlur(plane, (0, 0), camera.halo_px)
    return np.asarray(cv2.addWeighted(plane, 1 + camera.sharpen, soft, -camera.sharpen, 0), np.uint8)


def _compressed(picture: Pixels, camera: CameraModel) -> Pixels:
    """The camera's own compression, and that of whoever saved the picture again."""
    once = _jpeg(picture, camera.jpeg_quality, cv2.IMREAD_COLOR)
    return _jpeg(once, camera.resaved_quality, cv2.IMREAD_COLOR) if camera.resaved_quality else once


def _jpeg(picture: Pixels, quality: int, how: int) -> Pixels:
    _, code = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(code, how), np.uint8)
