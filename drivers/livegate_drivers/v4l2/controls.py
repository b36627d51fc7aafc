"""A device's controls by the kernel's names (``v4l2-ctl --list-ctrls``): what there is, set and read back."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from livegate.errors import DriverError
from livegate_drivers.ioctl import call
from livegate_drivers.v4l2 import uapi
from livegate_drivers.v4l2.node import Node, text

# No camera has more; a device that never ends its list is not waited for.
MAX_CONTROLS = 512


class Kind(enum.IntEnum):
    """The kinds of control that hold one number."""

    INTEGER = 1
    BOOLEAN = 2
    MENU = 3
    BITMASK = 8
    INTEGER_MENU = 9


@dataclass(frozen=True, slots=True)
class Control:
    """One control: its kernel number, its name as v4l2-ctl writes it, and which values it takes."""

    number: int
    name: str
    kind: Kind
    least: int
    most: int
    step: int
    default: int
    flags: int

    @property
    def switches(self) -> bool:
        """Whether it decides if others have a say, as auto_exposure does: set before them."""
        return self.kind in (Kind.BOOLEAN, Kind.MENU)


def controls(node: Node) -> dict[str, Control]:
    """Return the device's usable controls by name, in its own order; none where it has none."""
    return {found.name: found for found in _list(node, uapi.QUERY_EXT_CTRL) or _list(node, uapi.QUERYCTRL)}


def get_value(node: Node, control: Control) -> int:
    """Return what a control is set to; raise OSError when the device does not tell."""
    asked = uapi.Control(id=control.number)
    call(node.handle, uapi.G_CTRL, asked)
    return int(asked.value)


def set_value(node: Node, control: Control, value: int) -> None:
    """Set a control; raise OSError when the device does not take it."""
    call(node.handle, uapi.S_CTRL, uapi.Control(id=control.number, value=value))


def set_all(node: Node, wanted: Mapping[str, Any]) -> None:
    """Set controls to what a configuration says, those that switch others first, and read each back.

    Raise DriverError for a name the device does not have, naming those it has, and for a value it does not take.
    """
    there = controls(node)
    values = {}
    for name, value in wanted.items():
        if name not in there:
            raise DriverError(f"{node.path}: controls: {_unknown(name, list(there))}")
        values[name] = _checked(node, there[name], value)
    for name in sorted(values, key=lambda name: not there[name].switches):
        _set_exactly(node, there[name], values[name])


def _set_exactly(node: Node, control: Control, value: int) -> None:
    place = f"{node.path}: controls: '{control.name}'"
    remedy = "set the switch it depends on, too (auto_exposure = 1 for an exposure time; v4l2-ctl --list-ctrls)"
    try:
        set_value(node, control, value)
        if control.flags & (uapi.CTRL_FLAG_WRITE_ONLY | uapi.CTRL_FLAG_VOLATILE):
            return
        taken = get_value(node, control)
    except OSError as exc:
        raise DriverError(f"{place} cannot be set to {value} ({exc.strerror}); {remedy}") from exc
    if taken != value:
        raise DriverError(f"{place} was set to {value} and is {taken}; {remedy}")


def _checked(node: Node, control: Control, value: Any) -> int:
    place = f"{node.path}: controls: '{control.name}'"
    if control.flags & uapi.CTRL_FLAG_READ_ONLY:
        raise DriverError(f"{place} can only be read; take it out")
    if not isinstance(value, bool | int) or (isinstance(value, bool) and control.kind is not Kind.BOOLEAN):
        expected = "true or false" if control.kind is Kind.BOOLEAN else "a whole number"
        raise DriverError(f"{place}: expected {expected}, found {value!r}")
    if not control.least <= value <= control.most or (value - control.least) % max(1, control.step):
        steps = f" in steps of {control.step}" if control.step > 1 else ""
        raise DriverError(f"{place}: expected {control.least} to {control.most}{steps}, found {value}")
    return int(value)


def _unknown(name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, n=1)
    meant = f", did you mean '{near[0]}'?" if near else ""
    return f"the camera has no control '{name}'{meant}; it has {', '.join(known) or 'none'}"


def _list(node: Node, request: int) -> list[Control]:
    described = uapi.QueryExtendedControl if request == uapi.QUERY_EXT_CTRL else uapi.QueryControl
    return list(_usable(node, request, described))


def _usable(
    node: Node, request: int, described: type[uapi.QueryExtendedControl | uapi.QueryControl]
) -> Iterator[Control]:
    """Yield the controls that hold one number; the kernel's EINVAL, or any other error, ends the list."""
    number = 0
    for _ in range(MAX_CONTROLS):
        query = described(id=number | uapi.CTRL_FLAG_NEXT)
        try:
            call(node.handle, request, query)
        except OSError:
            return
        if query.id <= number:
            return
        number = query.id
        name = re.sub(r"[^a-z0-9]+", "_", text(query.name).lower()).strip("_")
        if query.type not in list(Kind) or query.flags & uapi.CTRL_FLAG_DISABLED or not name:
            continue
        bounds = (query.minimum, query.maximum, query.step, query.default)
        yield Control(number, name, Kind(query.type), *bounds, query.flags)
