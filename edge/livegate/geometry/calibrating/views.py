"""Views of the board: pictures of one moment by all cameras, and where each shows its corners."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from numpy.typing import NDArray

from livegate.errors import CalibrationError, PictureError
from livegate.geometry.calibrating.board import Board, Points, find
from livegate.pictures.reading import read_depth, read_nir, read_picture
from livegate.samples.frames import read_frame_sets
from livegate.samples.manifest import BadLine, read_manifest
from livegate.types import Frame, Role

PICTURES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"})
_READERS: dict[Role, Callable[[Path], NDArray[Any]]] = {
    Role.RGB: read_picture,
    Role.RGB_RIGHT: read_picture,
    Role.NIR: read_nir,
    Role.DEPTH: read_depth,
}

Moment = Mapping[Role, Frame]


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """One moment: ``corners`` by role where the board was found, and the frames themselves.

    ``before`` is the moment before, in which the board was where it is now; None where nothing is known of it.
    """

    name: str
    frames: Moment
    corners: Mapping[Role, Points] = field(default_factory=lambda: MappingProxyType({}))
    before: Moment | None = None


def seen(name: str, frames: Moment, board: Board) -> View:
    """Return a view of the board; depth shows no corners."""
    found = {role: find(frame.image, board) for role, frame in frames.items() if role is not Role.DEPTH}
    return View(name, frames, {role: corners for role, corners in found.items() if corners is not None})


def read_views(place: Path, board: Board) -> Iterator[View]:
    """Yield the views of a folder or of a manifest.

    A folder holds a folder a role (rgb, nir, depth, rgb_right), and pictures of one moment have one name in each.
    CalibrationError where there is nothing to read, PictureError for a damaged picture.
    """
    moments = _from_folder(place) if place.is_dir() else _from_manifest(place)
    for name, frames in moments:
        yield seen(name, frames, board)


def _from_folder(folder: Path) -> Iterator[tuple[str, Moment]]:
    files: dict[str, dict[Role, Path]] = {}
    for role in Role:
        for path in sorted((folder / role).glob("*")):
            if path.suffix.lower() in PICTURES:
                files.setdefault(path.stem, {})[role] = path
    if not any(Role.RGB in paths for paths in files.values()):
        raise CalibrationError(
            f"{folder}: holds no pictures in {folder / Role.RGB}; put those of each camera into a folder of its role"
        )
    for name, paths in sorted(files.items()):
        yield name, {role: Frame(role, _READERS[role](path), 0) for role, path in paths.items()}


def _from_manifest(path: Path) -> Iterator[tuple[str, Moment]]:
    for entry in read_manifest(path):
        if isinstance(entry, BadLine):
            raise PictureError(f"{path}: line {entry.line}: {entry.problem}; mend it or leave it out")
        roles = frozenset(role for moment in entry.moments for role in moment.paths)
        for number, frame_set in enumerate(read_frame_sets(entry, roles)):
            yield f"{entry.id}/{number}", frame_set.frames


def sizes(views: Iterable[View]) -> dict[Role, tuple[int, int]]:
    """Return width and height of each role's pictures; CalibrationError where they differ among themselves."""
    found: dict[Role, tuple[int, int]] = {}
    for view in views:
        for role, frame in view.frames.items():
            size = frame.image.shape[1], frame.image.shape[0]
            if found.setdefault(role, size) != size:
                raise CalibrationError(
                    f"{view.name}: its {role} picture is {_size(size)}, others {_size(found[role])}; "
                    "take all with one mode of the camera"
                )
    return found


def devices(views: Iterable[View]) -> dict[Role, str | None]:
    """Return the serial number that each role's frames tell; CalibrationError where they tell two."""
    told: dict[Role, set[str]] = {}
    for view in views:
        for role, frame in view.frames.items():
            told.setdefault(role, set()).update({frame.device} - {None})  # type: ignore[arg-type]
    for role, names in told.items():
        if len(names) > 1:
            raise CalibrationError(f"{role}: pictures of {' and '.join(sorted(names))}; take all with one camera")
    return {role: next(iter(names), None) for role, names in told.items()}


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
