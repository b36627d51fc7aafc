"""How much pixels tremble on a still scene, so that a terminal can tell its sensor from what somebody feeds it."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import replace
from types import MappingProxyType

from livegate.geometry.aligner import Aligner
from livegate.geometry.calibrating.views import Moment, View
from livegate.geometry.calibration import RigCalibration
from livegate.sensing.noise import temporal_noise
from livegate.types import FrameSet, Role, SensorState

# Of fewer pairs the median says little.
_LEAST_PAIRS = 10


def with_noise(calibration: RigCalibration, views: Sequence[View]) -> RigCalibration:
    """Return ``calibration`` with the noise of each role of which ``views`` hold enough pairs of pictures.

    Measured on the pictures as they come to lie on rgb's pixels, for there they are watched.
    """
    aligner = Aligner(calibration, calibration.cameras)
    measured: dict[Role, list[float]] = {}
    for view in views:
        if view.before is None:
            continue
        before, after = (aligner.align(_frame_set(moment)) for moment in (view.before, view.frames))
        for role in before.frames.keys() & after.frames.keys() - {Role.DEPTH}:
            noise = temporal_noise(before.frames[role].image, after.frames[role].image)
            if noise is not None:
                measured.setdefault(role, []).append(noise)
    noises = {role: statistics.median(each) for role, each in measured.items() if len(each) >= _LEAST_PAIRS}
    cameras = {role: replace(camera, noise=noises.get(role)) for role, camera in calibration.cameras.items()}
    return calibration.with_cameras(cameras)


def _frame_set(moment: Moment) -> FrameSet:
    states = dict.fromkeys(moment, SensorState.OK)
    return FrameSet(moment, MappingProxyType(states), moment[Role.RGB].captured_ns)
