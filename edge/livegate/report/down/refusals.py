"""Messages that were refused: counted, logged and recorded, the last two with a limit on their rate."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass

from livegate.errors import LivegateError, Refusal, StoreError
from livegate.events import central
from livegate.store.store import Store

log = logging.getLogger(__name__)

AGAIN_S = 60.0
"""Of one reason no more than one event, and one line in the log, in so many seconds."""


@dataclass(slots=True)
class _Told:
    told_s: float
    unsaid: int = 0
    since_s: float = 0.0
    topic: str = ""
    keyid: str | None = None
    text: str = ""


class Refusals:
    """Counts refusals by reason; what is told names how many there were since the last telling."""

    def __init__(self, store: Store | None) -> None:
        """Without ``store`` they are logged and counted only."""
        self.counts: Counter[str] = Counter()
        self._store = store
        self._by_reason: dict[Refusal, _Told] = {}

    def note(self, topic: str, reason: Refusal, text: str, keyid: str | None, now_s: float, wall_s: float) -> None:
        """Count one; told at once when the reason was quiet for AGAIN_S. ``now_s`` is monotonic, ``wall_s`` Unix."""
        self.counts["messages_refused_total"] += 1
        self.counts[f"messages_refused_{reason}_total"] += 1
        told = self._by_reason.setdefault(reason, _Told(now_s - AGAIN_S))
        if not told.unsaid:
            told.since_s = wall_s
        told.unsaid += 1
        told.topic, told.keyid, told.text = topic, keyid, text
        self.tell(now_s)

    def tell(self, now_s: float) -> None:
        """Tell what is due."""
        for reason, told in self._by_reason.items():
            if told.unsaid and now_s - told.told_s >= AGAIN_S:
                told.told_s = now_s
                self._say(reason, told)

    def _say(self, reason: Refusal, told: _Told) -> None:
        fields = {"topic": told.topic, "reason": str(reason), "count": told.unsaid}
        log.warning("message refused: %s", told.text, extra=fields)
        refused = central.Refused(told.topic, str(reason), told.keyid, told.unsaid, told.since_s)
        try:
            self._record(refused)
        except StoreError as exc:
            # It stays unsaid, and is told with those to come.
            log.warning("refusal not recorded", extra={"error": str(exc)})
            return
        told.unsaid = 0

    def _record(self, refused: central.Refused) -> None:
        if self._store is not None:
            with self._store.transaction() as t:
                t.enqueue(central.message_refused(refused, t.opened, t.context.environment))


def reason_of(error: LivegateError) -> Refusal:
    """Return the one word for why a message was not taken."""
    return getattr(error, "reason", Refusal.MALFORMED)
