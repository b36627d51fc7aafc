"""Finds the pictures a person named: files as they are, folders with all below them, one at a time."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from livegate.errors import PictureError

# Formats that are not read are named too: a picture in a folder is judged or reported, never passed over in silence.
_READ = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".webp", ".bmp"})
_REFUSED = frozenset({".gif", ".tif", ".tiff", ".heic", ".heif", ".avif", ".jp2"})
SUFFIXES = _READ | _REFUSED


@dataclass(frozen=True, slots=True)
class Found:
    """A picture to read and its path below what was named, or what was named and the reason nothing is there."""

    path: Path
    below: Path
    problem: PictureError | None = None


def find_pictures(named: Iterable[Path], leave_out: Path | None = None) -> Iterator[Found]:
    """Yield the pictures of ``named`` in order, folders recursively with 9 before 10; never lists more than a folder.

    In folders, only files whose names say they are pictures count, links to folders are not followed, and the folder
    ``leave_out`` is passed over. A folder that cannot be listed, or has no picture in it or below, yields a problem.
    """
    target = None if leave_out is None else leave_out.resolve()
    for path in named:
        if not _is_folder(path):
            yield Found(path, Path(path.name))
            continue
        empty = True
        for found in _below(path, path, target):
            empty = False
            yield found
        if empty:
            yield Found(path, Path(), PictureError(f"{path}: has no picture in it; name a folder with pictures"))


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """Return a key that sorts names the way people count: frame9 before frame10, case aside."""
    parts = re.findall(r"[0-9]+|[^0-9]+", name)
    return tuple((0, int(part), "") if part[0].isdecimal() else (1, 0, part.casefold()) for part in parts)


def _is_folder(path: Path) -> bool:
    """Return whether it is known to be a folder; whoever reads it as a file then says what is wrong with it."""
    try:
        return path.is_dir()
    except OSError:
        return False


def _below(folder: Path, root: Path, leave_out: Path | None) -> Iterator[Found]:
    if leave_out is not None and folder.resolve() == leave_out:
        return
    try:
        with os.scandir(folder) as entries:
            listed = sorted((natural(entry.name), entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries)
    except OSError as exc:
        yield Found(folder, Path(), PictureError(f"{folder}: cannot be listed ({exc.strerror}); allow it to be read"))
        return
    for _, name, is_folder in listed:
        path = folder / name
        if is_folder:
            yield from _below(path, root, leave_out)
        elif path.suffix.lower() in SUFFIXES:
            yield Found(path, path.relative_to(root))
