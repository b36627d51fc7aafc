"""``trust/keyset``: which keys may say what, signed by the root."""

from __future__ import annotations

import logging

from livegate.report.down.desk import Desk
from livegate.report.session import Arrival
from livegate.store.trusted import take_keyset
from livegate.trust.envelope import parse_envelope

log = logging.getLogger(__name__)

MAX_BYTES = 64 * 1024


class KeysetHandler:
    """A Handler."""

    topics = ("trust/keyset",)
    max_bytes = MAX_BYTES

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def take(self, arrival: Arrival, name: str) -> None:  # noqa: ARG002 - it has one topic
        """Trust a newer keyset from now on; the one in force again changes nothing."""
        desk = self._desk
        envelope = parse_envelope(arrival.payload, MAX_BYTES)
        with desk.store.transaction() as t:
            keyset = take_keyset(t, envelope, desk.keyset, desk.floor.now())
        if keyset is not desk.keyset:
            desk.keyset = keyset
            desk.again = True
            desk.floor.raise_to(keyset.issued_s)
            log.info("keyset accepted", extra={"version": keyset.version, "keys": len(keyset.keys)})

    def opened(self) -> None:
        """Nothing depends on the connection."""

    def turn(self) -> bool:
        """Nothing is ever due."""
        return False


def handler(desk: Desk) -> KeysetHandler:
    """Return the handler of keysets."""
    return KeysetHandler(desk)
