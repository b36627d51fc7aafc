"""Rooms: the panorama around the terminal, its low-order light, lamps, and the picture behind the person."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate.errors import AssetError
from livegate_tools.simulate.held_out import Split, split_of

Array = NDArray[Any]

_ENVIRONMENT = (128, 256)
_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
_PICTURE_SUFFIXES = (".jpg", ".png")


@dataclass(frozen=True, slots=True)
class Light:
    """Light in camera coordinates (x right, y down, z forward); a white patch facing the camera gets about 1.

    ``sh`` (9, 3) ambient coefficients; ``lamps`` (K, 6) unit direction towards the lamp and its colour; ``panorama``
    (h, w, 3) what a mirror would show.
    """

    sh: Array
    lamps: Array
    panorama: Array


@dataclass(frozen=True, slots=True)
class Backdrop:
    """What is behind the person: linear RGB (H, W, 3), near-infrared albedo (H, W), depth (H, W) mm, its name."""

    rgb: Array
    nir_albedo: Array
    depth_mm: Array
    name: str


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The pictures of a split: panoramas to light with, and views, photographs or panoramas to stand before."""

    panoramas: tuple[Path, ...]
    backdrops: tuple[Path, ...]

    @classmethod
    def load(cls, folder: Path, split: Split) -> Surroundings:
        """List the backgrounds folder; a room (a panorama and the views cut from it) belongs to one split only."""
        panoramas = _of_split(folder / "panoramas_hdr", (".hdr",), split)
        backdrops = [p for kind in ("views", "panoramas", "photos")
                     for p in _of_split(folder / kind, _PICTURE_SUFFIXES, split)]  # fmt: skip
        if not panoramas or not backdrops:
            raise AssetError(f"{folder}: no panoramas or views for split '{split}'; give the folder with --backgrounds")
        return cls(tuple(panoramas), tuple(backdrops))


def room_name(path: Path) -> str:
    """Return a picture's room: its stem without the number of the view."""
    stem, _, number = path.stem.rpartition("_")
    return stem if stem and number.isdigit() else path.stem


def _of_split(folder: Path, suffixes: tuple[str, ...], split: Split) -> list[Path]:
    return sorted(p for p in folder.glob("*") if p.suffix in suffixes and split_of(room_name(p)) is split)


def srgb_to_linear(values: Array) -> Array:
    """Return linear light 0..1 (float32) of sRGB values 0..255."""
    if values.dtype == np.uint8:
        return np.asarray(_LINEAR[values])
    x = np.asarray(values, dtype=np.float32) / np.float32(255)
    return np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4).astype(np.float32)


_LINEAR = srgb_to_linear(np.arange(256))


def draw_light(surroundings: Surroundings, rng: np.random.Generator) -> Light:
    """Return one room's light: the panorama turned at random, one or two lamps, and a random balance of them."""
    path = surroundings.panoramas[int(rng.integers(len(surroundings.panoramas)))]
    panorama = _read(path)[..., ::-1].astype(np.float32)
    small = cv2.resize(panorama, _ENVIRONMENT[::-1], interpolation=cv2.INTER_AREA)
    small = np.roll(small, int(rng.integers(_ENVIRONMENT[1])), axis=1)
    small = np.minimum(small, np.percentile(small, 99) * 2)
    grey = small.mean(axis=2, keepdims=True)
    small = grey + (small - grey) * np.float32(rng.uniform(0.3, 0.9))
    sh = _project(small)
    facing = float(np.maximum(_front(sh), 1e-6).mean())
    key = rng.uniform(0.25, 0.85)
    lamps = [_lamp(rng, key, rng.uniform(-1.2, 1.2))]
    if rng.random() < 0.6:
        lamps.append(_lamp(rng, rng.uniform(0.1, 0.4) * key, rng.uniform(-2.6, 2.6)))
    ambient = (1 - 0.75 * key) / facing
    return Light((sh * ambient).astype(np.float32), np.array(lamps, np.float32), (small * ambient).astype(np.float32))


def _lamp(rng: np.random.Generator, strength: float, azimuth: float) -> tuple[float, ...]:
    """Return a lamp ``azimuth`` radians aside of the camera's place, above the horizon, warm or cold."""
    height = rng.uniform(-0.1, 1.1)
    warmth = rng.uniform(-0.22, 0.12)
    flat = np.cos(height)
    direction = (flat * np.sin(azimuth), -np.sin(height), -flat * np.cos(azimuth))
    return (*direction, strength * (1 - warmth), strength, strength * (1 + warmth))


def _directions() -> tuple[Array, Array, Array, Array]:
    rows, columns = _ENVIRONMENT
    theta = (np.arange(rows)[:, None] + 0.5) / rows * np.pi
    phi = ((np.arange(columns)[None] + 0.5) / columns - 0.5) * 2 * np.pi
    sine = np.sin(theta)
    area = sine * (np.pi / rows) * (2 * np.pi / columns) * np.ones_like(phi)
    return sine * np.sin(phi), -np.cos(theta) * np.ones_like(phi), sine * np.cos(phi), area


def _project(environment: Array) -> Array:
    """Return (9, 3) coefficients whose polynomial is irradiance over pi (Ramamoorthi and Hanrahan, SIGGRAPH 2001)."""
    x, y, z, area = _directions()
    basis = (
        (0.282095, 1.0, np.ones_like(x)), (0.488603, 2 / 3, y), (0.488603, 2 / 3, z), (0.488603, 2 / 3, x),
        (1.092548, 0.25, x * y), (1.092548, 0.25, y * z), (0.315392, 0.25, 3 * z * z - 1), (1.092548, 0.25, x * z),
        (0.546274, 0.25, x * x - y * y),
    )  # fmt: skip
    return np.array([k * k * a * (environment * (f * area)[..., None]).sum(axis=(0, 1)) for k, a, f in basis])


def _front(sh: Array) -> Array:
    """Return the ambient light on a patch that faces the camera (normal 0, 0, -1)."""
    front: Array = sh[0] - sh[2] + 2 * sh[6]
    return front


def draw_backdrop(surroundings: Surroundings, rng: np.random.Generator, width: int, height: int) -> Backdrop:
    """Return a background 1.5-4 m away: a picture on a sloped wall, or in one of five a painted wall."""
    if rng.random() < 0.2:
        rgb, name = _painted_wall(rng, width, height), "wall"
    else:
        path = surroundings.backdrops[int(rng.integers(len(surroundings.backdrops)))]
        rgb, name = _picture_behind(path, rng, width, height), room_name(path)
    rgb = cv2.GaussianBlur(rgb, (0, 0), rng.uniform(0.5, 4.0))
    # Rooms are lit like the person in them, within a factor of three.
    mean = max(float((rgb @ _LUMA).mean()), 1e-3)
    rgb = rgb * np.float32(np.clip(rng.uniform(0.12, 0.5) / mean, 0.4, 6.0))
    luma = rgb @ _LUMA
    nir = np.clip(rng.uniform(0.1, 0.4) + rng.uniform(0.2, 0.8) * luma, 0.03, 0.9).astype(np.float32)
    x = np.linspace(-1, 1, width, dtype=np.float32)
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    distance = rng.uniform(1500, 4000)
    depth = distance * (1 + rng.uniform(-0.35, 0.35) * x + rng.uniform(-0.1, 0.1) * y)
    return Backdrop(np.ascontiguousarray(rgb, np.float32), nir, np.maximum(depth, 1200).astype(np.float32), name)


def _painted_wall(rng: np.random.Generator, width: int, height: int) -> Array:
    colour = np.clip(rng.uniform(0.15, 0.8) * rng.uniform(0.8, 1.15, 3), 0.05, 0.9)
    x = np.linspace(-1, 1, width)[None, :, None]
    y = np.linspace(-1, 1, height)[:, None, None]
    shade = 1 + rng.uniform(-0.3, 0.3) * x + rng.uniform(-0.25, 0.25) * y
    blotches = cv2.resize(
        rng.normal(0, 0.03, (12, 16)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC
    )
    return np.asarray(np.clip(colour * shade * (1 + blotches[..., None]), 0.01, 1.2), np.float32)


def _picture_behind(path: Path, rng: np.random.Generator, width: int, height: int) -> Array:
    picture = srgb_to_linear(_read(path)[..., ::-1])
    rows, columns = picture.shape[:2]
    if path.parent.name == "panoramas":
        picture = np.roll(picture, int(rng.integers(columns)), axis=1)[rows // 4 : 3 * rows // 4]
        rows = picture.shape[0]
    share = rng.uniform(0.6, 1.0)
    crop_height = share * min(rows, columns * height / width)
    crop_width = crop_height * width / height
    left, top = rng.uniform(0, columns - crop_width), rng.uniform(0, rows - crop_height)
    matrix = np.array([[crop_width / width, 0, left], [0, crop_height / height, top]])
    if rng.random() < 0.5:
        matrix[0] = (-crop_width / width, 0, left + crop_width - 1)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(picture, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE))


def _read(path: Path) -> Array:
    picture = cv2.imread(str(path), cv2.IMREAD_ANYDEPTH | cv2.IMREAD_COLOR)
    if picture is None:
        raise AssetError(f"{path}: expected a picture; check the folder given with --backgrounds")
    return picture
