"""The order of the stages: judge, credential, gate, COMMIT, actuate, report. Only this file knows it.

The decision is committed before the door moves; what cannot be committed is a denial; a pulse is never replayed.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from livegate.config import PassBack
from livegate.errors import DeviceLost, PadError, StoreError, StoreFull
from livegate.events import kinds
from livegate.events.environment import Environment
from livegate.gate.attendance import Attendance, Conclusion
from livegate.gate.door import Door, DoorState
from livegate.gate.facts import Clock
from livegate.gate.policy import decide, let_out, refuse
from livegate.judge import Judge, Sight
from livegate.notices import Notices
from livegate.orders import Orders
from livegate.quality.undecided import undecided
from livegate.rules import Rules
from livegate.seldom import Seldom
from livegate.sensing.watch import SensorWatch
from livegate.store.commands import Executed
from livegate.store.store import Store
from livegate.store.transaction import Transaction
from livegate.types import (
    NS_PER_MS,
    CredentialRead,
    Decision,
    Direction,
    Face,
    FrameSet,
    Outcome,
    Reason,
    Role,
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one turn came to, for whoever looks on: the sight, the door, and the decision if one fell."""

    sight: Sight | None
    door: DoorState
    decision: Decision | None = None
    sequence: int | None = None


class Pipeline:
    """Takes FrameSets and credentials, decides, commits, moves the door. Only the decision thread calls it."""

    def __init__(
        self,
        judge: Judge,
        store: Store,
        door: Door,
        rules: Callable[[], Rules],
        committed: Callable[[], None],
        *,
        executed: Callable[[Executed], None] = lambda _executed: None,
        sensing: SensorWatch | None = None,
    ) -> None:
        """``rules`` is asked once a turn for what is in force then; ``committed`` is called after every commit.

        ``executed`` is told what became of each order of the centre. None of them may block.
        """
        self._judge = judge
        self._store = store
        self._door = door
        self._read_rules = rules
        self._rules = rules()
        self._committed = committed
        self._attendance = Attendance(self._rules.policy.mode, self._rules.pairing_window_ms)
        self._notices = Notices(store, door, self._rules.environment, committed)
        self._orders = Orders(store, door, self._notices, executed)
        self._seldom = Seldom()
        self._sensing = sensing or SensorWatch()

    def nudge(self) -> None:
        """Say that an order of the centre waits in the store; from any thread."""
        self._orders.nudge()

    def turn(self, frame_set: FrameSet | None, reads: tuple[CredentialRead, ...], now: Clock) -> Snapshot:
        """Take what came since the last turn: a FrameSet or none, and the credentials read."""
        self._adopt(self._read_rules())
        if self._orders.carry_out(now, self._rules.pulse_ms):
            self._committed()
        given, frame_set = frame_set, self._sensing.mark(frame_set)
        for read in reads:
            if read.direction is Direction.OUT:
                self._let_out(read, now)
            else:
                self._take(read, frame_set, now)
        self._notices.sensors(frame_set, now, self._sensing.faults)
        self._notices.clock(now)
        sight, conclusion = self._look(frame_set, now.monotonic_ns)
        decision, sequence = (None, None) if conclusion is None else self._conclude(conclusion, frame_set, now)
        if given is not None:
            # Last, for nobody need wait for it at the door.
            self._sensing.learn(given, self._faces_of(sight))
        return Snapshot(sight, self._notices.door(now), decision, sequence)

    def _faces_of(self, sight: Sight | None) -> tuple[Face, ...] | None:
        """Return the faces that were found, None where none could be looked for."""
        looked = self._judge.detector is not None and sight is not None and Role.RGB in sight.frame_set.frames
        return sight.faces if looked and sight is not None else None

    def _adopt(self, rules: Rules) -> None:
        if rules is self._rules:
            return
        self._rules = rules
        self._judge.adopt(rules.decision, rules.recalibration)
        self._attendance.adopt(rules.policy.mode, rules.pairing_window_ms)
        self._notices.adopt(self._judged_by(rules.environment))

    def _judged_by(self, environment: Environment) -> Environment:
        """Return ``environment`` with the threshold that the judge goes by now."""
        model = environment.model
        if model is None:
            return environment
        return replace(environment, model=replace(model, threshold=self._judge.boundaries.accept_llr))

    def _take(self, read: CredentialRead, frame_set: FrameSet | None, now: Clock) -> None:
        """Take a credential on the way in; one that waited for its face until now is answered."""
        displaced = self._attendance.displaced_by(read)
        if displaced is not None:
            self._conclude(self._unanswered(displaced, frame_set, now.monotonic_ns), frame_set, now)
        if self._attendance.offer(read):
            self._judge.tracker.restart()
            self._attendance.leave(now.monotonic_ns)

    def _let_out(self, read: CredentialRead, now: Clock) -> None:
        """Note that somebody leaves: the way out is not ours to bar, so there is nothing to decide or open."""
        policy, pad = self._rules.policy, self._judge.no_face(None)
        try:
            with self._store.transaction() as transaction:
                facts = transaction.facts(read, policy, now)
                decision = let_out(pad, facts, policy, attempt_id=secrets.token_hex(8))
                self._note_passage(transaction, decision, now)
                transaction.enqueue(kinds.access_attempt(decision, now, self._notices.environment))
        except StoreError as exc:
            self._say_not_committed("leaving", exc, now)
            return
        self._committed()

    def _note_passage(self, transaction: Transaction, decision: Decision, now: Clock) -> None:
        credential = decision.credential
        passed = decision.outcome is Outcome.GRANTED and credential is not None and credential.known
        if credential is not None and passed and self._rules.policy.anti_pass_back.mode is not PassBack.OFF:
            transaction.note_passage(credential.pseudonym, decision.direction, now)

    def _look(self, frame_set: FrameSet | None, now_ns: int) -> tuple[Sight | None, Conclusion | None]:
        """Return what is to be seen, and the attempt that became ripe by it.

        Judging that fails is an attempt, too, with a card or without: else a picture made to fail would leave no trace.
        Without one it is told at first and then once a minute.
        """
        try:
            sight = None if frame_set is None else self._judge.watch(frame_set)
        except PadError as exc:
            times = self._seldom.due("judging", now_ns)
            if times:
                log.error("judging failed", extra={"error": str(exc), "times": times})  # noqa: TRY400
            self._judge.tracker.restart()
            concluded = self._attendance.leave(now_ns) or self._lapsed(frame_set, now_ns, failed=True)
            return None, concluded or (self._failed(frame_set) if times else None)
        self._judge.tracker.expire(now_ns)
        if sight is not None and (attempt := sight.attempt) is not None and sight.pad is not None:
            pad = self._sensing.ruled(sight.pad, attempt)
            sight = replace(sight, pad=pad)
            concluded = self._attendance.see(attempt, pad, now_ns, overdue=sight.overdue)
            return sight, concluded or self._lapsed(frame_set, now_ns)
        left = self._attendance.leave(now_ns) if self._judge.tracker.attempt is None else None
        return sight, left or self._lapsed(frame_set, now_ns)

    def _failed(self, frame_set: FrameSet | None) -> Conclusion:
        """Return an attempt that could not be judged, whoever made it."""
        return Conclusion(secrets.token_hex(8), replace(self._judge.no_face(frame_set), reason=Reason.FAILED), None)

    def _lapsed(self, frame_set: FrameSet | None, now_ns: int, *, failed: bool = False) -> Conclusion | None:
        read = self._attendance.lapse(now_ns, self._judge.tracker.attempt)
        return None if read is None else self._unanswered(read, frame_set, now_ns, failed=failed)

    def _unanswered(
        self, read: CredentialRead, frame_set: FrameSet | None, now_ns: int, *, failed: bool = False
    ) -> Conclusion:
        """Return the attempt of who showed a credential and no face that could be judged in time."""
        in_view = self._judge.tracker.attempt
        if in_view is not None:
            pad = self._sensing.ruled(self._judge.assess(in_view, final=False), in_view)
            return Conclusion(secrets.token_hex(8), undecided(pad), read)
        reason = Reason.SENSOR_MISSING if self._notices.is_blind(now_ns) else Reason.NO_FACE
        if failed or (self._judge.detector is None and reason is Reason.NO_FACE):
            reason = Reason.FAILED
        if self._sensing.is_suspect():
            reason = Reason.SENSOR_SUSPECT
        return Conclusion(secrets.token_hex(8), replace(self._judge.no_face(frame_set), reason=reason), read)

    def _conclude(self, conclusion: Conclusion, frame_set: FrameSet | None, now: Clock) -> tuple[Decision, int | None]:
        """Decide, commit, and only then move the door."""
        since_ns = max(
            frame_set.captured_ns if frame_set else now.monotonic_ns, conclusion.read.read_ns if conclusion.read else 0
        )
        try:
            decision, sequence = self._commit(conclusion, since_ns, now)
        except StoreError as exc:
            self._say_not_committed("decision", exc, now)
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
                **({} if decision.pad.guidance is None else {"guidance": str(decision.pad.guidance)}),
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
            self._note_passage(transaction, decision, now)
            environment = replace(self._notices.environment, step=conclusion.pad.step)
            stored = transaction.enqueue(kinds.access_attempt(decision, now, environment))
        return decision, stored.sequence

    def _say_not_committed(self, what: str, exc: StoreError, now: Clock) -> None:
        """Say that ``what`` was not committed: the first time and once a minute, or each card would be a line."""
        times = self._seldom.due(f"{what} {type(exc).__name__}", now.monotonic_ns)
        if times:
            log.error("%s not committed", what, extra={"error": str(exc), "times": times})

    def _pulse(self) -> None:
        try:
            self._door.pulse(self._rules.pulse_ms)
        except DeviceLost as exc:
            log.error("door did not answer, supposed locked", extra={"error": str(exc)})  # noqa: TRY400
