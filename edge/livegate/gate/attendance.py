"""Attempts and credentials brought together: when is an attempt ripe for the gate, and with which credential?"""

from __future__ import annotations

from dataclasses import dataclass, replace

from livegate.config import GateMode
from livegate.gate.pairing import Pairing
from livegate.quality.undecided import undecided
from livegate.types import Attempt, CredentialRead, PadDecision, PadResult


@dataclass(frozen=True, slots=True)
class Conclusion:
    """An attempt that is ripe: its liveness result and the credential that belongs to it, if one came."""

    attempt_id: str
    pad: PadResult
    read: CredentialRead | None


@dataclass(frozen=True, slots=True)
class _Current:
    attempt: Attempt
    pad: PadResult
    judged_ns: int | None = None
    concluded: bool = False


class Attendance:
    """Follows the attempt in view and the credential that waits; every attempt is concluded at most once.

    An attack is ripe at once. A bona fide face is ripe with its credential, or when none came within the pairing window
    after its verdict; where no credential is asked for it is ripe at once. An inconclusive attempt is ripe when it is
    overdue. Who leaves before that without a credential made no attempt; who leaves with one is inconclusive, or a
    non-response where no frame could be judged: a door does not open for a face that has gone.
    """

    def __init__(self, mode: GateMode, pairing_window_ms: int) -> None:
        self._needs_credential = mode is GateMode.CREDENTIAL_LIVENESS
        self._pairing = Pairing.within(pairing_window_ms)
        self._current: _Current | None = None

    def adopt(self, mode: GateMode, pairing_window_ms: int) -> None:
        """Go by these from now on; what waits goes on waiting."""
        self._needs_credential = mode is GateMode.CREDENTIAL_LIVENESS
        self._pairing = replace(Pairing.within(pairing_window_ms), waiting=self._pairing.waiting)

    def displaced_by(self, read: CredentialRead) -> CredentialRead | None:
        """Return the other credential that waits and will be forgotten when ``read`` is offered; it needs an answer."""
        waiting = self._pairing.waiting
        if waiting is None or self._pairing.offer(read).waiting is waiting:
            return None
        return None if (waiting.kind, waiting.value) == (read.kind, read.value) else waiting

    def offer(self, read: CredentialRead) -> bool:
        """Take a credential; return whether the face in view must begin a new attempt for it."""
        self._pairing = self._pairing.offer(read)
        return self._current is not None and self._current.concluded

    def leave(self, now_ns: int) -> Conclusion | None:
        """Take notice that no attempt is in view any more; return the one that ended undecided with a credential."""
        left, self._current = self._current, None
        if left is None or left.concluded:
            return None
        read = self._take(left.attempt, now_ns)
        if read is None:
            return None
        return Conclusion(left.attempt.attempt_id, undecided(left.pad), read)

    def see(self, attempt: Attempt, pad: PadResult, now_ns: int, *, overdue: bool) -> Conclusion | None:
        """Take the attempt in view as it stands; return its conclusion when it is ripe."""
        current = self._current
        if current is None or current.attempt.attempt_id != attempt.attempt_id:
            current = _Current(attempt, pad)
        if current.concluded:
            return None
        judged_ns = current.judged_ns
        if judged_ns is None and pad.decision is PadDecision.BONA_FIDE:
            judged_ns = now_ns
        self._current = replace(current, attempt=attempt, pad=pad, judged_ns=judged_ns)
        return self._conclude(attempt, pad, judged_ns, now_ns, overdue=overdue)

    def lapse(self, now_ns: int, in_view: Attempt | None = None) -> CredentialRead | None:
        """Return the credential for which no face came within the window; it is forgotten here.

        One that belongs to the attempt in view is concluded with it instead.
        """
        read, self._pairing = self._pairing.lapse(now_ns, None if in_view is None else in_view.started_ns)
        return read

    def _conclude(
        self, attempt: Attempt, pad: PadResult, judged_ns: int | None, now_ns: int, *, overdue: bool
    ) -> Conclusion | None:
        ripe = pad.decision is PadDecision.ATTACK or (overdue and pad.decision is not PadDecision.BONA_FIDE)
        if not ripe and pad.decision is not PadDecision.BONA_FIDE:
            return None
        read = self._take(attempt, now_ns)
        waits = self._needs_credential and read is None and not ripe and judged_ns is not None
        if waits and self._pairing.may_still_come(judged_ns or now_ns, now_ns):
            return None
        self._current = _Current(attempt, pad, judged_ns, concluded=True)
        return Conclusion(attempt.attempt_id, pad, read)

    def _take(self, attempt: Attempt, now_ns: int) -> CredentialRead | None:
        read, self._pairing = self._pairing.take(attempt.started_ns, now_ns)
        return read
