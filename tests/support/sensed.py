"""A small scene for three sensors over time, and what goes wrong with them, for tests of sensing."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from livegate.sensing.watch import SensorWatch
from livegate.types import NS_PER_MS, Box, Face, Frame, FrameSet, Intrinsics, Role, SensorFault, SensorState

SIZE = (240, 320)
CAMERA = Intrinsics(300.0, 300.0, 160.0, 120.0, SIZE[1], SIZE[0])
FACE = Face(Box(110.0, 60.0, 100.0, 130.0), 0.9, 0.05)
Change = Callable[[dict[Role, np.ndarray]], Mapping[Role, np.ndarray]]

_V, _U = np.mgrid[0 : SIZE[0], 0 : SIZE[1]]
_HEAD = ((_U - 160) / 50.0) ** 2 + ((_V - 125) / 65.0) ** 2 < 1
_FURNITURE = (_U // 40 + _V // 30) % 3
# 450 mm before a camera of 300 px a face of 100 px is 150 mm wide.
_FACE_MM, _ROOM_MM = 450, 2200


def pictures(number: int, *, somebody: bool = True) -> dict[Role, np.ndarray]:
    """Return what three sensors see of a furnished room, with somebody or with nobody before it."""
    return dict(_drawn(number, somebody))


@functools.cache
def _drawn(number: int, somebody: bool) -> Mapping[Role, np.ndarray]:
    random = np.random.default_rng(number)
    head = _HEAD if somebody else np.zeros(SIZE, bool)
    room = 70.0 + 35.0 * _FURNITURE
    eyes = 40.0 * (np.hypot(_U - 140, _V - 105) < 7) + 40.0 * (np.hypot(_U - 180, _V - 105) < 7)
    skin = np.array([105.0, 130.0, 175.0])
    rgb = np.where(head[..., None], skin - eyes[..., None], room[..., None])
    nir = np.where(head, 150.0 - eyes, 0.5 * room)
    depth = np.where(head, _FACE_MM, _ROOM_MM - 100 * _FURNITURE)
    return {
        Role.RGB: np.clip(rgb + random.normal(0, 2, (*SIZE, 3)), 0, 255).astype(np.uint8),
        Role.NIR: np.clip(nir + random.normal(0, 2, SIZE), 0, 255).astype(np.uint8),
        Role.DEPTH: np.clip(depth + random.normal(0, 2, SIZE), 0, 65535).astype(np.uint16),
    }


def as_given(given: dict[Role, np.ndarray]) -> Mapping[Role, np.ndarray]:
    return given


@dataclass
class Stage:
    """Plays people before a SensorWatch, ten FrameSets a second, and remembers what it said."""

    watch: SensorWatch = field(default_factory=SensorWatch)
    now_ms: float = 1000.0
    number: int = 0
    jitter_ms: float = 1.0
    device: dict[Role, str] = field(default_factory=dict)
    unlit: np.ndarray | None = None
    states: Mapping[Role, SensorState] = field(default_factory=dict)
    faults: Mapping[Role, frozenset[SensorFault]] = field(default_factory=dict)

    def turn(self, change: Change = as_given, *, somebody: bool = True, **more: Any) -> FrameSet:
        """Show one FrameSet; states and faults that ``more`` gives are capture's."""
        self.number += 1
        self.now_ms += 100.0 + self.jitter_ms * (self.number % 3)
        at_ns = round(self.now_ms * NS_PER_MS)
        shown = change(pictures(self.number % 7, somebody=somebody))
        frames = {
            role: Frame(role, image, at_ns, self.number, CAMERA, self.device.get(role))
            for role, image in shown.items()
            if more.get("states", {}).get(role, SensorState.OK) is SensorState.OK
        }
        if self.unlit is not None and Role.NIR in frames:
            frames[Role.NIR] = replace(frames[Role.NIR], unlit=self.unlit)
        given = FrameSet(
            frames, {**dict.fromkeys(shown, SensorState.OK), **more.get("states", {})}, at_ns, more.get("faults", {})
        )
        marked = self.watch.mark(given)
        self.watch.learn(given, None if Role.RGB not in marked.frames else (FACE,) if somebody else ())
        self.states, self.faults = marked.states, marked.faults
        return marked

    def visit(self, change: Change = as_given, turns: int = 20, away_s: float = 30.0, **more: Any) -> None:
        """Let one person stand there, and nobody for a while after."""
        for _ in range(turns):
            self.turn(change, **more)
        self.now_ms += away_s * 1000.0

    def alone(self, change: Change = as_given, turns: int = 100, **more: Any) -> None:
        """Show the room with nobody in it."""
        for _ in range(turns):
            self.turn(change, somebody=False, **more)

    def named(self, role: Role, fault: SensorFault) -> bool:
        """Return whether ``fault`` was told of ``role`` in the last FrameSet."""
        return fault in self.faults.get(role, frozenset())


def swapped(given: dict[Role, np.ndarray]) -> Mapping[Role, np.ndarray]:
    return {**given, Role.RGB: given[Role.RGB][:, :, ::-1].copy()}


def times(factor: float) -> Change:
    """Return the change of depth into another unit."""
    return lambda given: {
        **given, Role.DEPTH: np.clip(given[Role.DEPTH] * factor, 0, 65535).astype(np.uint16)
    }  # fmt: skip


def noise(role: Role) -> Change:
    """Return the change of a role's pictures into noise."""

    def change(given: dict[Role, np.ndarray]) -> Mapping[Role, np.ndarray]:
        random = np.random.default_rng(int(given[Role.RGB][0, 0, 0]))
        return {
            **given,
            role: random.integers(1, 250 if role is not Role.DEPTH else 5000, given[role].shape, given[role].dtype),
        }

    return change


def rolled(given: dict[Role, np.ndarray]) -> Mapping[Role, np.ndarray]:
    """Move near infrared, as another terminal's calibration would."""
    return {**given, Role.NIR: np.roll(given[Role.NIR], 16, axis=1)}


def unlit_room(given: dict[Role, np.ndarray]) -> Mapping[Role, np.ndarray]:
    """Leave what the nir camera sees under a dead lamp: the room's own faint light."""
    return {**given, Role.NIR: given[Role.NIR] // 5 + 12}


def unlit_room_without_face(given: dict[Role, np.ndarray]) -> Mapping[Role, np.ndarray]:
    """Show near infrared what a dark screen shows it: less than the room."""
    return {**given, Role.NIR: np.where(_HEAD, given[Role.NIR] // 8, given[Role.NIR]).astype(np.uint8)}
