"""Which sets of cues are compared with one another, and on which presentations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from livegate.scorers import DETECTOR
from livegate_tools.train.dev_measurers import Way
from livegate_tools.train.fusion_points import Needs


@dataclass(frozen=True, slots=True)
class Arm:
    """A set of cues: those asked ``first``, and those asked where these are undecided; ``name`` says it shorter."""

    first: tuple[str, ...]
    second: tuple[str, ...] = ()
    name: str = ""

    @property
    def cues(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.first, *self.second)

    @property
    def title(self) -> str:
        """``detector + crop, then colour_texture``."""
        then = f", then {' + '.join(self.second)}" if self.second else ""
        return f"{self.name or ' + '.join(self.first)}{then}"


@dataclass(frozen=True, slots=True)
class Group:
    """Arms compared on the same presentations: those of which every cue of every arm spoke.

    What an arm adds is told beside ``base``, the first arm of the group.
    """

    title: str
    way: Way
    arms: tuple[Arm, ...]

    @property
    def base(self) -> Arm:
        """The arm that others are compared with."""
        return self.arms[0]

    @property
    def cues(self) -> tuple[str, ...]:
        """Every cue of any arm, once."""
        return tuple(dict.fromkeys(name for arm in self.arms for name in arm.cues))


def network_groups(names: Sequence[str], needs: Needs) -> list[Group]:
    """Return what is compared where the face network runs: by colour alone, and at a terminal with every sensor."""
    colour = tuple(name for name in names if needs.is_colour(name) and name not in needs.second and name != DETECTOR)
    second, sensors = tuple(sorted(needs.second & set(names))), _sensor_cues(names, needs)
    crops = tuple(name for name in colour if name not in sensors)
    every = (DETECTOR, *crops)
    on = tuple(name for name in second if name not in needs.off)
    arms = [Arm((DETECTOR,)), *(Arm((name,)) for name in crops), *([Arm(every)] if crops else [])]
    arms += [Arm((name,)) for name in second]
    for first in dict.fromkeys([(DETECTOR,), every]):
        arms += [Arm(first, (name,)) for name in second] + ([Arm(first, on)] if len(on) > 1 else [])
    arms += [Arm((*every, *on))] if on else []
    groups = [Group("colour alone", Way.NETWORK, tuple(arms))]
    if sensors:
        whole = (*every, *sensors)
        further = [Arm(every), *(Arm((*every, name)) for name in sensors), Arm(whole, name="all")]
        further += [_without(name, whole) for name in (*crops, *sensors)]
        further += [Arm(whole, on, "all")] if on else []
        groups.append(Group("every sensor", Way.NETWORK, tuple(further)))
    return groups


def fallback_groups(names: Sequence[str], needs: Needs) -> list[Group]:
    """Return what is compared where no network runs."""
    second, sensors = tuple(sorted(needs.second & set(names))), _sensor_cues(names, needs)
    on = tuple(name for name in second if name not in needs.off)
    if not on:
        return []
    arms = [Arm(on), *(Arm((name,)) for name in second if (name,) != on)]
    arms += [Arm(tuple(sorted({*on, name}))) for name in second if name in needs.off]
    groups = [Group("without a network, colour alone", Way.FALLBACK, tuple(arms))]
    if sensors:
        each = [Arm((*on, name)) for name in sensors]
        whole = [Arm((*on, *sensors), name="all")] if len(sensors) > 1 else []
        groups.append(Group("without a network, every sensor", Way.FALLBACK, (Arm(on), *each, *whole)))
    return groups


def _without(name: str, whole: tuple[str, ...]) -> Arm:
    return Arm(tuple(one for one in whole if one != name), name=f"all but {name}")


def _sensor_cues(names: Sequence[str], needs: Needs) -> tuple[str, ...]:
    """Return the cues that speak only where there is more than a colour picture."""
    return tuple(name for name in names if name in needs.of_sensors and name not in needs.second)
