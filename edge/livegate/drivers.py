"""Find a driver by its plain name, check its options, open it.

A driver is a module ``livegate_drivers.<kind>.<name>`` or an installed entry point ``<name>`` of the group
``livegate.<kind>``; never a dotted path, so a configuration cannot make the terminal import what it likes. There is no
list to keep: a file that lies in the folder is a driver.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Mapping
from difflib import get_close_matches
from importlib.metadata import EntryPoint
from types import ModuleType
from typing import Any, cast

from livegate.capture.camera import Camera
from livegate.capture.illuminator import Illuminator
from livegate.config import DRIVER_NAME, CameraConfig, DoorConfig, DriverChoice, IlluminatorConfig, ReaderConfig
from livegate.entry_points import points_of
from livegate.errors import ConfigError, DriverError
from livegate.gate.door import Door
from livegate.gate.reader import Reader
from livegate.options import parse

PACKAGE = "livegate_drivers"
KINDS = {
    "cameras": "open_camera",
    "doors": "open_door",
    "illuminators": "open_illuminator",
    "readers": "open_reader",
}


def open_camera(camera: CameraConfig) -> Camera:
    """Return the camera of one [[camera]] table, not yet entered.

    Raise ConfigError where there is no such driver or it does not know an option, DriverError when the driver that
    there is cannot be loaded.
    """
    module, options = _prepare("cameras", camera.source)
    return cast(Camera, module.open_camera(options, camera.role))


def open_door(door: DoorConfig) -> Door:
    """Return the door of the [door] table, not yet entered; errors as for :func:`open_camera`."""
    module, options = _prepare("doors", door.source)
    return cast(Door, module.open_door(options))


def open_reader(reader: ReaderConfig) -> Reader:
    """Return the reader of one [[reader]] table, not yet entered; errors as for :func:`open_camera`."""
    module, options = _prepare("readers", reader.source)
    return cast(Reader, module.open_reader(options))


def open_illuminator(illuminator: IlluminatorConfig) -> Illuminator:
    """Return the lamp of one [[illuminator]] table, not yet entered; errors as for :func:`open_camera`."""
    module, options = _prepare("illuminators", illuminator.source)
    return cast(Illuminator, module.open_illuminator(options))


def factory_calibration(camera: CameraConfig) -> Mapping[str, Mapping[str, Any]] | None:
    """Return what the maker measured of the device of one [[camera]] table, by role, as a calibration file has it.

    None where its driver cannot tell. Opens the device for a moment; errors as for :func:`open_camera`, and DriverError
    where there is no such device.
    """
    module, options = _prepare("cameras", camera.source)
    ask = getattr(module, "factory_calibration", None)
    return None if ask is None else cast(Mapping[str, Mapping[str, Any]], ask(options))


def known_drivers(kind: str) -> tuple[str, ...]:
    """Return the names of all drivers of ``kind`` ("cameras", "doors", ...), shipped and installed, sorted."""
    return tuple(sorted({*_shipped(kind), *(point.name for point in _installed(kind))}))


def load(kind: str, name: str) -> ModuleType:
    """Return the module of the driver ``name``.

    Raise ConfigError naming the drivers there are where none is called so, DriverError for one that is there but cannot
    be imported, is provided twice, or is no driver of this kind.
    """
    if not re.fullmatch(DRIVER_NAME, name):
        raise ConfigError(f"{kind}: '{name}' is no driver's name ({DRIVER_NAME}); {_meant(kind, name)}")
    installed = [point for point in _installed(kind) if point.name == name]
    shipped = name in _shipped(kind)
    if len(installed) + shipped > 1:
        raise DriverError(f"{kind}: driver '{name}' is provided twice ({_providers(installed)}); uninstall one")
    if not installed and not shipped:
        raise ConfigError(f"{kind}: no driver '{name}'; {_meant(kind, name)}")
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
    except (ConfigError, DriverError) as exc:
        raise type(exc)(f"{choice.where}: {exc}") from exc
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
    return points_of(f"livegate.{kind}")


def _meant(kind: str, name: str) -> str:
    known = known_drivers(kind)
    near = get_close_matches(name, known, n=1)
    meant = f"did you mean '{near[0]}'? " if near else ""
    return f"{meant}there are: {', '.join(known) or 'none'}"


def _providers(installed: list[EntryPoint]) -> str:
    return ", ".join(point.value for point in installed)
