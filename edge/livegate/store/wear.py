"""How much is written to the card: the log, and what checkpoints copy from it into the database."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

_IO = Path("/proc/thread-self/io")
# https://sqlite.org/fileformat2.html#walformat: a header, then frames of a small header and a page.
_LOG_HEADER_BYTES = 32
_FRAME_HEADER_BYTES = 24
_GENERATION = slice(12, 16)


@dataclass(slots=True)
class Wear:
    """Counts since the store was opened; checkpoints go through here, so that none is missed."""

    log_path: Path
    page_bytes: int
    log_bytes: int = 0
    copied_bytes: int = 0
    events: int = 0
    _counted_events: int = 0
    _generation: bytes = b""
    _frames: int = 0

    @property
    def written_bytes(self) -> int:
        """Bytes written in all."""
        return self.log_bytes + self.copied_bytes

    @property
    def bytes_per_event(self) -> float:
        """Bytes written for each event recorded, checkpoints included; 0 before the first checkpoint."""
        return self.written_bytes / self._counted_events if self._counted_events else 0.0

    def begin(self, connection: sqlite3.Connection) -> None:
        """Take what the log holds already as not ours to count."""
        self.checkpoint(connection)
        self.log_bytes = self.copied_bytes = self.events = self._counted_events = 0

    def checkpoint(self, connection: sqlite3.Connection) -> None:
        """Copy from the log into the database what no reader holds back, and count both; raises sqlite3.Error."""
        generation = self._read_generation()
        before = _thread_written()
        _, frames, moved = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        after = _thread_written()
        if generation != self._generation:
            self._frames, self._generation = 0, generation
            self.log_bytes += _LOG_HEADER_BYTES
        self.log_bytes += max(0, frames - self._frames) * (self.page_bytes + _FRAME_HEADER_BYTES)
        # Where the system does not say it: each frame at most once.
        copied = max(0, moved - self._frames) * self.page_bytes
        self.copied_bytes += copied if before is None or after is None else after - before
        self._frames = max(0, frames)
        self._counted_events = self.events

    def _read_generation(self) -> bytes:
        try:
            with self.log_path.open("rb") as log:
                return log.read(_LOG_HEADER_BYTES)[_GENERATION]
        except OSError:
            return b""


def _thread_written() -> int | None:
    """Return how many bytes this thread has written in all, None where the kernel keeps no account."""
    try:
        lines = _IO.read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("wchar:"))
    except (OSError, ValueError, IndexError, StopIteration):
        return None
