"""Whose checkpoints count: the keys asked for, and earlier ones that the stream names and those vouch for."""

from __future__ import annotations

import base64
from dataclasses import replace

from livegate.audit.verdict import Fault, Finding, Signatures
from livegate.events.checkpoint import Checkpoint
from livegate.events.opened import OpenedEvent
from livegate.trust.keys import PublicKey

# Bounds what a hostile file can make us remember.
MAX_KEYS = 1_024


class Signers:
    """The keys of one stream; ``trusted`` are those asked for, without any the first that signs is one.

    A terminal whose key was replaced has checkpoints by the earlier one. They pass where a ``system.started`` before
    them names that key, or where what is kept begins behind the one that did. They vouch for nothing: the chain hash
    under a later checkpoint by a trusted key covers them and the event that names their key, and without one they are
    somebody else's.
    """

    def __init__(self, trusted: frozenset[PublicKey]) -> None:
        self._trusted = trusted
        self._named: set[str] = set()
        self._started = False
        self._signatures: dict[str, Signatures] = {}
        self._unvouched: tuple[int, str] | None = None

    def named(self, event: OpenedEvent) -> None:
        """Note which key the ``system.started`` in ``event`` names."""
        self._started = True
        key = event.what.get("device_key")
        if isinstance(key, str) and len(self._named) < MAX_KEYS:
            self._named.add(key)

    def may_sign(self, said: Checkpoint, *, began_here: bool) -> bool:
        """Return whether a checkpoint by this key can be the terminal's; ``began_here``: the stream, at its first."""
        if not self._trusted:
            self._trusted = frozenset({said.key})
        if said.key in self._trusted or said.key.keyid in self._signatures:
            return True
        is_named = base64.b64encode(said.key.raw).decode() in self._named
        # One key at the most signed between the place where what is kept begins and the first start.
        return is_named or not (began_here or self._started or self._signatures)

    def signed(self, said: Checkpoint, sequence: int) -> bool:
        """Count the good checkpoint ``said``, the event ``sequence``; return whether a trusted key signed it."""
        is_trusted, keyid = said.key in self._trusted, said.key.keyid
        before = self._signatures.get(keyid) or Signatures(keyid, 0, 0, not is_trusted)
        through = said.head.sequence
        self._signatures[keyid] = replace(before, checkpoints=before.checkpoints + 1, through=through)
        if is_trusted:
            self._unvouched = None
        elif self._unvouched is None:
            self._unvouched = (sequence, keyid)
        return is_trusted

    def unvouched(self) -> Finding | None:
        """Return what is wrong when a checkpoint by another key is followed by none by a trusted one."""
        if self._unvouched is None:
            return None
        sequence, keyid = self._unvouched
        why = f"this checkpoint is by another key ({keyid}), and no later one by a key that counts vouches for it"
        return Finding(sequence, Fault.UNSIGNED, why)

    def told(self) -> tuple[Signatures, ...]:
        """Return who signed how much, in the order of their first checkpoints."""
        return tuple(self._signatures.values())
