"""Serves central lists: the manifest retained, and each chunk when the terminal wants it.

A folder holds one version of one list as `livegate console list make` writes it: ``manifest.json`` and
``chunk-000000.json`` and on, each a signed envelope exactly as it is published.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from livegate.errors import LinkError
from livegate.lists.manifest import parse_manifest
from livegate.lists.values import Manifest
from livegate.report.session import Message
from livegate.report.topics import Topics
from livegate.report.wire import MAX_PACKET_BYTES
from livegate.trust.envelope import EnvelopeType, parse_envelope

AHEAD = 32
"""So many chunks beyond the one wanted are sent, and no more."""
RESEND_AFTER_S = 5.0
MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class ListFolder:
    """One version of a list on the disk; ``envelope`` is its manifest as published."""

    path: Path
    manifest: Manifest
    envelope: bytes

    @classmethod
    def open(cls, path: Path) -> Self:
        """Return the list in ``path``; LinkError when there is none, or chunks are missing."""
        try:
            envelope = (path / MANIFEST).read_bytes()
        except OSError as exc:
            raise LinkError(
                f"{path / MANIFEST}: cannot be read ({exc.strerror}); make it with console list make"
            ) from exc
        opened = parse_envelope(envelope, MAX_PACKET_BYTES)
        if opened.type is not EnvelopeType.LIST_MANIFEST:
            raise LinkError(f"{path / MANIFEST}: holds a '{opened.type}', expected a list's manifest")
        folder = cls(path, parse_manifest(opened.payload), envelope)
        missing = next((n for n in range(folder.manifest.chunks) if not folder.file(n).is_file()), None)
        if missing is not None:
            raise LinkError(f"{folder.file(missing)}: is missing; make the list anew with console list make")
        return folder

    def file(self, index: int) -> Path:
        """Return where chunk ``index`` lies."""
        return self.path / f"chunk-{index:06d}.json"

    def chunk(self, index: int) -> bytes:
        """Return chunk ``index`` as it is published; LinkError when it cannot be read."""
        try:
            return self.file(index).read_bytes()
        except OSError as exc:
            raise LinkError(f"{self.file(index)}: cannot be read ({exc.strerror})") from exc


@dataclass(slots=True)
class _Delivery:
    """How far one terminal is with one version: it wants ``wanted``, and ``sent`` is the chunk to send next."""

    folder: ListFolder
    wanted: int = 0
    sent: int = 0
    moved_s: float = 0.0


class ListServer:
    """Answers what terminals say on ``lists/<name>/state``; :meth:`offer` from any thread, the rest from the MQTT's."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._offers: dict[tuple[Topics, str], tuple[ListFolder, ...]] = {}
        self._fresh: set[tuple[Topics, str]] = set()
        self._deliveries: dict[tuple[Topics, str], _Delivery] = {}

    def offer(self, topics: Topics, folder: ListFolder) -> Message:
        """Serve ``folder`` to one terminal from now on; return the retained manifest to publish.

        The three versions offered before are served on, for a terminal that is still receiving one of them.
        """
        name = folder.manifest.name.value
        with self._lock:
            others = self._offers.get((topics, name), ())
            kept = tuple(old for old in others if old.manifest.version != folder.manifest.version)
            self._offers[topics, name] = (*kept[-3:], folder)
            self._fresh.add((topics, name))
        return Message(topics.down(f"lists/{name}/manifest"), folder.envelope, retain=True)

    def hear(self, topics: Topics, name: str, state: Mapping[str, Any]) -> None:
        """Take what a terminal says of a list: which chunk it wants next, or that it wants none of ours."""
        key, receiving, want = (topics, name), state.get("receiving"), state.get("want")
        with self._lock:
            offers = self._offers.get(key, ())
        folder = next((folder for folder in offers if folder.manifest.version == receiving), None)
        if folder is None or type(want) is not int or not 0 <= want < folder.manifest.chunks:
            self._deliveries.pop(key, None)
            return
        delivery = self._deliveries.get(key)
        if delivery is None or delivery.folder is not folder or want < delivery.wanted:
            self._deliveries[key] = _Delivery(folder, want, want, self._now())
        elif want > delivery.wanted:
            delivery.wanted, delivery.sent, delivery.moved_s = want, max(want, delivery.sent), self._now()

    def turn(self, states: Mapping[tuple[Topics, str], Mapping[str, Any]], present: Callable[[Topics], bool]) -> None:
        """Look at what time and new offers make due.

        What terminals that are ``present`` were sent and have not taken for a while is sent again. A list that was
        offered after a terminal asked for it, as ``states`` know, is begun: nobody says the same twice.
        """
        with self._lock:
            fresh, self._fresh = self._fresh, set()
        for key in fresh:
            if key in states:
                self.hear(*key, states[key])
        now_s = self._now()
        for (topics, _), delivery in self._deliveries.items():
            if delivery.sent > delivery.wanted and now_s - delivery.moved_s >= RESEND_AFTER_S and present(topics):
                delivery.sent = delivery.wanted

    def next_message(self) -> Message | None:
        """Return the next chunk to publish, in turn for every terminal; None when none is due.

        Raises LinkError, and gives that terminal's list up, when the chunk cannot be read.
        """
        for key, delivery in self._deliveries.items():
            index = delivery.sent
            if index >= min(delivery.wanted + AHEAD, delivery.folder.manifest.chunks):
                continue
            del self._deliveries[key]
            payload = delivery.folder.chunk(index)
            delivery.sent, delivery.moved_s = index + 1, self._now()
            # At the end: the others are served before this one again.
            self._deliveries[key] = delivery
            topics, name = key
            return Message(topics.down(f"lists/{name}/chunk/{index}"), payload)
        return None
