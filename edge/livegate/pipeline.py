"""The order of the stages: judge, credential, gate, COMMIT, actuate, report. Only this file knows it.

The decision is committed before the door moves; what cannot be committed is a denial; a pulse is never replayed.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from livegate.errors import DeviceLost, PadError, StoreError, StoreFull
from livegate.events import kinds
from livegate.events.environment import Environment
from livegate.gate.attendance import Attendance, Conclusion
from livegate.gate.door import Door, DoorState
from livegate.gate.facts import Clock, GatePolicy
from livegate.gate.policy import decide, refuse
from livegate.judge import Judge, Sight
from livegate.notices import Notices
from livegate.store.store import Store
from livegate.types import (
    NS_PER_MS,
    CredentialRead,
    Decision,
    FrameSet,
    Outcome,
    PadDecision,
    Reason,
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rules:
    """What the configuration asks of the pipeline."""

    policy: GatePolicy
    pairing_window_ms: int
    pulse_ms: int
    environment: Environment


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one turn came to, for whoever looks on: the sight, the door, and the decision if one fell."""

    sight: Sight | None
    door: DoorState
    decision: Decision | None = None
    sequence: int | None = None


class Pipeline:
    """Takes FrameSets and credentials, decides, commits, moves the door. Only the decision thread calls it."""

    def __init__(self, judge: Judge, store: Store, door: Door, rules: Rules, committed: Callable[[], None]) -> None:
        """``committed`` is called after every commit and must not block."""
        self._judge = judge
        self._store = store
        self._door = door
        self._rules = rules
        self._committed = committed
        self._attendance = Attendance(rules.policy.mode, rules.pairing_window_ms)
        self._notices = Notices(store, door, rules.environment, committed)

    def turn(self, frame_set: FrameSet | None, reads: tuple[CredentialRead, ...], now: Clock) -> Snapshot:
        """Take what came since the last turn: a FrameSet or none, and the credentials read."""
        for read in reads:
            displaced = self._attendance.displaced_by(read)
            if displaced is not None:
                self._conclude(self._unanswered(displaced, frame_set, now.monotonic_ns), frame_set, now)
            if self._attendance.offer(read):
                self._judge.tracker.restart()
                self._attendance.leave(now.monotonic_ns)
        self._notices.sensors(frame_set, now)
        self._notices.clock(now)
        sight, conclusion = self._look(frame_set, now.monotonic_ns)
        decision, sequence = (None, None) if conclusion is None else self._conclude(conclusion, frame_set, now)
        return Snapshot(sight, self._notices.door(now), decision, sequence)

    def _look(self, frame_set: FrameSet | None, now_ns: int) -> tuple[Sight | None, Conclusion | None]:
        """Return what is to be seen, and the attempt that became ripe by it."""
        try:
            sight = None if frame_set is None else self._judge.watch(frame_set)
        except PadError as exc:
            log.error("judging failed", extra={"error": str(exc)})  # noqa: TRY400 - the sentence is the message
            self._judge.tracker.restart()
            return None, self._attendance.leave(now_ns) or self._lapsed(frame_set, now_ns, failed=True)
        self._judge.tracker.expire(now_ns)
        if sight is not None and sight.attempt is not None and sight.pad is not None:
            concluded = self._attendance.see(sight.attempt, sight.pad, now_ns, overdue=sight.overdue)
            return sight, concluded or self._lapsed(frame_set, now_ns)
        left = self._attendance.leave(now_ns) if self._judge.tracker.attempt is None else None
        return sight, left or self._lapsed(frame_set, now_ns)

    def _lapsed(self, frame_set: FrameSet | None, now_ns: int, *, failed: bool = False) -> Conclusion | None:
        read = self._attendance.lapse(now_ns, self._judge.tracker.attempt)
        return None if read is None else self._unanswered(read, frame_set, now_ns, failed=failed)

    def _unanswered(
        self, read: CredentialRead, frame_set: FrameSet | None, now_ns: int, *, failed: bool = False
    ) -> Conclusion:
        """Return the attempt of who showed a credential and no face that could be judged in time."""
        in_view = self._judge.tracker.attempt
        if in_view is not None:
            pad = replace(self._judge.assess(in_view, final=False), decision=PadDecision.INCONCLUSIVE)
            return Conclusion(secrets.token_hex(8), replace(pad, reason=Reason.INCONCLUSIVE), read)
        reason = Reason.SENSOR_MISSING if self._notices.is_blind(now_ns) else Reason.NO_FACE
        if failed or (self._judge.detector is None and reason is Reason.NO_FACE):
            reason = Reason.FAILED
        return Conclusion(secrets.token_hex(8), replace(self._judge.no_face(frame_set), reason=reason), read)

    def _conclude(self, conclusion: Conclusion, frame_set: FrameSet | None, now: Clock) -> tuple[Decision, int | None]:
        """Decide, commit, and only then move the door."""
        since_ns = max(
            frame_set.captured_ns if frame_set else now.monotonic_ns, conclusion.read.read_ns if conclusion.read else 0
        )
        try:
            decision, sequence = self._commit(conclusion, since_ns, now)
        except StoreError as exc:
            log.error("decision not committed", extra={"error": str(exc)})  # noqa: TRY400
            reason = Reason.STORE_FULL if isinstance(exc, StoreFull) else Reason.FAILED
            return refuse(conclusion.pad, reason, self._rules.policy, attempt_id=conclusion.attempt_id), None
        self._committed()
        if decision.outcome is Outcome.GRANTED:
            self._notices.opening(sequence)
            self._pulse()
        log.info(
            "attempt",
            extra={
                "outcome": str(decision.outcome),
                "reason": str(decision.reason),
                "sequence": sequence,
                "latency_ms": round(decision.latency_ms, 1),
            },
        )
        return decision, sequence

    def _commit(self, conclusion: Conclusion, since_ns: int, now: Clock) -> tuple[Decision, int]:
        with self._store.transaction() as transaction:
            facts = transaction.facts(conclusion.read, self._rules.policy, now, media=conclusion.pad.media_signature)
            decision = decide(conclusion.pad, facts, self._rules.policy, attempt_id=conclusion.attempt_id)
            latency_ms = max(time.monotonic_ns() - since_ns, 0) / NS_PER_MS
            decision = replace(decision, latency_ms=latency_ms)
            transaction.count(decision, self._rules.policy, now)
            environment = replace(self._notices.environment, step=conclusion.pad.step)
            stored = transaction.enqueue(kinds.access_attempt(decision, now, environment))
        return decision, stored.sequence

    def _pulse(self) -> None:
        try:
            self._door.pulse(self._rules.pulse_ms)
        except DeviceLost as exc:
            log.error("door did not answer, supposed locked", extra={"error": str(exc)})  # noqa: TRY400
