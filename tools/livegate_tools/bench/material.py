"""The frames everything is timed on: those of the visits that ship with Livegate.

The visits have no second colour camera. What one would have seen is made of rgb and its distances: good enough to be
matched for as long as real pictures are, and no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from types import MappingProxyType

import cv2
import numpy as np

from livegate.errors import AssetError
from livegate.samples.frames import Terminal, read_frame_sets
from livegate.samples.manifest import BadLine, read_manifest
from livegate.types import Frame, FrameSet, Role, SensorState

WIDTH_PX, HEIGHT_PX = 640, 480
# More would only fill the memory: the times do not depend on which face it is.
MOST = 64
_BASELINE_MM = 55.0
# What returned no distance is taken for background.
_FAR_MM = 2500.0


def read_material(visits: Path, most: int = MOST) -> tuple[FrameSet, ...]:
    """Return at most ``most`` FrameSets of the visits, spread over all of them, every picture brought to 640x480.

    Raises AssetError when a line is damaged or there is none, PictureError for a damaged picture.
    """
    entries = list(read_manifest(visits))
    for entry in entries:
        if isinstance(entry, BadLine):
            raise AssetError(f"{visits}: line {entry.line}: {entry.problem}; reinstall Livegate, it is damaged")
    if not entries:
        raise AssetError(f"{visits}: holds no visits; reinstall Livegate, it is incomplete")
    samples = [entry for entry in entries if not isinstance(entry, BadLine)]
    streams = [read_frame_sets(sample, Terminal().roles_for(sample)) for sample in samples]
    return tuple(_with_right(_brought_to_size(frame_set)) for frame_set in islice(_in_turn(streams), most))


def rgb_only(frame_set: FrameSet) -> FrameSet:
    """Return what a terminal with nothing but an rgb camera would have had."""
    return replace(
        frame_set,
        frames=MappingProxyType({Role.RGB: frame_set.frames[Role.RGB]}),
        states=MappingProxyType({Role.RGB: SensorState.OK}),
    )


def _in_turn(streams: Iterable[Iterator[FrameSet]]) -> Iterator[FrameSet]:
    """Yield the first of each stream, then the second of each, until all have ended."""
    left = list(streams)
    while left:
        going = []
        for stream in left:
            frame_set = next(stream, None)
            if frame_set is not None:
                going.append(stream)
                yield frame_set
        left = going


def _brought_to_size(frame_set: FrameSet) -> FrameSet:
    frames = {role: _sized(frame) for role, frame in frame_set.frames.items()}
    return replace(frame_set, frames=MappingProxyType(frames))


def _with_right(frame_set: FrameSet) -> FrameSet:
    """Return the FrameSet with a second colour camera beside rgb, as it is where there is no depth to make it of."""
    rgb, depth = frame_set.frames[Role.RGB], frame_set.frames.get(Role.DEPTH)
    if depth is None or depth.intrinsics is None or Role.RGB_RIGHT in frame_set.frames:
        return frame_set
    distance_mm = np.where(depth.image > 0, depth.image, _FAR_MM).astype(np.float32)
    y, x = np.mgrid[0:HEIGHT_PX, 0:WIDTH_PX].astype(np.float32)
    seen_at = x + np.float32(depth.intrinsics.fx * _BASELINE_MM) / distance_mm
    image = cv2.remap(rgb.image, seen_at, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    right = replace(rgb, role=Role.RGB_RIGHT, image=np.asarray(image), baseline_mm=_BASELINE_MM)
    return replace(
        frame_set,
        frames=MappingProxyType({**frame_set.frames, Role.RGB_RIGHT: right}),
        states=MappingProxyType({**frame_set.states, Role.RGB_RIGHT: SensorState.OK}),
    )


def _sized(frame: Frame) -> Frame:
    height, width = frame.image.shape[:2]
    if (width, height) == (WIDTH_PX, HEIGHT_PX):
        return frame
    # Depth must not be mixed across an edge: between face and wall there is no surface.
    how = cv2.INTER_NEAREST if frame.role is Role.DEPTH else cv2.INTER_AREA
    across, down = WIDTH_PX / width, HEIGHT_PX / height
    camera = frame.intrinsics and replace(
        frame.intrinsics,
        fx=frame.intrinsics.fx * across,
        fy=frame.intrinsics.fy * down,
        cx=frame.intrinsics.cx * across,
        cy=frame.intrinsics.cy * down,
        width=WIDTH_PX,
        height=HEIGHT_PX,
    )
    return replace(frame, image=cv2.resize(frame.image, (WIDTH_PX, HEIGHT_PX), interpolation=how), intrinsics=camera)
