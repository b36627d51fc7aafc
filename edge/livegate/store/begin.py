"""Open a store: the daemon's own, or one for a change by hand beside it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from livegate.clock import read_clock
from livegate.config import StoreConfig
from livegate.events.checkpoint import ChainSigner
from livegate.events.cloudevents import Identity
from livegate.events.environment import Environment
from livegate.gate.facts import Clock
from livegate.store import files, running
from livegate.store.chores import Chores
from livegate.store.connection import transaction
from livegate.store.opening import open_database
from livegate.store.ownkeys import PSEUDONYM_KEY, check_of, pseudonym_key
from livegate.store.pseudonyms import Pseudonyms
from livegate.store.store import Store
from livegate.store.writing import Context, Signing
from livegate.trust.site import SiteKeys


def open_store(
    state_dir: Path,
    identity: Identity,
    limits: StoreConfig,
    clock: Callable[[], Clock] = read_clock,
    *,
    environment: Environment | None = None,
    site: SiteKeys | None = None,
    signer: ChainSigner | None = None,
) -> Store:
    """Open the daemon's store in ``state_dir``, made if there is none, and record ``system.started``.

    ``environment`` (model, configuration, ...) stands in the events the store writes by itself. ``site`` holds the keys
    that the site's terminals share, None where each has its own. ``signer`` is the device's key, with which checkpoints
    of the chain are recorded; without one the history is never pruned.

    A damaged file is set aside and a new stream begun, whose first event names the one before. Raises StoreError when
    another daemon runs on the folder, or the folder or its files are not safely ours to write.
    """
    with _held_by_store() as held:
        files.prepare_folder(state_dir)
        held.callback(os.close, files.lock(state_dir))
        opened = open_database(state_dir, held, repair=True)
        with transaction(opened.connection, state_dir / files.DATABASE):
            _remember(opened.connection, identity, limits)
            now, begins = running.begin_boot(opened.connection, identity.boot_id, clock())
        told = environment or Environment(identity)
        context = Context(
            identity,
            limits,
            _pseudonyms(opened.connection, state_dir, site),
            now,
            told,
            signing=Signing(signer),
        )
        chores = Chores.begin(state_dir / files.DATABASE, opened.connection, context.upkeep)
        store = Store(state_dir / files.DATABASE, opened, context, clock, held, chores)
        store.record_start(opened.predecessor, first_of_boot=begins)
    return store


def open_for_edit(
    state_dir: Path,
    identity: Identity,
    limits: StoreConfig,
    clock: Callable[[], Clock] = read_clock,
    *,
    site: SiteKeys | None = None,
    environment: Environment | None = None,
) -> Store:
    """Open the store for a change by hand, beside a running daemon or without one; arguments and errors as above."""
    path = state_dir / files.DATABASE
    with _held_by_store() as held:
        files.prepare_folder(state_dir)
        opened = open_database(state_dir, held, repair=False)
        with transaction(opened.connection, path):
            _remember(opened.connection, identity, limits)
            last_ns = running.last_running_ns(opened.connection)
        now = running.RunningTime(clock().monotonic_ns, last_ns)
        told = environment or Environment(identity)
        context = Context(identity, limits, _pseudonyms(opened.connection, state_dir, site), now, told)
        return Store(path, opened, context, clock, held)


@contextmanager
def _held_by_store() -> Iterator[ExitStack]:
    """Hold what a store being opened takes: closed when opening fails, left to the store otherwise."""
    held = ExitStack()
    try:
        yield held
    except BaseException:
        held.close()
        raise


def _pseudonyms(connection: sqlite3.Connection, state_dir: Path, site: SiteKeys | None = None) -> Pseudonyms:
    # With another key no entry would ever match again, and nobody would be told.
    (used,) = connection.execute(
        "SELECT EXISTS (SELECT 1 FROM credential)"
        " OR EXISTS (SELECT 1 FROM list_entry WHERE kind IN ('credential', 'media'))"
    ).fetchone()
    derived = None if site is None else site.pseudonyms
    row = connection.execute("SELECT digest FROM key_check WHERE name = ?", (PSEUDONYM_KEY,)).fetchone()
    known = None if row is None else bytes(row[0])
    key = pseudonym_key(state_dir, may_make=not used, derived=derived, known=known)
    if check_of(key) != known:
        with transaction(connection, state_dir / files.DATABASE):
            connection.execute("INSERT OR REPLACE INTO key_check VALUES (?, ?)", (PSEUDONYM_KEY, check_of(key)))
    return Pseudonyms(key)


def _remember(connection: sqlite3.Connection, identity: Identity, limits: StoreConfig) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO terminal VALUES (1, ?, ?, ?, ?, ?, ?)",
        (
            identity.site,
            identity.terminal,
            identity.firmware,
            identity.door,
            limits.history_events,
            str(limits.when_full),
        ),
    )
