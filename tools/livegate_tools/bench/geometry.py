"""The rig that registration is timed with: depth and near infrared beside rgb, each with a lens of its own."""

from __future__ import annotations

from dataclasses import replace

from livegate.geometry.aligner import Aligner
from livegate.geometry.calibration import CalibratedCamera, RigCalibration
from livegate.types import FrameSet, Role
from livegate_tools.bench.material import HEIGHT_PX, WIDTH_PX, rgb_only
from livegate_tools.bench.timing import Call

# About those of a depth camera with an infrared pair: 60 degrees wide, 25 mm from colour.
_RGB = CalibratedCamera(WIDTH_PX, HEIGHT_PX, 612.0, 611.0, 322.0, 238.0, distortion=(-0.05, 0.02, 0.0005, -0.0003, 0.0))
_DEEP = CalibratedCamera(WIDTH_PX, HEIGHT_PX, 600.0, 600.0, 319.5, 239.5, translation_mm=(25.0, 0.5, 1.0))
_RIGHT = replace(_RGB, translation_mm=(55.0, 0.0, 0.0))


def aligner(*, stereo: bool = False, in_place: bool = False) -> Aligner:
    """Return an aligner of rgb, nir, depth and with ``stereo`` rgb_right of 640x480.

    The material is registered already: ``in_place`` is of cameras that stand where rgb stands, so that what is judged
    afterwards is still what it was.
    """
    deep = replace(_RGB, translation_mm=(0.1, 0.0, 0.0)) if in_place else _DEEP
    right = _RIGHT if stereo else None
    roles = tuple(role for role in Role if stereo or role is not Role.RGB_RIGHT)
    return Aligner(RigCalibration("2026-11-22T00:00:00Z", _RGB, nir=deep, depth=deep, rgb_right=right), roles)


def register_calls(frame_sets: tuple[FrameSet, ...]) -> dict[str, Call]:
    """Return registering depth alone, and every role there is, as stages; none without depth."""
    deep = tuple(frame_set for frame_set in frame_sets if Role.DEPTH in frame_set.frames)
    if not deep:
        return {}
    one, all_roles = aligner(), aligner(stereo=Role.RGB_RIGHT in deep[0].frames)
    alone = tuple(_with_depth(frame_set) for frame_set in deep)
    return {
        "register": lambda i: one.align(alone[i % len(alone)]),
        "align": lambda i: all_roles.align(deep[i % len(deep)]),
    }


def _with_depth(frame_set: FrameSet) -> FrameSet:
    plain = rgb_only(frame_set)
    depth = {Role.DEPTH: frame_set.frames[Role.DEPTH]}
    return replace(plain, frames={**plain.frames, **depth}, states={**plain.states, Role.DEPTH: plain.states[Role.RGB]})
