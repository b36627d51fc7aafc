"""What the decision thread asks of the central lists."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self

from livegate import near
from livegate.errors import StoreError
from livegate.gate.facts import ListEntry
from livegate.lists import file
from livegate.lists.chunks import ACTIONS, KIND_CODES, key_of
from livegate.lists.values import AppliedList, BlockKind, ListName
from livegate.types import Credential

SOURCE = "central"
_BLOCK = "SELECT action, reason, until_s FROM entry WHERE kind = ? AND value = ?"
_ALLOW = "SELECT from_s, until_s, schedule, zones, duress FROM entry WHERE kind = ? AND value = ?"


class View:
    """One list as it stood at the moment this was made; asked under its owner's lock."""

    def __init__(self, path: Path, name: ListName) -> None:
        self.path = path
        self.connection = file.reader(path)
        self.cursor = self.connection.cursor()
        try:
            self.applied = file.read_header(self.connection, name)
            self.media = near.Signatures(self._media() if name is ListName.BLOCK else b"")
        except BaseException:
            self.connection.close()
            raise

    def close(self) -> None:
        """Let the moment go."""
        self.connection.close()

    def _media(self) -> bytes:
        rows = self.connection.execute("SELECT value FROM entry WHERE kind = ?", (KIND_CODES[BlockKind.MEDIA],))
        return b"".join(value for (value,) in rows)


class CentralLists:
    """The central lists in force, for reading; any thread may ask, and a swap never makes one wait.

    A list whose file turns out to be damaged is ``broken`` until the Receiver repairs it, and counts as stale until the
    centre has sent it again.
    """

    def __init__(self, state_dir: Path, media_bits: int = 0) -> None:
        self.state_dir = state_dir
        self._media_bits = media_bits
        # Held for one lookup, or for putting one reference in the place of another: microseconds.
        self._lock = threading.Lock()
        self._views: dict[ListName, View] = {}
        self._broken: set[ListName] = set()

    @classmethod
    def open(cls, state_dir: Path, media_bits: int = 0) -> Self:
        """Open whatever lists lie in ``state_dir``; changes nothing there. Missing ones hold nothing.

        Media whose signatures differ in at most ``media_bits`` bits are taken for the same.
        """
        lists = cls(state_dir, media_bits)
        for name in ListName:
            lists.refresh(name)
        return lists

    @property
    def broken(self) -> tuple[ListName, ...]:
        """The lists that were found damaged."""
        return tuple(sorted(self._broken))

    def lookup_block(self, pairs: Iterable[tuple[str, str]]) -> tuple[ListEntry, ...]:
        """Return the central block entries for (kind, value) pairs, each once; a medium's are all that are near it.

        Entries past their ``until_s`` are among them: the caller judges dates. Raises StoreError when the list turns
        out to be damaged.
        """
        found = {}
        for kind, value in pairs:
            for listed in self._near(value) if kind == BlockKind.MEDIA else (value,):
                key = key_of(kind, listed)
                row = None if key is None else self._row(ListName.BLOCK, _BLOCK, key)
                if row is not None:
                    action, reason, until_s = row
                    found[kind, listed] = ListEntry(kind, listed, ACTIONS[action], reason, until_s, SOURCE)
        return tuple(found.values())

    def lookup_allow(self, pseudonym: str, kind: str) -> Credential | None:
        """Return the credential as the centre knows it, also past its dates, or None. StoreError as above."""
        key = key_of(kind, pseudonym)
        row = None if key is None else self._row(ListName.ALLOW, _ALLOW, key)
        if row is None:
            return None
        from_s, until_s, schedule, zones, duress = row
        return Credential(pseudonym, kind, True, from_s, until_s, schedule, frozenset(zones.split()), bool(duress))

    def versions(self) -> dict[ListName, AppliedList]:
        """Return what is in force; a list that was never applied is not in it."""
        with self._lock:
            return {name: view.applied for name, view in self._views.items()}

    def stale(self, now_s: float, floors: Mapping[str, int]) -> tuple[str, ...]:
        """Return the names of lists past their ``expires``, damaged, or older than the version once applied here.

        ``floors`` are the versions that the store remembers, by name; ``now_s`` is the dates' clock.
        """
        applied = self.versions()
        return tuple(name.value for name in ListName if self._is_stale(name, applied.get(name), now_s, floors))

    def refresh(self, name: ListName) -> None:
        """Read ``name`` as it is on the disk now; who asks meanwhile gets the old list or the new one, whole."""
        self._broken.discard(name)
        view = self._newest(name)
        with self._lock:
            old = self._views.pop(name, None)
            if view is not None:
                self._views[name] = view
        if old is not None:
            old.close()

    def path(self, name: ListName) -> Path | None:
        """Return the file ``name`` is read from, None where there is none."""
        view = self._views.get(name)
        return None if view is None else view.path

    def check(self, name: ListName) -> bool:
        """Read the whole list and return whether it is sound: seconds for a large one, on a connection of its own."""
        view = self._newest(name)
        if view is None:
            return name not in self._broken
        try:
            sound = bool(view.connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",))
        except sqlite3.Error:
            sound = False
        view.close()
        if not sound:
            self._broken.add(name)
        return sound

    def close(self) -> None:
        """Close the files; nothing can be asked afterwards."""
        with self._lock:
            views, self._views = self._views, {}
        for view in views.values():
            view.close()

    def _is_stale(self, name: ListName, applied: AppliedList | None, now_s: float, floors: Mapping[str, int]) -> bool:
        if applied is None:
            return name in self._broken or floors.get(name, 0) > 0
        return name in self._broken or applied.expires_s <= now_s or applied.version < floors.get(name, 0)

    def _near(self, signature: str) -> list[str]:
        view = self._views.get(ListName.BLOCK)
        return [] if view is None else view.media.within(signature, self._media_bits)

    def _row(self, name: ListName, query: str, key: tuple[int, bytes]) -> tuple[Any, ...] | None:
        with self._lock:
            view = self._views.get(name)
            if view is None:
                return None
            try:
                row: tuple[Any, ...] | None = view.cursor.execute(query, key).fetchone()
            except sqlite3.Error as exc:
                raise self._damaged(name, view.path) from exc
            return row

    def _damaged(self, name: ListName, path: Path) -> StoreError:
        self._broken.add(name)
        return StoreError(f"{path}: the central {name} list cannot be read; it will be asked of the centre again")

    def _newest(self, name: ListName) -> View | None:
        for path in file.files_of(self.state_dir, name):
            try:
                return View(path, name)
            except sqlite3.Error as exc:
                if not file.is_damage(exc):
                    raise StoreError(f"{path}: the central {name} list cannot be opened: {exc}") from exc
                self._broken.add(name)
        return None
