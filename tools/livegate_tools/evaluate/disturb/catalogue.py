"""The disturbances by name, with their units and the strengths their curves are drawn over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from livegate.types import FrameSet, Role
from livegate_tools.evaluate.disturb.places import misregistered, skewed, unrectified
from livegate_tools.evaluate.disturb.scene import Scene
from livegate_tools.evaluate.disturb.signals import holed, noisy, noisy_depth, sunlit

Disturb = Callable[[FrameSet, float, Scene], FrameSet]


@dataclass(frozen=True, slots=True)
class Disturbance:
    """One thing that goes wrong: what its strength is in, the strengths to try, which sensors it needs, how it is done.

    ``apply`` returns another FrameSet and changes none; at strength 0 it is the same pictures.
    """

    title: str
    unit: str
    strengths: tuple[float, ...]
    roles: frozenset[Role]
    apply: Disturb


DISTURBANCES: Mapping[str, Disturbance] = {
    "noise": Disturbance("noise", "grey levels", (3, 6, 12, 24), frozenset({Role.RGB}), noisy),
    "depth_noise": Disturbance("noise of depth", "% of the distance", (0.25, 0.5, 1, 2), frozenset({Role.DEPTH}),
                               noisy_depth),
    "misregistration": Disturbance("misregistration of near infrared and depth", "pixels", (1, 2, 3, 5),
                                   frozenset({Role.NIR, Role.DEPTH}), misregistered),
    "rectification": Disturbance("rows of the stereo pair off", "pixels", (0.5, 1, 2, 4), frozenset({Role.RGB_RIGHT}),
                                 unrectified),
    "skew": Disturbance("near infrared and depth late", "ms", (20, 40, 60), frozenset({Role.NIR, Role.DEPTH}), skewed),
    "sunlight": Disturbance("sunlight in near infrared", "times the lamp's light", (0.5, 1, 2, 4),
                            frozenset({Role.NIR}), sunlit),
    "holes": Disturbance("holes in depth", "share lost", (0.1, 0.25, 0.5, 0.75), frozenset({Role.DEPTH}), holed),
}  # fmt: skip
"""A disturbance counts where a terminal has one of its ``roles``."""
