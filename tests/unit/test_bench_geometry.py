"""What registration is timed on is registered, and what is judged after it is what it was."""

from __future__ import annotations

from types import MappingProxyType

import numpy as np

from livegate.types import Frame, FrameSet, Role, SensorState
from livegate_tools.bench.geometry import aligner, register_calls

RNG = np.random.default_rng(0)
PICTURES = {
    Role.RGB: RNG.integers(0, 255, (480, 640, 3), np.uint8),
    Role.NIR: RNG.integers(0, 255, (480, 640), np.uint8),
    Role.DEPTH: np.full((480, 640), 520, np.uint16),
}
FRAMES = {role: Frame(role, image, 1) for role, image in PICTURES.items()}
WHOLE = FrameSet(MappingProxyType(FRAMES), dict.fromkeys(FRAMES, SensorState.OK), 1)


def test_depth_alone_and_everything_are_registered() -> None:
    calls = register_calls((WHOLE,))
    alone, everything = calls["register"](0), calls["align"](3)
    assert isinstance(alone, FrameSet)
    assert isinstance(everything, FrameSet)
    assert set(alone.frames) == {Role.RGB, Role.DEPTH}
    assert set(everything.frames) == set(FRAMES)
    assert np.median(alone.frames[Role.DEPTH].image) == 521


def test_material_without_depth_has_nothing_to_register() -> None:
    assert register_calls((FrameSet({Role.RGB: FRAMES[Role.RGB]}, {Role.RGB: SensorState.OK}, 1),)) == {}


def test_in_place_nothing_moves() -> None:
    out = aligner(in_place=True).align(WHOLE)
    assert np.count_nonzero(out.frames[Role.DEPTH].image == 520) > 0.99 * 480 * 640
    moved = np.abs(out.frames[Role.NIR].image.astype(int) - PICTURES[Role.NIR])
    assert np.median(moved) < 40
