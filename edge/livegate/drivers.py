"""Find a driver by its plain name, check its options, open it.

A driver is a module ``livegate_drivers.<kind>.<name>`` or an installed entry point ``<name>`` of the group
``livegate.<kind>``; never a dotted path, so a configuration cannot make the terminal import what it likes. There is no
list to keep: a file that lies in the folder is a driver.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import Any, cast

from livegate.capture.camera import Camera
from livegate.config import CameraConfig, DoorConfig, DriverChoice
from livegate.errors import DriverError
from livegate.gate.door import Door
from livegate.gate.reader import Reader
from livegate.options import parse

PACKAGE = "livegate_drivers"
KINDS = {"cameras": "open_camera", "doors": "open_door", "readers": "open_reader"}


def open_camera(camera: CameraConfig) -> Camera:
    """Return the camera of one [[camera]] table, not yet entered.

    Raise DriverError when its driver cannot be loaded, ConfigError for an option the driver does not know.
    """
    module, options = _prepare("cameras", camera.source)
    return cast(Camera, module.open_camera(options, camera.role))


def open_door(door: DoorConfig) -> Door:
    """Return the door of the [door] table, not yet entered; errors as for :func:`open_camera`."""
    module, options = _prepare("doors", door.source)
    return cast(Door, module.open_door(options))


def open_reader(choice: DriverChoice) -> Reader:
    """Return the reader of one [[reader]] table, not yet entered; errors as for :func:`open_camera`."""
    module, options = _prepare("readers", choice)
    return cast(Reader, module.open_reader(options))


def known_drivers(kind: str) -> tuple[str, ...]:
    """Return the names of all drivers of ``kind`` ("cameras", "doors", "readers"), shipped and installed, sorted."""
    return tuple(sorted({*_shipped(kind), *(point.name for point in _installed(kind))}))


def load(kind: str, name: str) -> ModuleType:
    """Return the module of the driver ``name``; raise DriverError naming the drivers there are."""
    if not re.fullmatch("[a-z0-9_]+", name):
        raise DriverError(f"{kind}: '{name}' is no driver's name ([a-z0-9_]+); there are: {_listing(kind)}")
    installed = [point for point in _installed(kind) if point.name == name]
    shipped = name in _shipped(kind)
    if len(installed) + shipped > 1:
        raise DriverError(f"{kind}: driver '{name}' is provided twice ({_providers(installed)}); uninstall one")
    if not installed and not shipped:
        raise DriverError(f"{kind}: no driver '{name}'; there are: {_listing(kind)}")
    module = _imported(kind, name, installed)
    for part in ("Options", KINDS[kind]):
        if not hasattr(module, part):
            raise DriverError(
                f"{kind}: driver '{name}' ({module.__name__}) lacks '{part}'; it is no {kind[:-1]} driver"
            )
    return module


def _prepare(kind: str, choice: DriverChoice) -> tuple[ModuleType, Any]:
    try:
        module = load(kind, choice.driver)
    except DriverError as exc:
        raise DriverError(f"{choice.where}: {exc}") from exc
    return module, parse(module.Options, choice.options, choice.where, choice.base)


def _imported(kind: str, name: str, installed: list[EntryPoint]) -> ModuleType:
    try:
        if installed:
            return cast(ModuleType, installed[0].load())
        return importlib.import_module(f"{PACKAGE}.{kind}.{name}")
    except (ImportError, AttributeError) as exc:
        raise DriverError(f"{kind}: driver '{name}' cannot be imported: {exc}; install what it needs") from exc


def _shipped(kind: str) -> set[str]:
    try:
        package = importlib.import_module(f"{PACKAGE}.{kind}")
    except ModuleNotFoundError:
        return set()
    return {module.name for module in pkgutil.iter_modules(package.__path__) if not module.name.startswith("_")}


def _installed(kind: str) -> list[EntryPoint]:
    return list(entry_points(group=f"livegate.{kind}"))


def _listing(kind: str) -> str:
    return ", ".join(known_drivers(kind)) or "none"


def _providers(installed: list[EntryPoint]) -> str:
    return ", ".join(point.value for point in installed)
