"""``lists/<block|allow>/...``: central lists, a manifest and then chunk after chunk; the state says which is wanted."""

from __future__ import annotations

import json
import logging
import time

from livegate.errors import Refusal, TrustError
from livegate.events import central
from livegate.lists.chunks import MAX_CHUNK_BYTES
from livegate.lists.manifest import MAX_MANIFEST_BYTES, parse_manifest
from livegate.lists.values import AppliedList, ListName, ListRefusal, Manifest, Progress
from livegate.report.down.desk import Desk
from livegate.report.session import Arrival, Message
from livegate.store.list_floor import list_floors, raise_list_floor
from livegate.store.trusted import take_message
from livegate.trust.envelope import EnvelopeType
from livegate.trust.payload import KeyRole

log = logging.getLogger(__name__)

_ENVELOPE_BYTES = 512
# Base64 makes four bytes of three.
MAX_BYTES = MAX_CHUNK_BYTES * 4 // 3 + _ENVELOPE_BYTES
WORK_S = 0.010
"""So long at a time a list is put together, so that events and acknowledgements go on meanwhile."""

_REASONS = {ListRefusal.VERSION_BACK: Refusal.VERSION_BACK, ListRefusal.EXPIRED: Refusal.EXPIRED}


class ListHandler:
    """A Handler."""

    topics = ("lists/+/manifest", "lists/+/chunk/+")
    max_bytes = MAX_BYTES

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._manifests: dict[ListName, tuple[Manifest, str]] = {}
        with desk.store.transaction() as t:
            self._floors = list_floors(t.connection)
        for name in ListName:
            self._note(desk.lists.progress(name))

    def take(self, arrival: Arrival, name: str) -> None:
        """Take a manifest or a chunk for the list its topic names."""
        _, listed, what, *number = name.split("/")
        if listed not in list(ListName):
            raise TrustError(Refusal.MALFORMED, "list: expected block or allow in the topic")
        if what == "manifest":
            self._take_manifest(arrival, ListName(listed))
        else:
            self._take_chunk(arrival, ListName(listed), number[0])

    def opened(self) -> None:
        """Nothing depends on the connection."""

    def turn(self) -> bool:
        """Put together what is complete, a slice at a time, and record what came into force."""
        for name in self._desk.lists.repair():
            self._ask_again(name)
        for name in ListName:
            if self._desk.lists.progress(name).complete:
                self._work(name)
            self._record(name)
        return any(self._desk.lists.progress(name).complete for name in ListName)

    def _take_manifest(self, arrival: Arrival, name: ListName) -> None:
        desk = self._desk
        most = MAX_MANIFEST_BYTES * 4 // 3 + _ENVELOPE_BYTES
        opened = desk.open(arrival, most, EnvelopeType.LIST_MANIFEST, KeyRole.LISTS)
        manifest = parse_manifest(opened.envelope.payload)
        if manifest.name is not name:
            raise TrustError(Refusal.MALFORMED, f"manifest of list '{manifest.name}' on the topic of '{name}'")
        with desk.store.transaction() as t:
            floor_s = take_message(t, opened.members)
        desk.floor.raise_to(floor_s)
        self._offer(manifest)
        self._manifests[name] = (manifest, opened.envelope.keyid)

    def _offer(self, manifest: Manifest) -> None:
        floor, now_s = self._floors.get(manifest.name, 0), self._desk.floor.now().dates_s()
        progress = self._desk.lists.offer(manifest, floor=floor, now_s=now_s)
        self._note(progress)
        refused = progress.refused
        if refused is not None and refused.version == manifest.version:
            raise TrustError(
                _REASONS.get(refused.reason, Refusal.NOT_ALLOWED), f"list '{manifest.name}': {refused.text}"
            )

    def _take_chunk(self, arrival: Arrival, name: ListName, number: str) -> None:
        if not (number.isascii() and number.isdigit()):
            raise TrustError(Refusal.MALFORMED, "list: the topic ends in no number")
        opened = self._desk.open(arrival, MAX_BYTES, EnvelopeType.LIST_CHUNK, KeyRole.LISTS)
        if opened.members.get("index") != int(number[:9]) or opened.members.get("list") != name:
            raise TrustError(Refusal.MALFORMED, "list: a chunk on the topic of another")
        self._note(self._desk.lists.chunk(name, int(number[:9]), opened.envelope.payload))

    def _work(self, name: ListName) -> None:
        end_s, now_s = time.monotonic() + WORK_S, self._desk.floor.now().dates_s()
        progress = self._desk.lists.work(name, now_s=now_s)
        while progress.complete and time.monotonic() < end_s:
            progress = self._desk.lists.work(name, now_s=now_s)
        self._note(progress)

    def _record(self, name: ListName) -> None:
        """Tell what came into force; a crash or a full store in between leaves it to be told here later."""
        applied = self._desk.central.versions().get(name)
        if applied is None or applied.version <= self._floors.get(name, 0):
            return
        with self._desk.store.transaction() as t:
            raise_list_floor(t, name, applied.version)
            t.enqueue(central.list_replaced(self._change(applied), t.opened, t.context.environment))
        self._floors[name] = applied.version
        log.info("list in force", extra={"list": str(name), "version": applied.version, "entries": applied.entries})

    def _change(self, applied: AppliedList) -> central.ListChange:
        manifest, keyid = self._manifests.get(applied.name, (None, None))
        same = manifest is not None and manifest.version == applied.version
        return central.ListChange(
            name=str(applied.name),
            version=applied.version,
            base=applied.base,
            sha256=applied.sha256,
            entries=applied.entries,
            expires_s=applied.expires_s,
            keyid=keyid if same else None,
        )

    def _ask_again(self, name: ListName) -> None:
        log.error("a central list was damaged and is asked for again", extra={"list": str(name)})
        known = self._manifests.get(name)
        if known is not None:
            try:
                self._offer(known[0])
            except TrustError as exc:
                log.warning("list: %s", exc)
        self._desk.again = True
        self._note(self._desk.lists.progress(name))

    def _note(self, progress: Progress) -> None:
        body = json.dumps(progress.state(), separators=(",", ":")).encode()
        self._desk.outbox.state(Message(self._desk.topics.list_state(progress.name), body, retain=True))


def handler(desk: Desk) -> ListHandler:
    """Return the handler of central lists."""
    return ListHandler(desk)
