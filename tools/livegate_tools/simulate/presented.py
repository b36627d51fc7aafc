"""The values a presentation is made from and yields, whatever it is."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from livegate_tools.simulate.head import Expression, Head, Pose, build_head
from livegate_tools.simulate.identity import Identity
from livegate_tools.simulate.lighting import Surroundings
from livegate_tools.simulate.makehuman import Assets
from livegate_tools.simulate.parts import Part
from livegate_tools.simulate.textures import TextureBank

Array = NDArray[Any]


class Species(enum.StrEnum):
    """PAI species of the simulator (ISO/IEC 30107-3)."""

    PRINT_FLAT = "print_flat"
    PRINT_BENT = "print_bent"
    REPLAY_PHONE = "replay_phone"
    REPLAY_TABLET = "replay_tablet"
    CUTOUT_MASK = "cutout_mask"
    MASK_3D = "mask_3d"


@dataclass(frozen=True, slots=True)
class Habits:
    """How often a living person has a hand at the face, and how often hands show that hold a sheet or a device."""

    occluded: float = 0.11
    held: float = 0.7


@dataclass(frozen=True, slots=True)
class Stage:
    """What every presentation is made from."""

    assets: Assets
    surroundings: Surroundings
    habits: Habits = field(default_factory=Habits)


@dataclass(frozen=True, slots=True)
class Posture:
    """One moment of a presentation: turn of the head or of the instrument in degrees, closure of the eyes 0..1."""

    pose: Pose = field(default_factory=Pose)
    blink: float = 0.0


@dataclass(frozen=True, slots=True)
class Presented:
    """A presentation at one moment in its own coordinates (mm, y up, facing +z, origin near the face's middle).

    ``landmarks`` (8, 3) as in Head, of the face shown; ``scale``: its size against a real face. ``sheet_mm``: width and
    height of a sheet that can fill the view so that no edge shows, else None; ``middle`` (3,) is then its middle.
    """

    parts: tuple[Part, ...]
    landmarks: Array
    bank: TextureBank
    scale: float
    sheet_mm: tuple[float, float] | None = None
    middle: tuple[float, float, float] = (0.0, 0.0, 0.0)


Presentation = Callable[[Posture], Presented]
"""A presentation over time: the same thing at each posture asked for."""


def head_at(assets: Assets, identity: Identity, expression: Expression, bank: TextureBank, posture: Posture) -> Head:
    """Return a person's head with their eyes as far closed as the posture says, not yet turned."""
    shown = expression.blinking(posture.blink) if posture.blink > 0.02 else expression
    return build_head(assets, identity, shown, bank)
