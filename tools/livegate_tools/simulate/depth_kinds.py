"""The kinds of depth cameras a terminal may have, drawn per terminal."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from livegate_tools.simulate.depth_sensor import DepthModel, draw_depth, sense_depth
from livegate_tools.simulate.held_out import Split
from livegate_tools.simulate.renderer import Radiance
from livegate_tools.simulate.structured_light import StructuredLight, draw_structured, sense_structured
from livegate_tools.simulate.time_of_flight import TimeOfFlight, draw_tof, sense_tof

DepthSensor: TypeAlias = DepthModel | StructuredLight | TimeOfFlight
"""One depth camera of any kind."""


class DepthKind(enum.StrEnum):
    """How a depth camera measures; ``depth_kind`` in the manifest."""

    ACTIVE_STEREO = "active_stereo"
    STRUCTURED_LIGHT = "structured_light"
    TIME_OF_FLIGHT = "time_of_flight"


_SHARES = {DepthKind.ACTIVE_STEREO: 0.4, DepthKind.STRUCTURED_LIGHT: 0.3, DepthKind.TIME_OF_FLIGHT: 0.3}
_DRAW: dict[DepthKind, Callable[[np.random.Generator, Split], DepthSensor]] = {
    DepthKind.ACTIVE_STEREO: draw_depth,
    DepthKind.STRUCTURED_LIGHT: draw_structured,
    DepthKind.TIME_OF_FLIGHT: draw_tof,
}


def draw_depth_sensor(rng: np.random.Generator, split: Split) -> DepthSensor:
    """Return a depth camera of any kind, with constants of the split's own strips."""
    kind = DepthKind(str(rng.choice(list(_SHARES), p=list(_SHARES.values()))))
    return _DRAW[kind](rng, split)


def kind_of(sensor: DepthSensor) -> DepthKind:
    """Return how a depth camera measures."""
    match sensor:
        case StructuredLight():
            return DepthKind.STRUCTURED_LIGHT
        case TimeOfFlight():
            return DepthKind.TIME_OF_FLIGHT
        case _:
            return DepthKind.ACTIVE_STEREO


def sense(sensor: DepthSensor, radiance: Radiance, rng: np.random.Generator) -> NDArray[Any]:
    """Return what ``sensor`` delivers of a drawn scene: (H, W) uint16 mm, 0 = no return."""
    match sensor:
        case StructuredLight():
            return sense_structured(radiance, sensor, rng)
        case TimeOfFlight():
            return sense_tof(radiance, sensor, rng)
        case _:
            return sense_depth(radiance, sensor, rng)
