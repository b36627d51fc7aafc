"""Receive central lists: weigh manifests, collect chunks, and put in force at once what is whole and right."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from livegate.errors import TrustError
from livegate.lists import apply, file
from livegate.lists.chunks import parse_chunk
from livegate.lists.lookup import CentralLists
from livegate.lists.spool import Spool
from livegate.lists.values import ListName, ListRefusal, Manifest, Progress, Refused
from livegate.lists.weigh import Standing, refusal

# What the events need comes first: a list may fill the disk only up to this.
SPARE_BYTES = 64 << 20
MAX_TRIES = 3


@dataclass
class _Arriving:
    """A list on its way: ``work`` puts it together once all its chunks are here."""

    manifest: Manifest
    spool: Spool
    tries: int = 1
    work: Generator[None, None, None] | None = None

    @property
    def want(self) -> int | None:
        return self.spool.count if self.spool.count < self.manifest.chunks else None


class Receiver:
    """Takes what the centre sends for both lists; the only one that writes their files. Used by one thread.

    Everything handed in is the payload of an envelope that was verified. All methods that return Progress do nothing
    where what they are given does not fit, and say in the Progress what is wanted.
    """

    def __init__(self, lists: CentralLists, *, spare_bytes: int = SPARE_BYTES) -> None:
        self._lists = lists
        self._folder: Path = lists.state_dir
        self._spare_bytes = spare_bytes
        self._arriving: dict[ListName, _Arriving] = {}
        self._refused: dict[ListName, Refused] = {}
        for name in ListName:
            self._tidy(name)

    def progress(self, name: ListName) -> Progress:
        """Return how receiving ``name`` stands."""
        arriving = self._arriving.get(name)
        return Progress(
            name,
            self._lists.versions().get(name),
            None if arriving is None else arriving.manifest.version,
            None if arriving is None else arriving.want,
            self._refused.get(name),
        )

    def offer(self, manifest: Manifest, *, floor: int, now_s: float) -> Progress:
        """Weigh a manifest and begin to receive it, or go on where a restart left off.

        ``floor`` is the highest version ever applied at this terminal (that very version is taken again if the list was
        lost), ``now_s`` the dates' clock.
        """
        name = manifest.name
        arriving = self._arriving.get(name)
        if (arriving is not None and arriving.manifest == manifest) or self._is_applied(manifest):
            return self.progress(name)
        refused = refusal(manifest, self._standing(name, floor, now_s))
        if refused is not None:
            self._refused[name] = refused
            return self.progress(name)
        self._leave(name)
        self._refused.pop(name, None)
        try:
            self._arriving[name] = _Arriving(manifest, Spool.resume(self._folder, manifest))
        except OSError as exc:
            return self._refuse(manifest, ListRefusal.DISK, f"{self._folder}: {exc.strerror}")
        return self.progress(name)

    def chunk(self, name: ListName, index: int, payload: bytes) -> Progress:
        """Take chunk ``index`` if it is the one wanted; any other, or one of another version, is passed over."""
        arriving = self._arriving.get(name)
        if arriving is None or index != arriving.want:
            return self.progress(name)
        try:
            chunk = parse_chunk(payload)
        except TrustError as exc:
            return self._give_up(arriving, ListRefusal.MALFORMED, f"chunk {index}: {exc}")
        if (chunk.name, chunk.version, chunk.index) != (name, arriving.manifest.version, index):
            return self.progress(name)
        try:
            if arriving.spool.spare_bytes() < self._spare_bytes:
                return self._give_up(arriving, ListRefusal.DISK, f"less than {self._spare_bytes} bytes would be free")
            arriving.spool.append(payload)
        except OSError as exc:
            return self._give_up(arriving, ListRefusal.DISK, f"{self._folder}: {exc.strerror}")
        return self.progress(name)

    def work(self, name: ListName, *, now_s: float) -> Progress:
        """Do the next slice of putting a complete list together: some milliseconds, and a flush with the last.

        Call again while ``complete``; then ``applied`` is the new list, or ``refused`` says why not.
        """
        arriving = self._arriving.get(name)
        if arriving is None or arriving.want is not None:
            return self.progress(name)
        if arriving.manifest.expires_s <= now_s:
            return self._give_up(arriving, ListRefusal.EXPIRED, "expired while it was received")
        try:
            if arriving.work is None:
                arriving.work = self._putting_together(arriving.manifest, arriving.spool)
            next(arriving.work)
        except StopIteration:
            self._swap(arriving)
        except apply.Unfit as exc:
            return self._retry_or_give_up(arriving, exc)
        except OSError as exc:
            return self._give_up(arriving, ListRefusal.DISK, f"{self._folder}: {exc.strerror}")
        except sqlite3.Error as exc:
            return self._give_up(arriving, ListRefusal.DISK, f"{self._folder}: {exc}")
        return self.progress(name)

    def repair(self) -> tuple[ListName, ...]:
        """Remove lists that were found damaged and return their names; offer their manifests again, whole ones.

        Raises StoreError where they cannot be removed.
        """
        damaged = self._lists.broken
        for name in damaged:
            self._leave(name)
            for path in file.files_of(self._folder, name):
                file.remove(path)
            self._lists.refresh(name)
        return damaged

    def close(self) -> None:
        """Stop; what was received so far waits for the next start."""
        for name in list(self._arriving):
            self._leave(name)

    def _tidy(self, name: ListName) -> None:
        """Remove what a crash left behind and what a newer file replaced."""
        file.remove(file.under_way(self._folder, name))
        if name in self._lists.broken:
            return
        current = self._lists.path(name)
        for path in file.files_of(self._folder, name):
            if path != current:
                file.remove(path)

    def _is_applied(self, manifest: Manifest) -> bool:
        applied = self._lists.versions().get(manifest.name)
        return applied is not None and applied.version == manifest.version

    def _standing(self, name: ListName, floor: int, now_s: float) -> Standing:
        progress = self.progress(name)
        applied = 0 if progress.applied is None else progress.applied.version
        return Standing(applied, progress.receiving or 0, floor, now_s)

    def _putting_together(self, manifest: Manifest, spool: Spool) -> Generator[None, None, None]:
        yield from apply.hashed(manifest, spool)
        if manifest.base is None:
            yield from apply.build(self._folder, manifest, spool)
            return
        path = self._lists.path(manifest.name)
        if path is None:
            raise apply.Unfit(ListRefusal.WRONG_BASE, "the list it changes is gone")
        yield from apply.amend(path, manifest, spool)

    def _swap(self, arriving: _Arriving) -> None:
        """Let readers see what is now on the disk, then remove what nobody needs any more."""
        name = arriving.manifest.name
        self._lists.refresh(name)
        path = self._lists.path(name)
        if arriving.manifest.base is not None and path is not None:
            apply.empty_log(path, short=False)
            self._lists.refresh(name)
            apply.empty_log(path, short=True)
        self._leave(name)
        with suppress(OSError):
            arriving.spool.discard()
        self._tidy(name)

    def _retry_or_give_up(self, arriving: _Arriving, unfit: apply.Unfit) -> Progress:
        again = unfit.reason is ListRefusal.WRONG_HASH and arriving.tries < MAX_TRIES
        progress = self._give_up(arriving, unfit.reason, str(unfit))
        if not again:
            return progress
        manifest = arriving.manifest
        try:
            self._arriving[manifest.name] = _Arriving(manifest, Spool.begin(self._folder, manifest), arriving.tries + 1)
        except OSError as exc:
            return self._refuse(manifest, ListRefusal.DISK, f"{self._folder}: {exc.strerror}")
        return self.progress(manifest.name)

    def _give_up(self, arriving: _Arriving, reason: ListRefusal, text: str) -> Progress:
        self._leave(arriving.manifest.name)
        with suppress(OSError):
            arriving.spool.discard()
        return self._refuse(arriving.manifest, reason, text)

    def _refuse(self, manifest: Manifest, reason: ListRefusal, text: str) -> Progress:
        self._refused[manifest.name] = Refused(manifest.version, reason, text)
        return self.progress(manifest.name)

    def _leave(self, name: ListName) -> None:
        arriving = self._arriving.pop(name, None)
        if arriving is not None:
            if arriving.work is not None:
                # What was under way is rolled back and its file removed.
                arriving.work.close()
            arriving.spool.close()
