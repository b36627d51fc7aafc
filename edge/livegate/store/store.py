"""The store: one SQLite file that holds what the terminal remembers and what it still has to tell.

One daemon writes it; the command line may change lists beside it, each change in a transaction of its own.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from livegate.errors import StoreError, StoreFull
from livegate.events import kinds
from livegate.events.cloudevents import ChainHead, StoredEvent
from livegate.gate.facts import Clock, GatePolicy
from livegate.store.acknowledging import acknowledge
from livegate.store.checkpoints import after_start, sign
from livegate.store.chores import Chores
from livegate.store.connection import DiskFull, store_error, transaction
from livegate.store.full import tell_capacity
from livegate.store.gathering import CentralLists, Finding
from livegate.store.opening import Opened
from livegate.store.pruning import prune
from livegate.store.reading import Counts, StoreReader
from livegate.store.scrub import mend
from livegate.store.tidying import tidy
from livegate.store.transaction import Transaction
from livegate.store.trusted import raise_floor
from livegate.store.writing import Context
from livegate.types import AccessEvent

log = logging.getLogger(__name__)

LOCK_TIMEOUT_S = 5.0


class Store:
    """An open store; made by ``open_store`` or ``open_for_edit``, closed by leaving its ``with`` block.

    ``transaction`` and ``acknowledge`` may be called from any thread and are done one at a time; the reading methods
    have a connection of their own and never make a transaction wait. All raise StoreError when the file fails them.
    """

    def __init__(
        self,
        path: Path,
        opened: Opened,
        context: Context,
        clock: Callable[[], Clock],
        held: ExitStack,
        chores: Chores | None = None,
    ) -> None:
        """``chores`` are the daemon's; without them the log is left for it to copy."""
        self._path = path
        self._connection = opened.connection
        self._context = context
        self._clock = clock
        self._lock = threading.Lock()
        self._unsaid: tuple[AccessEvent, ...] = ()
        self._reader = held.enter_context(StoreReader(path.parent))
        self._held = held
        self._closed = False
        self._chores = chores
        self.stream = self._reader.stream
        """The stream's random name."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Sign what is not signed yet, close the files and release the daemon's lock; doing so twice is harmless."""
        if not self._closed:
            self._closed = True
            self._sign_the_rest()
        self._held.close()

    def _sign_the_rest(self) -> None:
        if self._context.signing.signer is None:
            return
        try:
            with self.transaction() as t:
                sign(t)
        except StoreError as exc:
            # A file that fails now is closed all the same; the next start goes on where it stands.
            log.warning("store: the last events are not signed: %s", exc)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Hold one transaction: committed, and on the disk, when the block ends; rolled back when anything is raised.

        Raises StoreError when it cannot begin or commit, StoreFull (from ``enqueue``) when there is no room. Not to be
        nested.
        """
        if not self._lock.acquire(timeout=LOCK_TIMEOUT_S):
            raise StoreError(f"{self._path}: another thread holds the store for longer than {LOCK_TIMEOUT_S:g} s")
        try:
            with self._own_transaction() as t:
                yield t
        except StoreFull as exc:
            self._tell_full(on_disk=isinstance(exc, DiskFull))
            raise
        finally:
            self._lock.release()

    @contextmanager
    def _own_transaction(self) -> Iterator[Transaction]:
        """Hold one transaction and do what follows it; needs the lock."""
        if self._chores is not None:
            self._chores.look_at_disk()
        upkeep = self._context.upkeep
        try:
            with transaction(self._connection, self._path):
                t = Transaction(self._connection, self._context, self._clock(), self._unsaid)
                yield t
        except BaseException:
            upkeep.unsettle()
            raise
        upkeep.settle()
        self._unsaid = t.unsaid
        if self._chores is not None:
            try:
                self._chores.committed(t)
            except sqlite3.Error as exc:
                # What was committed is safe in the log, and stays there until it can be copied.
                log.warning("store: %s", store_error(self._path, exc))

    def _tell_full(self, *, on_disk: bool) -> None:
        """Record that the store is full; where it is the disk that is, in the room that the reserve held."""
        if self._chores is None or self._context.upkeep.disk_full:
            return
        if on_disk:
            self._chores.disk_filled(self._connection)
        try:
            with self._own_transaction() as t:
                tell_capacity(t)
        except StoreError as exc:
            log.warning("store: not even the reserve was enough to tell: %s", exc)

    def record_start(self, predecessor: dict[str, Any] | None, *, first_of_boot: bool) -> None:
        """Record that the daemon began; ahead of the next event there is room for when there is none now."""
        ended = predecessor if self.last().sequence == 0 else None
        environment = self._context.environment
        signer = self._context.signing.signer
        start = kinds.system_started(
            self._clock(),
            environment,
            first_of_boot=first_of_boot,
            predecessor=ended,
            device=None if signer is None else signer.public,
        )
        try:
            with self.transaction() as t:
                t.enqueue(start)
                after_start(t)
        except StoreFull as exc:
            # The daemon must come up all the same: only an acknowledgement through it makes room again.
            log.warning("store: the start is not recorded yet: %s", exc)
            self._unsaid = (start,)

    def last(self) -> ChainHead:
        """Return the newest event's place in the chain; sequence 0 when there is none yet."""
        return self._reader.last()

    def anchor(self) -> ChainHead:
        """Return the place right before the oldest event still kept."""
        return self._reader.anchor()

    def acknowledged_through(self) -> int:
        """Return the sequence up to which the console holds everything, 0 for nothing yet."""
        return self._reader.acknowledged_through()

    def unacknowledged(self, after: int, limit: int) -> list[StoredEvent]:
        """Return at most ``limit`` events after both ``after`` and the last acknowledged one, oldest first."""
        return self._reader.unacknowledged(after, limit)

    def newest(self, limit: int, kind: str | None = None) -> list[StoredEvent]:
        """Return the ``limit`` newest events, oldest first, of one kind if given."""
        return self._reader.newest(limit, kind)

    def newest_gap(self) -> StoredEvent | None:
        """Return the newest gap event, None when none is kept."""
        return next(iter(self._reader.newest(1, "gap")), None)

    def chainhash_at(self, sequence: int) -> str | None:
        """Return the chain hash after ``sequence``, or None when that event is not kept (any more)."""
        return self._reader.chainhash_at(sequence)

    def counts(self) -> Counts:
        """Return how full the store is."""
        return self._reader.counts()

    def acknowledge(self, through: int, chainhash: str, consumer: str) -> None:
        """Note that ``consumer`` holds everything up to ``through``, and prune acknowledged history beyond its bound.

        Raises LinkError, and changes nothing, for a wrong ``chainhash`` or a ``through`` above the newest event. An
        acknowledgement not above an earlier one is ignored.
        """
        with self.transaction() as t:
            acknowledge(t, through, chainhash, consumer)

    def tick(self, policy: GatePolicy) -> None:
        """Do the chores of a quiet moment: note the time, forget outlived counters, checkpoint the log.

        The daemon calls it about once a minute; what it does not note by then a power cut adds to running lockouts.
        """
        with self.transaction() as t:
            tidy(t, policy)
            prune(t)
            raise_floor(t, t.opened.floor_s)
        if self._chores is None:
            return
        found = self._chores.take() + self._chores.search(self._reader)
        if found:
            self._mend(self._chores, found, policy)
        with self._lock:
            try:
                self._chores.rest(self._connection)
            except sqlite3.Error as exc:
                raise store_error(self._path, exc) from exc

    def _mend(self, chores: Chores, found: list[Finding], policy: GatePolicy) -> None:
        try:
            with self.transaction() as t:
                told = mend(t, found, policy)
        except StoreError:
            chores.note(found)
            raise
        chores.damaged += told

    def use_lists(self, central: CentralLists | None) -> None:
        """Ask ``central`` besides the local lists from the next transaction on."""
        with self._lock:
            self._context = replace(self._context, central=central)

    def match_media(self, bits: int) -> None:
        """Take signatures that differ in at most ``bits`` for one spoof medium from the next transaction on."""
        with self._lock:
            self._context = replace(self._context, media_bits=bits)

    def measures(self) -> Mapping[str, float]:
        """Return what health tells of the store besides ``counts``, in base units."""
        return {} if self._chores is None else self._chores.measures()
