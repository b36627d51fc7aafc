"""Keeping evidence: the decision thread hands over an attack, a thread of its own seals and files it.

A decision never waits for this: what the queue has no room for is dropped and counted, and whatever fails here (disk,
encoder) is counted and logged, and changes no decision.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from livegate.config import EvidenceConfig
from livegate.errors import ConfigError, EvidenceError, LivegateError
from livegate.events.cloudevents import timestamp
from livegate.evidence.budget import DAY_S, advance, evicted, expired, reconcile
from livegate.evidence.bundle import About, bundle
from livegate.evidence.cut import Picture, cut
from livegate.evidence.folder import EvidenceFolder
from livegate.evidence.seal import Recipient, seal
from livegate.gate.facts import Clock
from livegate.priority import step_back
from livegate.trust.keys import SigningKey
from livegate.types import Attempt, PadDecision, PadResult

log = logging.getLogger(__name__)

WAITING_ATTEMPTS = 2
SWEEP_S = 60.0
SAVE_S = 900.0
# The disk belongs to the events: evidence leaves this much of it free.
LEAST_FREE_BYTES = 128 * 2**20


@dataclass(frozen=True, slots=True)
class Committed:
    """An attempt whose event is committed: where it stands in the chain, when, and judged by which model."""

    stream: str
    sequence: int
    wall_s: float
    model: Mapping[str, Any] | None = None


def recipient_of(config: EvidenceConfig, where: Path) -> Recipient | None:
    """Return whom evidence is sealed for, None when it is off; ConfigError when it is on and cannot be.

    ``where`` is the configuration's path, for messages. For the daemon's start and for ``livegate check``.
    """
    if not config.enabled:
        return None
    if config.recipient_key_file is None:
        raise ConfigError(
            f"{where}: [evidence]: enabled without 'recipient_key_file'; name the centre's public key, "
            "or set enabled = false"
        )
    return Recipient.of_pem(config.recipient_key_file)


@dataclass(frozen=True, slots=True)
class _Work:
    about: About
    pictures: tuple[Picture, ...]


class EvidenceKeeper:
    """Keeps pictures of attacks between ``start`` and ``stop``; without a recipient it only lets old ones expire."""

    def __init__(
        self,
        config: EvidenceConfig,
        recipient: Recipient | None,
        state_dir: Path,
        terminal: str,
        clock: Callable[[], Clock],
        signer: SigningKey | None = None,
    ) -> None:
        """``terminal`` is "site/terminal"; by ``signer``, the device key, files prove where they are from."""
        self._recipient = recipient
        self._terminal = terminal
        self._clock = clock
        self._signer = signer
        self._folder = EvidenceFolder.of(state_dir)
        self._retention_s = config.retention_days * DAY_S
        self._most_bytes = config.max_megabytes * 2**20
        self._capturing = recipient is not None
        self._work: queue.Queue[_Work | None] = queue.Queue(WAITING_ATTEMPTS)
        self._counts: Counter[str] = Counter()
        self._sizes: Mapping[str, int] = {}
        self._complaint = ""
        self._thread = threading.Thread(target=self._run, name="evidence", daemon=True)

    def start(self) -> None:
        """Begin. What the disk refuses now is tried again with the first pictures; without a recipient none is made."""
        if self._recipient is not None:
            self._guarded(self._folder.prepare)
        now = self._clock()
        self._ledger = self._folder.ledger(now.wall_s)
        self._at_ns = self._saved_ns = now.monotonic_ns
        self._thread.start()

    def stop(self, timeout_s: float) -> None:
        """Finish what waits, as far as the time allows."""
        try:
            self._work.put(None, timeout=timeout_s)
        except queue.Full:
            return
        self._thread.join(timeout_s)

    def capture(self, *, on: bool) -> None:
        """Switch keeping off, or on again where the configuration has it on; from any thread."""
        self._capturing = on and self._recipient is not None

    def offer(self, attempt: Attempt, pad: PadResult, committed: Committed, *, alone: bool) -> None:
        """Take note of an attempt; only an attack's pictures are copied, and dropped if the thread is behind."""
        if not self._capturing or pad.decision is not PadDecision.ATTACK:
            return
        if self._work.full():
            # Before anything is copied.
            self._counts["dropped"] += 1
            return
        about = About(
            attempt.attempt_id,
            self._terminal,
            timestamp(committed.wall_s),
            committed.stream,
            committed.sequence,
            pad.media_signature,
            committed.model,
        )
        try:
            self._work.put_nowait(_Work(about, cut(attempt, alone=alone)))
        except queue.Full:
            self._counts["dropped"] += 1

    def measures(self) -> dict[str, float]:
        """Return what health tells of evidence."""
        totals = {f"evidence_{what}_total": count for what, count in self._counts.items()}
        return {"evidence_bytes": sum(self._sizes.values()), "evidence_files": len(self._sizes), **totals}

    def _run(self) -> None:
        # A person at the door comes first.
        step_back()
        self._guarded(self._sweep)
        while True:
            try:
                work = self._work.get(timeout=SWEEP_S)
            except queue.Empty:
                self._guarded(self._sweep)
                continue
            if work is None:
                self._guarded(self._sweep)
                self._guarded(self._save)
                return
            self._guarded(partial(self._keep, work))

    def _guarded(self, task: Callable[[], None]) -> None:
        try:
            task()
        except (OSError, LivegateError) as exc:
            self._counts["failed"] += 1
            # Once a kind: a full disk would say it at every attempt.
            if str(exc) != self._complaint:
                self._complaint = str(exc)
                log.warning("evidence not kept", extra={"error": str(exc)})

    def _keep(self, work: _Work) -> None:
        if self._recipient is None or not work.pictures:
            return
        content = seal(work.about, bundle(work.about, work.pictures), self._recipient, self._signer)
        self._folder.prepare()
        self._sweep()
        self._make_room(len(content))
        self._folder.write(work.about.attempt_id, content)
        self._counts["sealed"] += 1
        self._complaint = ""
        self._sizes = {**self._sizes, work.about.attempt_id: len(content)}
        self._ledger = replace(self._ledger, ages_s={**self._ledger.ages_s, work.about.attempt_id: 0.0})
        self._save()

    def _make_room(self, incoming: int) -> None:
        if incoming > self._most_bytes:
            raise EvidenceError(f"{self._folder.path}: {incoming} bytes are more than max_megabytes allows")
        self._evict(incoming)
        if self._folder.free_bytes() - incoming < LEAST_FREE_BYTES:
            raise EvidenceError(f"{self._folder.path}: the disk is nearly full, its rest belongs to the events")

    def _sweep(self) -> None:
        """Let time pass, and delete what has been kept long enough."""
        now = self._clock()
        ran_s = (now.monotonic_ns - self._at_ns) / 1e9
        self._at_ns = now.monotonic_ns
        self._ledger = advance(self._ledger, ran_s, now.dates_s(), self._retention_s, synchronised=now.synchronised)
        self._sizes = self._folder.sizes()
        if self._sizes.keys() != self._ledger.ages_s.keys():
            self._ledger = reconcile(self._ledger, self._folder.dates_s(), self._retention_s)
        for name in expired(self._ledger, self._retention_s):
            self._delete(name, "expired")
        self._evict(0)
        if self._sizes and now.monotonic_ns - self._saved_ns >= SAVE_S * 1e9:
            self._save()

    def _evict(self, incoming: int) -> None:
        for name in evicted(self._ledger.ages_s, self._sizes, incoming, self._most_bytes):
            self._delete(name, "evicted")

    def _delete(self, name: str, why: str) -> None:
        self._folder.delete(name)
        self._counts[why] += 1
        self._sizes = {other: size for other, size in self._sizes.items() if other != name}
        ages_s = {other: age_s for other, age_s in self._ledger.ages_s.items() if other != name}
        self._ledger = replace(self._ledger, ages_s=ages_s)

    def _save(self) -> None:
        if not self._folder.path.is_dir():
            return
        self._folder.save(self._ledger)
        self._saved_ns = self._at_ns
