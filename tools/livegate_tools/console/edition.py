"""Make the payloads of a central list, whole or delta: bounded in memory, and only what terminals will take.

Entries are dictionaries as CONTRACTS and docs/lists.md have them. They are sorted in a temporary file on the way, so
that a terminal only ever appends; one that stands twice is an error here and not at every door.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from livegate.errors import ConfigError, TrustError
from livegate.events.cloudevents import timestamp
from livegate.lists.chunks import Chunk, changes
from livegate.lists.values import MAX_CHUNKS, MAX_ENTRIES, ListName
from livegate.trust.envelope import EnvelopeType
from livegate.trust.payload import MAX_LIFETIME_S, KeyRole

# In base64 with its signature such a payload still is a message below 128,000 bytes.
CHUNK_BYTES = 94_000
# Members around the entries: an audience of 23 characters, two moments, two numbers.
_FRAME_BYTES = 320


@dataclass(frozen=True, slots=True)
class Edition:
    """One version of a list for ``audience`` ("site/terminal" or "site/*"); ``base`` is the version a delta changes."""

    name: ListName
    version: int
    audience: str
    issued_s: float
    expires_s: float
    base: int | None = None

    def common(self) -> dict[str, Any]:
        """Return the members that manifest and chunks share."""
        return {
            "audience": self.audience,
            "role": KeyRole.LISTS.value,
            "list": self.name.value,
            "version": self.version,
            "issued": timestamp(self.issued_s),
            "expires": timestamp(self.expires_s),
        }


class ListMaker:
    """Makes one edition: take all ``chunks`` first, then the ``manifest`` that goes before them.

    No chunk's payload is longer than ``chunk_bytes``, unless one entry alone is.
    """

    def __init__(self, edition: Edition, chunk_bytes: int = CHUNK_BYTES) -> None:
        self._edition = _checked(edition)
        self._room = chunk_bytes - _FRAME_BYTES
        self._digest = hashlib.sha256()
        self._chunks = 0
        self._entries = 0
        self._done = False

    def chunks(self, entries: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
        """Yield the payloads of the chunks in order.

        Raises ConfigError naming the entry (counted from 1) that terminals would refuse, or that stands twice.
        """
        frame = json.dumps(self._edition.common())[:-1]
        for texts in _packed(_sorted(entries, self._edition), self._room):
            if self._chunks == MAX_CHUNKS:
                raise ConfigError(f"list: needs more than {MAX_CHUNKS} chunks; shorten the reasons")
            payload = f'{frame}, "index": {self._chunks}, "entries": [{",".join(texts)}]}}'.encode()
            self._digest.update(payload)
            self._chunks += 1
            self._entries += len(texts)
            yield payload
        self._done = True

    def manifest(self) -> bytes:
        """Return the payload of the manifest; ConfigError before all chunks were taken."""
        if not self._done:
            raise ConfigError("list: its manifest is made when all chunks are")
        members = self._edition.common() | {
            "base": self._edition.base,
            "sha256": self._digest.hexdigest(),
            "chunks": self._chunks,
            "entries": self._entries,
        }
        return json.dumps(members).encode()


def _checked(edition: Edition) -> Edition:
    longest_s = MAX_LIFETIME_S[EnvelopeType.LIST_MANIFEST]
    if not 0 < edition.expires_s - edition.issued_s <= longest_s:
        raise ConfigError(f"list: it may hold for {longest_s / 86_400:.0f} days at most, and must not expire before")
    if edition.version < 1 or (edition.base is not None and not 1 <= edition.base < edition.version):
        raise ConfigError("list: expected a version of 1 or more, and a delta's base below it")
    return edition


def _sorted(entries: Iterable[Mapping[str, Any]], edition: Edition) -> Iterator[str]:
    """Yield the entries as JSON in the order of a terminal's table."""
    # No name: SQLite keeps it in a file of its own as soon as it outgrows its cache.
    with closing(sqlite3.connect("", isolation_level=None)) as connection:
        connection.execute("CREATE TABLE entry (kind INTEGER, value BLOB, text TEXT, PRIMARY KEY (kind, value))")
        connection.execute("BEGIN")
        for number, entry in enumerate(entries, start=1):
            if number > MAX_ENTRIES:
                raise ConfigError(f"list: more than {MAX_ENTRIES} entries")
            key, text = _checked_entry(entry, number, edition)
            try:
                connection.execute("INSERT INTO entry VALUES (?, ?, ?)", (*key, text))
            except sqlite3.IntegrityError as exc:
                raise ConfigError(f"list: entry {number} stands there before with the same kind and value") from exc
        for (text,) in connection.execute("SELECT text FROM entry ORDER BY kind, value"):
            yield text


def _checked_entry(entry: Mapping[str, Any], number: int, edition: Edition) -> tuple[tuple[int, bytes], str]:
    try:
        text = json.dumps(entry, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        (change,) = changes(Chunk(edition.name, edition.version, 0, (dict(entry),)), whole=edition.base is None)
    except (TrustError, TypeError, ValueError) as exc:
        raise ConfigError(f"list: entry {number}: {exc}") from exc
    return change.key, text


def _packed(texts: Iterable[str], room: int) -> Iterator[list[str]]:
    """Yield runs of entries that fit a chunk."""
    run: list[str] = []
    size = 0
    for text in texts:
        length = len(text.encode()) + 1
        if run and size + length > room:
            yield run
            run, size = [], 0
        run.append(text)
        size += length
    if run:
        yield run
