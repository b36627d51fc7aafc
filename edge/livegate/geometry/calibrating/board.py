"""A chessboard: what it is, and where a picture shows its corners."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate.errors import ConfigError

Points = NDArray[np.float64]

_WINDOW_SHARE = 0.3
_CRITERIA = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_MAX_ITER, 40, 1e-4)


@dataclass(frozen=True, slots=True)
class Board:
    """A chessboard by its inner corners and the side of its squares.

    One of the two numbers is even and the other odd: turned by half a turn such a board has its colours exchanged, so
    that every camera counts from the same corner.
    """

    columns: int
    rows: int
    square_mm: float

    @classmethod
    def named(cls, size: str, square_mm: float) -> Board:
        """Return the board of "9x6"; ConfigError where there is none that is told from itself upside down."""
        match = re.fullmatch(r"(\d{1,2})x(\d{1,2})", size)
        if not match or min(int(match[1]), int(match[2])) < 3 or max(int(match[1]), int(match[2])) > 40:
            raise ConfigError(f"--board: expected inner corners across and down as in 9x6, found '{size}'")
        if (int(match[1]) + int(match[2])) % 2 == 0:
            raise ConfigError(f"--board: {size} looks the same upside down; take one such as 9x6 or 8x5")
        if not 1 <= square_mm <= 500:
            raise ConfigError(f"--square-mm: expected 1 to 500, found {square_mm:g}")
        return cls(int(match[1]), int(match[2]), square_mm)

    @property
    def corners_mm(self) -> Points:
        """The inner corners in the board's own plane, row by row, (columns * rows, 3) float64."""
        y, x = np.mgrid[0 : self.rows, 0 : self.columns].reshape(2, -1) * self.square_mm
        return np.stack([x, y, np.zeros_like(x)], axis=1)


def find(image: NDArray[Any], board: Board) -> Points | None:
    """Return where ``image`` (H, W) or (H, W, 3) uint8 shows the board's corners, (columns * rows, 2); None if not.

    Duda and Frese, Accurate Detection and Localization of Checkerboard Corners for Calibration, BMVC 2018, as OpenCV
    has it.
    """
    grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    flags = cv2.CALIB_CB_NORMALIZE_IMAGE | cv2.CALIB_CB_ACCURACY
    found, corners = cv2.findChessboardCornersSB(grey, (board.columns, board.rows), flags=flags)
    if not found:
        return None
    points = _refined(grey, np.asarray(corners, dtype=np.float32).reshape(-1, 2), board)
    return points if _begins_dark(grey, points, board) else points[::-1].copy()


def _refined(grey: NDArray[Any], points: NDArray[np.float32], board: Board) -> Points:
    """Return the corners where the grey levels' gradients meet, which halved their error on drawn boards.

    The window must not reach the neighbouring corners.
    """
    grid = points.reshape(board.rows, board.columns, 2)
    apart = min(float(np.linalg.norm(np.diff(grid, axis=axis), axis=2).min()) for axis in (0, 1))
    window = int(np.clip(_WINDOW_SHARE * apart, 2, 11))
    fine = cv2.cornerSubPix(grey, points.reshape(-1, 1, 2).copy(), (window, window), (-1, -1), _CRITERIA)
    return np.asarray(fine, dtype=np.float64).reshape(-1, 2)


def _begins_dark(grey: NDArray[Any], points: Points, board: Board) -> bool:
    """Return whether the square inside the first corner is darker than that inside the last."""
    grid = points.reshape(board.rows, board.columns, 2)
    first, last = grid[:2, :2].mean(axis=(0, 1)), grid[-2:, -2:].mean(axis=(0, 1))
    return _level(grey, first) < _level(grey, last)


def _level(grey: NDArray[Any], place: Points) -> float:
    x, y = (int(value) for value in np.rint(place))
    return float(grey[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2].mean())
