"""Read one picture the way its camera's role needs it, and put a folder of pictures in order."""

from __future__ import annotations

import csv
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate.errors import DriverError, PictureError
from livegate.types import Role
from livegate_drivers.clips import LEAST_STEP_MS, inside

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".pgm", ".ppm"})


def read_picture(path: Path, role: Role) -> NDArray[Any]:
    """Return the picture in ``path``: (H, W, 3) uint8 B, G, R; nir (H, W) uint8; depth (H, W) uint16 in millimetres.

    Raise PictureError naming the file when it is missing, damaged or of another kind than the role needs.
    """
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
        picture = cv2.imdecode(data, _FLAGS[role]) if data.size else None
    except OSError as exc:
        raise PictureError(f"{path}: cannot be read ({exc.strerror})") from exc
    except cv2.error as exc:
        raise PictureError(f"{path}: cannot be decoded ({exc.err or exc})") from exc
    if picture is None:
        raise PictureError(f"{path}: is no picture, or a damaged one")
    if role is Role.DEPTH and (picture.ndim != 2 or picture.dtype != np.uint16):
        raise PictureError(f"{path}: depth must be a 16-bit grey picture in millimetres, found {picture.dtype}")
    return np.asarray(picture)


def folder_times(folder: Path, fps: float) -> tuple[tuple[Path, ...], tuple[float, ...]]:
    """Return the pictures of ``folder`` and their times in milliseconds.

    They come from its ``timestamps.csv`` (columns file, t_ms), or else in natural order (2 before 10) at ``fps``.
    Raise DriverError when there are none or the table is wrong.
    """
    table = folder / "timestamps.csv"
    if table.is_file():
        return _timestamps(table)
    paths = sorted((p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES), key=natural)
    if not paths:
        raise DriverError(f"{folder}: holds no picture ({', '.join(sorted(SUFFIXES))})")
    return tuple(paths), tuple(index * 1000 / fps for index in range(len(paths)))


def natural(path: Path) -> tuple[list[tuple[int, str]], str]:
    """Return a sorting key by which frame2 comes before frame10."""
    parts = re.findall(r"\d+|\D+", path.name.lower())
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts], path.name


def _timestamps(table: Path) -> tuple[tuple[Path, ...], tuple[float, ...]]:
    folder = table.parent.resolve()
    paths: list[Path] = []
    times_ms: list[float] = []
    try:
        with table.open(newline="", encoding="utf-8") as lines:
            for number, row in enumerate(csv.DictReader(lines), 2):
                paths.append(inside(folder, row["file"], f"{table}: line {number}"))
                times_ms.append(float(row["t_ms"]))
    except (OSError, UnicodeDecodeError, csv.Error, KeyError, TypeError, ValueError) as exc:
        raise DriverError(f"{table}: must hold the columns file, t_ms (milliseconds): {exc!r}") from exc
    # Written so that NaN fails too.
    if not times_ms or not all(b >= a + LEAST_STEP_MS for a, b in pairwise(times_ms)):
        raise DriverError(f"{table}: 't_ms' must rise from line to line, and there must be at least one")
    if not 0 <= times_ms[0] <= times_ms[-1] < float("inf"):
        raise DriverError(f"{table}: 't_ms' must be milliseconds from the beginning, 0 or more")
    return tuple(paths), tuple(times_ms)


_FLAGS = {
    Role.RGB: cv2.IMREAD_COLOR,
    Role.RGB_RIGHT: cv2.IMREAD_COLOR,
    Role.NIR: cv2.IMREAD_GRAYSCALE,
    Role.DEPTH: cv2.IMREAD_UNCHANGED,
}
