"""Take a model in from outside: a folder or a ZIP file, of which nothing is believed.

Everything is read into memory, bounded, before anything is written: only plain files of names that a model may hold.
"""

from __future__ import annotations

import os
import re
import stat
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Protocol

from livegate.detect.network import MANIFEST
from livegate.errors import AssetError

MAX_FILE_BYTES = 32 << 20
MAX_MANIFEST_BYTES = 256 << 10
MAX_FILES = 16
# The list of a ZIP file's members is read whole before the first of them.
_MAX_DIRECTORY_BYTES = 16 << 10
_END_BYTES = 22
_LONGEST_END_BYTES = _END_BYTES + 65_535
_END, _END_64 = b"PK\x05\x06", b"PK\x06\x07"
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}", re.ASCII)
_TEXT_NAME = re.compile(r"(CARD|LICENSE|LICENCE|NOTICE|README)[A-Za-z0-9._-]*", re.ASCII)


class Source(Protocol):
    """Where a model comes from."""

    path: Path

    def names(self) -> list[str]:
        """Return the names of all its files; AssetError for anything that is no plain file beside the manifest."""

    def read(self, name: str, limit: int) -> bytes:
        """Return one file; AssetError when it is longer than ``limit`` bytes or cannot be read."""


def open_source(path: Path) -> Source:
    """Return the model in ``path``, a folder or a ZIP file; AssetError when it is neither."""
    if path.is_dir():
        return _Folder(path)
    if path.is_file():
        return _Zip(path)
    raise AssetError(f"{path}: is neither a folder nor a ZIP file; give one that holds a {MANIFEST}")


def is_text(name: str) -> bool:
    """Return whether a file of this name may lie beside a model without standing in its manifest."""
    return _TEXT_NAME.fullmatch(name) is not None


def read_all(source: Source, listed: Iterable[str]) -> dict[str, bytes]:
    """Return every file of ``source`` by name: the manifest, those it lists, licence and card.

    Raises AssetError when there is any other, or a listed one is missing.
    """
    names, allowed = source.names(), {MANIFEST, *listed}
    for name in names:
        if name not in allowed and not is_text(name):
            raise AssetError(f"{source.path}: holds {name!r}, which {MANIFEST} does not list; remove it")
    for name in sorted(allowed):
        if name not in names:
            raise AssetError(f"{source.path}: lacks {name!r}; give the whole model")
    networks = allowed - {MANIFEST}
    return {name: source.read(name, MAX_FILE_BYTES if name in networks else MAX_MANIFEST_BYTES) for name in names}


def _checked(names: list[str], path: Path) -> list[str]:
    if len(names) > MAX_FILES:
        raise AssetError(f"{path}: holds {len(names)} files, expected at most {MAX_FILES}")
    for name in names:
        if not _PLAIN_NAME.fullmatch(name):
            raise AssetError(f"{path}: holds {name!r}, which is no plain name of a file; remove it")
    if len({name.casefold() for name in names}) != len(names):
        raise AssetError(f"{path}: holds a name twice; make it anew")
    return names


class _Folder:
    def __init__(self, path: Path) -> None:
        self.path = path

    def names(self) -> list[str]:
        try:
            with os.scandir(self.path) as entries:
                found = {entry.name: entry.is_file(follow_symlinks=False) for entry in entries}
        except OSError as exc:
            raise AssetError(f"{self.path}: cannot be read ({exc.strerror})") from exc
        names = _checked(sorted(found), self.path)
        for name in names:
            if not found[name]:
                raise AssetError(f"{self.path / name}: is no plain file; a model holds files only, and no links")
        return names

    def read(self, name: str, limit: int) -> bytes:
        path = self.path / name
        try:
            # Whoever can write there may have put a pipe or a link in its place since.
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(descriptor, "rb") as file:
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    raise AssetError(f"{path}: is no plain file; a model holds files only, and no links")
                return _bounded(file.read(limit + 1), limit, path)
        except OSError as exc:
            raise AssetError(f"{path}: cannot be read ({exc.strerror})") from exc


class _Zip:
    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            _check_end(path)
            with zipfile.ZipFile(path) as archive:
                self._members = _members(archive.infolist(), path)
        except OSError as exc:
            raise AssetError(f"{path}: cannot be read ({exc.strerror})") from exc
        except (zipfile.BadZipFile, NotImplementedError, ValueError) as exc:
            raise AssetError(f"{path}: is no ZIP file ({exc}); give a folder or a ZIP file") from exc

    def names(self) -> list[str]:
        return _checked(sorted(self._members), self.path)

    def read(self, name: str, limit: int) -> bytes:
        try:
            with zipfile.ZipFile(self.path) as archive, archive.open(self._members[name]) as file:
                return _bounded(file.read(limit + 1), limit, self.path / name)
        except (OSError, EOFError, RuntimeError, ValueError, zipfile.BadZipFile, zlib.error) as exc:
            raise AssetError(f"{self.path}: {name!r} cannot be unpacked ({exc}); make it anew") from exc


def _check_end(path: Path) -> None:
    """Refuse a ZIP file with a list of members that is long or ambiguous, before anybody reads it."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _LONGEST_END_BYTES))
        tail = file.read()
    if tail.count(_END) != 1 or _END_64 in tail:
        raise AssetError(f"{path}: is no plain ZIP file; give a folder or a ZIP file")
    at = tail.index(_END)
    directory_bytes = int.from_bytes(tail[at + 12 : at + 16], "little")
    if directory_bytes > _MAX_DIRECTORY_BYTES or size > MAX_FILES * MAX_FILE_BYTES:
        raise AssetError(f"{path}: holds too much for a model, expected at most {MAX_FILES} files")


def _members(listed: list[zipfile.ZipInfo], path: Path) -> dict[str, zipfile.ZipInfo]:
    """Return the members by name; one folder around all of them is taken off."""
    # Not is_dir(), which falls over a member without a name.
    infos = [info for info in listed if not info.filename.endswith("/")]
    tops = {PurePosixPath(info.filename).parts[:1] for info in infos}
    inside = len(tops) == 1 and all(info.filename.count("/") == 1 for info in infos)
    found: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        name = info.filename.partition("/")[2] if inside else info.filename
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind not in (0, stat.S_IFREG) or info.flag_bits & 1 or name in found:
            raise AssetError(f"{path}: {name!r} is a link, encrypted or there twice; a model holds plain files only")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise AssetError(f"{path}: {name!r} is packed in a way not known here; make it anew with deflate")
        found[name] = info
    return found


def _bounded(content: bytes, limit: int, path: Path) -> bytes:
    if len(content) > limit:
        raise AssetError(f"{path}: is longer than {limit} bytes, which no model of ours is")
    return content
