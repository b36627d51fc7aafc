"""Chunks as they came, waiting in ``lists.<name>.chunks`` until all are here; a restart goes on with what survived.

One file that only grows: its manifest, then each chunk behind its length and CRC-32. A tail that a power cut tore is
cut off and asked for again. That the whole is what the manifest promised, its SHA-256 says when it is put together.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO, Self

from livegate.lists.chunks import MAX_CHUNK_BYTES
from livegate.lists.values import ListName, Manifest

_FRAME = struct.Struct(">II")
# A power cut costs at most these chunks, which are asked for again.
_FLUSH_EVERY = 32


def spool_path(folder: Path, name: ListName) -> Path:
    """Return where the chunks of a list wait."""
    return folder / f"lists.{name}.chunks"


class Spool:
    """The chunks of one manifest received so far, in order; used by one thread."""

    def __init__(self, file: BinaryIO, path: Path, count: int) -> None:
        self._file = file
        self._path = path
        self.count = count

    @classmethod
    def begin(cls, folder: Path, manifest: Manifest) -> Self:
        """Begin anew for ``manifest``; what waited there is dropped. Raises OSError."""
        path = spool_path(folder, manifest.name)
        path.unlink(missing_ok=True)
        with ExitStack() as stack:
            file = stack.enter_context(_open(path, os.O_CREAT | os.O_EXCL))
            _append(file, _described(manifest))
            stack.pop_all()
        return cls(file, path, 0)

    @classmethod
    def resume(cls, folder: Path, manifest: Manifest) -> Self:
        """Take up what waits there for this very manifest; begin anew where that is nothing. Raises OSError."""
        path = spool_path(folder, manifest.name)
        try:
            file = _open(path, 0)
        except FileNotFoundError:
            return cls.begin(folder, manifest)
        with ExitStack() as stack:
            stack.enter_context(file)
            frames = _frames(file)
            if next(frames, None) != _described(manifest):
                return cls.begin(folder, manifest)
            count, end = 0, file.tell()
            for _ in frames:
                count, end = count + 1, file.tell()
            file.truncate(end)
            file.seek(end)
            stack.pop_all()
        return cls(file, path, count)

    def append(self, payload: bytes) -> None:
        """Keep the next chunk. Raises OSError, after which the spool is worth nothing."""
        _append(self._file, payload)
        self.count += 1
        if self.count % _FLUSH_EVERY == 0:
            os.fdatasync(self._file.fileno())

    def spare_bytes(self) -> int:
        """Return how many bytes the file system will have left once what is here was also put into a list's file."""
        space = os.fstatvfs(self._file.fileno())
        return space.f_bavail * space.f_frsize - self._file.tell()

    def chunks(self) -> Iterator[bytes]:
        """Yield the chunks in order, read from the file: fewer than ``count`` where the file was damaged."""
        with self._path.open("rb") as file:
            frames = _frames(file)
            next(frames, None)
            yield from frames

    def close(self) -> None:
        """Keep what is there for later."""
        with suppress(OSError):
            self._file.close()

    def discard(self) -> None:
        """Drop what is there. Raises OSError."""
        self.close()
        self._path.unlink(missing_ok=True)


def _open(path: Path, flags: int) -> BinaryIO:
    descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | flags, 0o600)
    return os.fdopen(descriptor, "r+b", buffering=0)


def _append(file: BinaryIO, payload: bytes) -> None:
    frame = memoryview(_FRAME.pack(len(payload), zlib.crc32(payload)) + payload)
    while frame:
        frame = frame[file.write(frame) :]


def _frames(file: BinaryIO) -> Iterator[bytes]:
    """Yield whole frames from the beginning; ends before the first that is not one."""
    file.seek(0)
    while len(head := file.read(_FRAME.size)) == _FRAME.size:
        length, crc = _FRAME.unpack(head)
        if not 0 < length <= MAX_CHUNK_BYTES:
            return
        payload = file.read(length)
        if len(payload) < length or zlib.crc32(payload) != crc:
            return
        yield payload


def _described(manifest: Manifest) -> bytes:
    return json.dumps(asdict(manifest), sort_keys=True).encode()
