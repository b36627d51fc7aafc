"""What the daemon's store does beside its transactions: checkpoints, the reserve, the search for silent corruption."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from livegate.errors import StoreError
from livegate.events.integrity import Damage
from livegate.store import files
from livegate.store.connection import is_broken
from livegate.store.gathering import Finding
from livegate.store.reading import StoreReader
from livegate.store.reserve import Reserve
from livegate.store.scrub import Scrub
from livegate.store.transaction import Transaction
from livegate.store.upkeep import Upkeep
from livegate.store.wear import Wear

log = logging.getLogger(__name__)

# What commits and events weigh in pages of log, about. From the one weight on a chore copies the log; at the other it
# is copied after a commit, which then takes some 6 ms more: no door does as much between two chores.
_COMMIT_PAGES, _EVENT_PAGES, _WORTH_PAGES, _LOG_PAGES, _FULL_LOG_PAGES = 2, 5, 2_000, 8_000, 100
_MOST_FINDINGS = 256


@dataclass(slots=True)
class Chores:
    """Done under the lock of the store's transactions, except ``search``."""

    path: Path
    upkeep: Upkeep
    wear: Wear
    reserve: Reserve
    scrub: Scrub = field(default_factory=Scrub)
    damaged: int = 0
    """How much damage was told of since the store was opened."""
    _found: list[Finding] = field(default_factory=list)
    _log_pages: int = 0

    @classmethod
    def begin(cls, path: Path, connection: sqlite3.Connection, upkeep: Upkeep) -> Chores:
        """Return the chores of the database at ``path``, whose rows and log are counted from now on."""
        (page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
        chores = cls(path, upkeep, Wear(path.with_name(f"{path.name}-wal"), page_bytes), Reserve.of(path.parent))
        upkeep.measure(connection)
        chores.wear.begin(connection)
        chores.reserve.keep()
        return chores

    def committed(self, t: Transaction) -> None:
        """Note what ``t`` committed, and copy the log into the database when that is due; raises sqlite3.Error."""
        self.wear.events += t.appended
        self.note(t.found)
        self._log_pages += _COMMIT_PAGES + _EVENT_PAGES * t.appended
        # On a full disk the log must not grow either.
        if self._log_pages >= (_FULL_LOG_PAGES if self.upkeep.disk_full else _LOG_PAGES):
            self.checkpoint(t.connection)

    def rest(self, connection: sqlite3.Connection) -> None:
        """Copy the log in a quiet moment, when it is worth it: every copy wears the card; raises sqlite3.Error."""
        if self._log_pages >= _WORTH_PAGES or self.upkeep.disk_full:
            self.checkpoint(connection)

    def checkpoint(self, connection: sqlite3.Connection) -> None:
        """Copy the log into the database; raises sqlite3.Error."""
        self._log_pages = 0
        self.wear.checkpoint(connection)

    def disk_filled(self, connection: sqlite3.Connection) -> None:
        """Give the reserve up and copy the log into it: the disk had no room for a commit."""
        self.upkeep.disk_full = True
        self.reserve.give_up()
        with suppress(sqlite3.Error):
            self.checkpoint(connection)

    def look_at_disk(self) -> None:
        """Take the reserve again when the disk has room to spare; from then on it is full no longer."""
        if self.upkeep.disk_full and self.reserve.keep():
            self.upkeep.disk_full = False
            log.info("store: the disk has room again")

    def note(self, found: list[Finding]) -> None:
        """Keep what was found damaged until it is told."""
        self._found = [*self._found, *found][:_MOST_FINDINGS]

    def take(self) -> list[Finding]:
        """Return what was found damaged since the last time."""
        found, self._found = self._found, []
        return found

    def search(self, reader: StoreReader) -> list[Finding]:
        """Read a slice of the store and return what is damaged; what cannot be read is checked at the next start."""
        try:
            with reader.reading() as connection:
                return self.scrub.step(connection)
        except StoreError as exc:
            if not isinstance(exc.__cause__, sqlite3.Error) or not is_broken(exc.__cause__):
                raise
            files.private_file(self.path.with_name(files.CHECK))
            log.error("store: damaged, restart the daemon to set it aside: %s", exc)  # noqa: TRY400 - says it all
            return [(Damage.PAGE, self.path.name)]

    def measures(self) -> Mapping[str, float]:
        """Return what health tells of it."""
        return {
            "store_written_bytes_total": self.wear.written_bytes,
            "store_log_bytes_total": self.wear.log_bytes,
            "store_bytes_per_event": round(self.wear.bytes_per_event, 1),
            "store_damaged_total": self.damaged,
            "store_scrubs_total": self.scrub.rounds,
            "store_disk_full": float(self.upkeep.disk_full),
        }
