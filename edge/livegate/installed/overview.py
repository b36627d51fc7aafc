"""All models a terminal has: what ships, what was installed, which of them judge."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from livegate import assets
from livegate.config import Config
from livegate.detect.network import MANIFEST
from livegate.errors import AssetError
from livegate.installed.counting import not_now, weighed_with
from livegate.installed.description import Description, describe
from livegate.installed.library import Library
from livegate.installed.pointer import Pointer
from livegate.installed.shelf import Shelf


@dataclass(frozen=True, slots=True)
class Listed:
    """One version of a model. ``fault`` says what is wrong with it, and then little else is known of it."""

    name: str
    source: str
    """"shipped" or "installed"."""
    active: bool
    folder: Path
    sha256: str | None = None
    previous: bool = False
    description: Description | None = None
    fault: str | None = None
    idle: str | None = None
    """Why a user's own classifier that is in force does not count, though nothing is wrong with it."""

    @property
    def calibration(self) -> Mapping[str, Any] | None:
        """When it was calibrated and with how much, None where it was not."""
        return self.description.calibration if self.description else None


def overview(library: Library | None, shelf: Shelf, config: Config | None = None) -> tuple[Listed, ...]:
    """Return every model by name, what ships first; nothing is raised for one that is damaged: it says so.

    What a user's own classifier counts beside depends on the ``config`` of the terminal, else on what ships.
    """
    found = [_shipped(path.parent, shelf) for path in assets.folder("models").glob(f"*/{MANIFEST}")]
    if library is not None:
        for name in library.names():
            found += (replace(listed, idle=_idle(listed, shelf, config)) for listed in _installed(library, name))
    return tuple(sorted(found, key=lambda listed: (listed.name, listed.source != "shipped", listed.sha256 or "")))


def _idle(listed: Listed, shelf: Shelf, config: Config | None) -> str | None:
    beside = listed.description.beside if listed.description and listed.active else None
    if beside is None:
        return None
    try:
        return not_now(beside, weighed_with(beside, shelf, config))
    except AssetError:
        # Then no network judges, and the damaged one says so in its own line.
        return None


def _shipped(folder: Path, shelf: Shelf) -> Listed:
    active = folder.name not in shelf.active
    try:
        described = describe(folder)
    except AssetError as exc:
        return Listed(folder.name, "shipped", active, folder, fault=str(exc))
    return Listed(folder.name, "shipped", active, folder, described.sha256, description=described)


def _installed(library: Library, name: str) -> Iterator[Listed]:
    folder = library.folder(name)
    try:
        pointer = library.pointer(name)
    except AssetError as exc:
        pointer = Pointer()
        yield Listed(name, "installed", active=False, folder=folder, fault=str(exc))
    for version in library.versions(name):
        previous, active = version == pointer.previous, version == pointer.active
        try:
            described = library.whole(name, version)
        except AssetError as exc:
            yield Listed(name, "installed", False, folder / version, version, previous, fault=str(exc))
        else:
            yield Listed(name, "installed", active, folder / version, version, previous, described)
