"""What of trust must outlive a restart: the keyset, revoked keys, used nonces and the floor of time.

Every function works within the caller's transaction, so that a message's effect, its event and the memory of it are
one; what they decide by is pure and lies in ``livegate.trust``.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from livegate.errors import Refusal, StoreError, StoreFull, TrustError
from livegate.events.trust import keyset_applied
from livegate.store import files
from livegate.store.connection import store_error
from livegate.store.lost import memory_lost
from livegate.store.transaction import Transaction
from livegate.trust.clockfloor import SKEW_S, TrustedNow
from livegate.trust.envelope import Envelope
from livegate.trust.keys import PublicKey
from livegate.trust.keyset import Keyset, open_keyset, restore_keyset
from livegate.trust.payload import KeyRole, moment_of

log = logging.getLogger(__name__)

MAX_NONCES = 100_000
_FOR_COMMANDS = 10_000
"""Of those, kept for commands, which are short-lived: a key for labels must not be able to keep the door locked."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What a store remembers of trust: the keyset in force, None where there is none, and the floor of time."""

    keyset: Keyset | None = None
    floor_s: float = 0.0
    memory_lost: tuple[str, ...] = ()
    """For whose loss the door stays shut."""


def load_keyset(t: Transaction, pinned: PublicKey) -> Keyset:
    """Return what this terminal trusts; ``pinned`` is the root in its configuration.

    While that stays the same, the root may have rolled over meanwhile. When somebody changed it by hand, the new root
    counts from now on: the keys of the old one do not, but its version and its revocations still bind. Raises
    StoreError when what was kept is damaged.
    """
    kept = read_keyset(t.connection)
    if kept is None:
        keyset = Keyset.pinned(pinned)
    else:
        anchor, keyset = kept
        if pinned not in (anchor, keyset.root):
            keyset = Keyset(pinned, keyset.version, revoked=keyset.revoked)
    t.connection.execute(
        "INSERT OR REPLACE INTO keyset VALUES (1, ?, ?, ?, ?)",
        (pinned.raw, keyset.root.raw, keyset.version, keyset.payload),
    )
    return keyset


def read_keyset(connection: sqlite3.Connection) -> tuple[PublicKey, Keyset] | None:
    """Return the root the configuration named last and the keyset in force, or None; StoreError when damaged."""
    row = connection.execute("SELECT anchor, root, version, payload FROM keyset").fetchone()
    if row is None:
        return None
    anchor, root, version, payload = row
    revoked = [keyid for (keyid,) in connection.execute("SELECT keyid FROM revoked_key")]
    try:
        return PublicKey.of_raw(anchor), restore_keyset(payload, version, PublicKey.of_raw(root), revoked)
    except TrustError as exc:
        raise StoreError(
            f"the store's keyset is damaged ({exc}); restore the state folder from a backup, or move the database away"
        ) from exc


def look(state_dir: Path) -> Kept:
    """Return what the store in ``state_dir`` remembers, beside a running daemon or without one; no file is changed.

    All is empty where there is no store yet. Raises StoreError when it cannot be read.
    """
    path = state_dir / files.DATABASE
    try:
        if not path.is_file():
            return Kept()
        # Without a log nobody has it open; SQLite would make files of its own beside it if it were not told so.
        quiet = "" if path.with_name(f"{path.name}-wal").exists() else "&immutable=1"
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro{quiet}", uri=True)) as connection:
            if connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'time_floor'").fetchone() is None:
                return Kept()
            kept = read_keyset(connection)
            shuts = "SELECT 1 FROM sqlite_schema WHERE name = 'memory_lost'"
            lost = () if connection.execute(shuts).fetchone() is None else memory_lost(connection)
            return Kept(kept and kept[1], floor_s(connection), lost)
    except sqlite3.Error as exc:
        raise store_error(path, exc) from exc
    except OSError as exc:
        raise StoreError(f"{path}: cannot be read ({exc.strerror}); run this as the user it belongs to") from exc


def take_keyset(t: Transaction, envelope: Envelope, current: Keyset, now: TrustedNow) -> Keyset:
    """Return the keyset that follows ``current`` (see ``open_keyset``), remembered and told.

    Raises TrustError when it is refused. A store too full to tell of it is no reason to go on trusting a revoked key.
    """
    keyset = open_keyset(envelope, current, t.context.identity, now)
    if keyset is current:
        return current
    t.connection.execute(
        "UPDATE keyset SET root = ?, version = ?, payload = ?", (keyset.root.raw, keyset.version, keyset.payload)
    )
    t.connection.executemany("INSERT OR IGNORE INTO revoked_key VALUES (?)", [(keyid,) for keyid in keyset.revoked])
    raise_floor(t, keyset.issued_s)
    try:
        t.enqueue(keyset_applied(current, keyset, t.opened, t.context.environment))
    except StoreFull as exc:
        log.warning("keyset applied without an event", extra={"version": keyset.version, "error": str(exc)})
    return keyset


def take_message(t: Transaction, members: Mapping[str, Any]) -> float:
    """Note an accepted message by ``open_payload``'s members.

    The nonce of one that has one is used; it needs no floor, for its nonce and challenge keep it from working again. Of
    one that has a version, time is at least its ``issued``.

    Returns the floor of time now. Raises TrustError when the nonce was used before (replayed), or when no more can be
    remembered (full): a command that could come again unnoticed is not carried out.
    """
    if "nonce" in members:
        room = MAX_NONCES if members.get("role") == KeyRole.COMMANDS else MAX_NONCES - _FOR_COMMANDS
        _use_nonce(t, members["nonce"], moment_of(members, "expires"), room)
    if "version" not in members:
        return floor_s(t.connection)
    return raise_floor(t, moment_of(members, "issued"))


def floor_s(connection: sqlite3.Connection) -> float:
    """Return the latest moment known to be past, Unix seconds, 0 where none is."""
    row = connection.execute("SELECT floor_s FROM time_floor").fetchone()
    return 0.0 if row is None else float(row[0])


def raise_floor(t: Transaction, moment_s: float) -> float:
    """Remember that ``moment_s`` is past; a lower one changes nothing. Return the floor then."""
    before_s = floor_s(t.connection)
    if moment_s > before_s:
        t.connection.execute("INSERT OR REPLACE INTO time_floor VALUES (1, ?)", (moment_s,))
    return max(moment_s, before_s)


def _use_nonce(t: Transaction, nonce: str, expires_s: float, room: int) -> None:
    # Only by the floor, which never goes back: a message it has passed can never be in time again.
    t.connection.execute("DELETE FROM nonce WHERE expires_s < ?", (floor_s(t.connection) - SKEW_S,))
    if t.connection.execute("SELECT 1 FROM nonce WHERE nonce = ?", (nonce,)).fetchone() is not None:
        raise TrustError(Refusal.REPLAYED, "payload: 'nonce' was used before")
    (held,) = t.connection.execute("SELECT count(*) FROM nonce").fetchone()
    if held >= room:
        raise TrustError(Refusal.FULL, f"{held} messages are remembered already; wait until some have expired")
    t.connection.execute("INSERT INTO nonce VALUES (?, ?)", (nonce, expires_s))
