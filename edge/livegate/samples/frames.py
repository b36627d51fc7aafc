"""Turn a sample's files into the FrameSets a terminal would have had."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from numpy.typing import NDArray

from livegate.errors import PictureError
from livegate.pictures.reading import read_depth, read_nir, read_picture
from livegate.samples.manifest import CameraMatrix, Moment, Sample
from livegate.types import NS_PER_MS, Frame, FrameSet, Intrinsics, Role, SensorState

_READ: dict[Role, Callable[[Path], NDArray[Any]]] = {
    Role.RGB: read_picture,
    Role.RGB_RIGHT: read_picture,
    Role.NIR: read_nir,
    Role.DEPTH: read_depth,
}
# The manifest's camera is the one the other pictures are registered to; the right-hand camera is another one.
_REGISTERED = frozenset({Role.RGB, Role.NIR, Role.DEPTH})


@dataclass(frozen=True, slots=True)
class Terminal:
    """The sensors the evaluated terminal has; without ``roles`` each sample's own pictures are all of them."""

    roles: frozenset[Role] | None = None

    def roles_for(self, sample: Sample) -> frozenset[Role]:
        """Return the roles of the terminal that ``sample`` is presented to."""
        return self.roles or frozenset(role for moment in sample.moments for role in moment.paths)


def read_frame_sets(sample: Sample, roles: frozenset[Role]) -> Iterator[FrameSet]:
    """Yield the FrameSet of each moment of ``sample``, reading only pictures of ``roles``, each when it is asked for.

    A role the sample has no picture of is MISSING. Raises PictureError for a file that is missing or damaged.
    """
    for sequence, moment in enumerate(sample.moments):
        yield _frame_set(moment, sequence, roles, sample)


def restricted(frame_set: FrameSet, roles: frozenset[Role]) -> FrameSet:
    """Return ``frame_set`` as a terminal would have had it that has no sensors but ``roles``."""
    return replace(
        frame_set,
        frames=MappingProxyType({role: frame for role, frame in frame_set.frames.items() if role in roles}),
        states=MappingProxyType({role: state for role, state in frame_set.states.items() if role in roles}),
        faults=MappingProxyType({role: faults for role, faults in frame_set.faults.items() if role in roles}),
    )


def sensor_sets(roles: frozenset[Role]) -> tuple[frozenset[Role], ...]:
    """Return every set of sensors that a terminal with ``roles`` may be left with, the smallest first; rgb is in each.

    An rgb camera alone comes first, ``roles`` itself last.
    """
    others = sorted(roles - {Role.RGB})
    return tuple(
        frozenset({Role.RGB, *more}) for n in range(len(others) + 1) for more in itertools.combinations(others, n)
    )


def named(roles: frozenset[Role]) -> str:
    """Return the name of a set of sensors: ``rgb+nir+depth``, in the order of Role."""
    return "+".join(role for role in Role if role in roles)


def _frame_set(moment: Moment, sequence: int, roles: frozenset[Role], sample: Sample) -> FrameSet:
    captured_ns = round(moment.t_ms * NS_PER_MS)
    frames: dict[Role, Frame] = {}
    for role in sorted(roles & moment.paths.keys()):
        image = _READ[role](moment.paths[role])
        intrinsics = _intrinsics(sample.camera, image) if role in _REGISTERED else None
        unlit = _unlit(moment, image) if role is Role.NIR else None
        baseline_mm = sample.baseline_mm if role is Role.RGB_RIGHT else None
        frames[role] = Frame(role, image, captured_ns, sequence, intrinsics, unlit=unlit, baseline_mm=baseline_mm)
    states = {role: SensorState.OK if role in frames else SensorState.MISSING for role in sorted(roles)}
    return FrameSet(MappingProxyType(frames), MappingProxyType(states), captured_ns)


def _unlit(moment: Moment, lit: NDArray[Any]) -> NDArray[Any] | None:
    if moment.unlit is None:
        return None
    unlit = read_nir(moment.unlit)
    if unlit.shape != lit.shape:
        raise PictureError(f"{moment.unlit}: expected the size of the picture with the lamp on, {lit.shape[1]}x"
                           f"{lit.shape[0]}, found {unlit.shape[1]}x{unlit.shape[0]}")  # fmt: skip
    return unlit


def _intrinsics(camera: CameraMatrix | None, image: NDArray[Any]) -> Intrinsics | None:
    if camera is None:
        return None
    height, width = image.shape[:2]
    return Intrinsics(camera.fx, camera.fy, camera.cx, camera.cy, width, height)
