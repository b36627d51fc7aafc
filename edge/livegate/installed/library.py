"""The installed models of a terminal: `<state_dir>/models/<name>/<sha256 of the manifest>/`, beside it the pointer.

A version never changes: its folder is named by its manifest, and the manifest names its files by their hashes.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from livegate.detect.network import MANIFEST
from livegate.errors import AssetError
from livegate.filesystem import UNFINISHED
from livegate.installed.description import Description, describe
from livegate.installed.intake import is_text
from livegate.installed.pointer import DIGEST, NAME, Pointer, read_pointer
from livegate.installed.shelf import Shelf
from livegate.trust.keyfiles import user_text

FOLDER = "models"
MODEL_NAME = re.compile("[a-z0-9][a-z0-9_-]{0,63}")
LOCK_TIMEOUT_S = 5.0
_LOCK = ".lock"
_POLL_S = 0.05
_REMEDY = "install it again"


@dataclass(frozen=True, slots=True)
class Library:
    """The folder of installed models; it need not be there, and nothing here but ``changing`` makes it."""

    path: Path

    @classmethod
    def of(cls, state_dir: Path) -> Library:
        """Return the library that belongs to a state folder."""
        return cls(state_dir / FOLDER)

    def folder(self, name: str) -> Path:
        """Return where the versions of model ``name`` lie; AssetError for what is no name."""
        if not MODEL_NAME.fullmatch(name):
            raise AssetError(f"{name!r} is no name of a model; expected up to 64 of a-z, 0-9, '-' and '_'")
        return self.path / name

    def names(self) -> tuple[str, ...]:
        """Return the names of all installed models, sorted; AssetError when the folder cannot be read."""
        return tuple(name for name in _entries(self.path) if MODEL_NAME.fullmatch(name))

    def versions(self, name: str) -> tuple[str, ...]:
        """Return the installed versions of a model, by the SHA-256 of their manifests, sorted."""
        return tuple(entry for entry in _entries(self.folder(name)) if DIGEST.fullmatch(entry))

    def whole(self, name: str, version: str) -> Description:
        """Return what an installed version is; AssetError unless every byte of it is as it was when it was installed.

        Nobody else may write there, either.
        """
        folder = self.folder(name) / version
        for place in (self.path, folder.parent, folder):
            self._check_kept(place, stat.S_ISDIR)
        description = describe(folder)
        if description.sha256 != version or description.name != name:
            raise AssetError(f"{folder / MANIFEST}: is not the one that was installed; {_REMEDY}")
        for entry in _entries(folder):
            self._check_kept(folder / entry, stat.S_ISREG)
            if entry != MANIFEST and entry not in description.files and not is_text(entry):
                raise AssetError(f"{folder / entry}: was not installed with the model; remove it")
        for file, digest in description.files.items():
            check_content(folder / file, digest)
        return description

    def shelf(self) -> Shelf:
        """Return where every model is to be taken from; what is active and damaged is a fault, with what serves."""
        active: dict[str, Path] = {}
        faults: dict[str, str] = {}
        try:
            names = self.names()
        except AssetError as exc:
            return Shelf(faults={FOLDER: self._within(exc)})
        for name in names:
            try:
                version = self.pointer(name).active
                if version is not None:
                    active[name] = self.whole(name, version).folder
            except AssetError as exc:
                faults[name] = f"installed model '{name}' is not used: {self._within(exc)}"
        return Shelf(active, faults)

    def _within(self, fault: AssetError) -> str:
        """Return what is wrong, named from the state folder on: events carry it, and where that lies is nobody's."""
        return str(fault).replace(f"{self.path.parent}{os.sep}", "")

    def pointer(self, name: str) -> Pointer:
        """Return which version is active; AssetError when that cannot be told."""
        folder = self.folder(name)
        # A first installation that was cut short leaves an empty folder.
        if not os.path.lexists(folder / NAME) and not self.versions(name):
            return Pointer()
        self._check_kept(folder / NAME, stat.S_ISREG)
        return read_pointer(folder)

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Keep other processes from changing the library meanwhile, and clear what an earlier one left unfinished.

        Raises AssetError when another holds it for longer than LOCK_TIMEOUT_S, or the folder cannot be made.
        """
        try:
            self.path.mkdir(mode=0o700, exist_ok=True)
            self._check_kept(self.path, stat.S_ISDIR)
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            descriptor = os.open(self.path / _LOCK, flags, 0o600)
        except OSError as exc:
            raise AssetError(f"{self.path}: cannot be made or written ({exc.strerror}); check the disk") from exc
        try:
            self._hold(descriptor)
            self._tidy()
            yield
        finally:
            os.close(descriptor)

    def _check_kept(self, path: Path, is_kind: Callable[[int], bool]) -> None:
        """Raise AssetError unless ``path`` is of its kind, no link, and only the state folder's owner may write it."""
        try:
            owner, status = self.path.parent.stat().st_uid, path.lstat()
        except OSError as exc:
            raise AssetError(f"{path}: cannot be read ({exc.strerror}); {_REMEDY}") from exc
        if not is_kind(status.st_mode):
            raise AssetError(f"{path}: is a link or of another kind than was installed; {_REMEDY}")
        if status.st_uid != owner or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise AssetError(f"{path}: others may write to it; give it to {user_text(owner)} alone, mode go-w")

    def _hold(self, descriptor: int) -> None:
        until_s = time.monotonic() + LOCK_TIMEOUT_S
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as exc:
                if time.monotonic() > until_s:
                    raise AssetError(f"{self.path}: another command changes the models; try again") from exc
                time.sleep(_POLL_S)
            else:
                return

    def _tidy(self) -> None:
        try:
            for left in self.path.glob(f"{UNFINISHED}*"):
                shutil.rmtree(left)
            for left in self.path.glob(f"*/{UNFINISHED}*"):
                left.unlink()
        except OSError as exc:
            raise AssetError(f"{exc.filename}: cannot be cleared away ({exc.strerror}); remove it by hand") from exc


def _entries(folder: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in folder.iterdir())
    except FileNotFoundError:
        return []
    except OSError as exc:
        # A state folder that is no folder is said by whoever needs it.
        if isinstance(exc, NotADirectoryError) and not folder.is_file():
            return []
        raise AssetError(f"{folder}: cannot be read ({exc.strerror}); run this as its owner") from exc


def check_content(path: Path, digest: str) -> None:
    """Raise AssetError unless the file's SHA-256 is ``digest``."""
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as exc:
        raise AssetError(f"{path}: cannot be read ({exc.strerror}); {_REMEDY}") from exc
    if found != digest:
        raise AssetError(
            f"{path}: is not the file its manifest names: expected SHA-256 {digest}, found {found}; {_REMEDY}"
        )
