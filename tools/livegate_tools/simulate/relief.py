"""The form of a sheet that is never quite flat, as the slopes of its surface: curl, cockles, folds, and a bend."""

from __future__ import annotations

import cv2
import numpy as np

from livegate_tools.simulate.geometry import Pixels

_FOLDED = 0.35
_CURLED = 0.6


def slopes(rng: np.random.Generator, size: tuple[int, int]) -> Pixels:
    """Return how a held sheet of ``size`` (h, w) leans, (h, w, 2) float32: rise towards the camera across and down.

    A curl of the whole sheet, cockles of a few cells a side, and in one sheet of three a fold or two. All ranges are
    assumed: tangents of up to 14 degrees for curl, 3 for cockles, 20 for folds.
    """
    height, width = size
    lean = np.zeros((height, width, 2), np.float32)
    x, y = np.linspace(-1, 1, width, dtype=np.float32), np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    if rng.random() < _CURLED:
        _curl(rng, lean, x, y)
    _cockles(rng, lean)
    if rng.random() < _FOLDED:
        for _ in range(int(rng.integers(1, 3))):
            _fold(rng, lean, x, y)
    return lean


def lit(rng: np.random.Generator, lean: Pixels) -> Pixels:
    """Return the light that falls on a sheet of such slopes, (h, w) float32, about 1.0 where it faces the camera.

    A lamp from a random side over an ambient share (Lambert), and a ramp for a lamp that is near.
    """
    height, width = lean.shape[:2]
    towards = np.float32(rng.uniform(-1.4, 1.4)), np.float32(rng.uniform(-1.4, 0.8))
    ambient = np.float32(rng.uniform(0.25, 0.8))
    along = (1 - lean[..., 0] * towards[0] - lean[..., 1] * towards[1]) / np.sqrt(1 + (lean * lean).sum(axis=2))
    ramp = np.float32(rng.uniform(-0.3, 0.3)) * np.linspace(-1, 1, width, dtype=np.float32)
    fall = np.float32(rng.uniform(-0.3, 0.3)) * np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    return np.asarray((ambient + (1 - ambient) * np.maximum(along, 0)) * np.maximum(1 + ramp + fall, 0.1), np.float32)


def _curl(rng: np.random.Generator, lean: Pixels, x: Pixels, y: Pixels) -> None:
    """The sheet bows about one axis, more towards one end where a corner or an edge lifts."""
    turn, bow = float(rng.uniform(0, np.pi)), float(rng.uniform(-0.25, 0.25))
    across = x * np.float32(np.cos(turn)) + y * np.float32(np.sin(turn))
    tangent = np.float32(bow) * (across + np.float32(rng.uniform(-0.8, 0.8)) * across * across)
    lean[..., 0] += tangent * np.float32(np.cos(turn))
    lean[..., 1] += tangent * np.float32(np.sin(turn))


def _cockles(rng: np.random.Generator, lean: Pixels) -> None:
    cells = int(rng.integers(3, 9))
    waves = rng.standard_normal((cells, cells, 2)).astype(np.float32) * np.float32(rng.uniform(0.0, 0.05))
    lean += cv2.resize(waves, (lean.shape[1], lean.shape[0]), interpolation=cv2.INTER_CUBIC)


def _fold(rng: np.random.Generator, lean: Pixels, x: Pixels, y: Pixels) -> None:
    """Two halves that lean apart from a line on, and a narrow crease between them."""
    turn = float(rng.choice([0.0, np.pi / 2])) + float(rng.normal(0, 0.06))
    c, s = np.float32(np.cos(turn)), np.float32(np.sin(turn))
    across = x * c + y * s - np.float32(rng.uniform(-0.55, 0.55))
    steep, narrow = np.float32(rng.uniform(-0.35, 0.35)), np.float32(rng.uniform(30, 90))
    tangent = steep * (0.5 + 0.5 * np.tanh(across * narrow))
    tangent = tangent + np.float32(rng.uniform(-0.8, 0.8)) * across * narrow * np.exp(-((across * narrow) ** 2))
    lean[..., 0] += tangent * c
    lean[..., 1] += tangent * s
