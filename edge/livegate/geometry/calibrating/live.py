"""Views of the board from a terminal's own cameras, taken whenever it is held still somewhere new."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from livegate.capture.rig import Rig
from livegate.errors import DeviceTimeout
from livegate.geometry.calibrating.board import Board
from livegate.geometry.calibrating.views import View, seen
from livegate.types import Role

FRAME_TIMEOUT_S = 2.0
# Corners that moved by less than this between two pictures belong to a board that is held still ...
STILL_PX = 1.5
# ... and by more than this share of the picture's width since every view before, to one that shows something new.
NEW_SHARE = 0.06


def take_views(rig: Rig, board: Board, number: int, timeout_s: float, told: Callable[[int], None]) -> list[View]:
    """Return at most ``number`` views that an entered ``rig`` takes within ``timeout_s``; fewer when time is up.

    ``told`` is called with how many there are after each one. DeviceTimeout when rgb gives nothing at all.
    """
    taken: list[View] = []
    before: View | None = None
    until_s = time.monotonic() + timeout_s
    while len(taken) < number and time.monotonic() < until_s:
        try:
            frames = rig.next(FRAME_TIMEOUT_S).frames
        except DeviceTimeout:
            if before is None and not taken:
                raise
            continue
        view = seen(f"view {len(taken) + 1}", frames, board)
        if Role.RGB in view.corners and before is not None and _is_still(view, before) and _is_new(view, taken):
            taken.append(replace(view, before=before.frames))
            told(len(taken))
        before = view if Role.RGB in view.corners else None
    return taken


def _is_still(view: View, before: View) -> bool:
    return _moved_px(view, before) <= STILL_PX


def _is_new(view: View, taken: list[View]) -> bool:
    least_px = NEW_SHARE * view.frames[Role.RGB].image.shape[1]
    return all(_moved_px(view, other) >= least_px for other in taken)


def _moved_px(view: View, other: View) -> float:
    return float(np.abs(view.corners[Role.RGB] - other.corners[Role.RGB]).max())
