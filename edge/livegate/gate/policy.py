"""The gate's decision: alive is not authorised.

The checks, in this order; the first that speaks gives the reason:

 1. PRESENTATION_ATTACK  liveness found an attack; nothing hides it, whatever the card
 2. the result's own     liveness gave no answer: NO_FACE (inconclusive); SENSOR_MISSING, UNREADABLE, FAILED (denied)
 3. STEP_TOO_LOW         the evidence stands on a lower step than the configuration lets the door open on
 4. LISTED               a block entry names the terminal, the credential or the spoof medium
 5. LOCKED_OUT           a limit's lockout is still running
 6. LIMIT                a limit's window is full
 7. NO_CREDENTIAL, UNKNOWN_CREDENTIAL, CREDENTIAL_NOT_YET_VALID, CREDENTIAL_EXPIRED
                         mode credential+liveness; presence_screening skips these if allow_unidentified is set
 8. INCONCLUSIVE         liveness could not tell in time
 9. BONA_FIDE            granted; only a bona fide result comes this far

Anything these do not name is denied as FAILED.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import MappingProxyType

from livegate.config import GateMode
from livegate.gate.facts import GateFacts, GatePolicy
from livegate.gate.limits import limit_name
from livegate.types import Credential, Decision, Outcome, PadDecision, PadResult, Reason, Step

Refusal = tuple[Outcome, Reason, str | None]
"""How an attempt ends short of the door, and which rule of the policy matched, if one did."""

_NO_ANSWER = frozenset({Reason.NO_FACE, Reason.SENSOR_MISSING, Reason.UNREADABLE, Reason.FAILED})


def decide(pad: PadResult, facts: GateFacts, policy: GatePolicy, *, attempt_id: str) -> Decision:
    """Return the decision on an attempt from its liveness result, the store's facts and the policy. Pure."""
    outcome, reason, rule = next(_refusals(pad, facts, policy), None) or _last_word(pad)
    return Decision(
        attempt_id=attempt_id,
        outcome=outcome,
        reason=reason,
        mode=str(policy.mode),
        pad=pad,
        credential=facts.credential,
        matched_rule=rule,
        counters=MappingProxyType({limit_name(state.limit): state.count for state in facts.limits}),
        lists=tuple(f"block.{entry.kind}" for entry in facts.entries),
    )


def refuse(pad: PadResult, reason: Reason, policy: GatePolicy, *, attempt_id: str) -> Decision:
    """Return a denial made without the store's facts: what the caller falls back to when a commit or a stage failed."""
    return Decision(attempt_id, Outcome.DENIED, reason, str(policy.mode), pad)


def _refusals(pad: PadResult, facts: GateFacts, policy: GatePolicy) -> Iterator[Refusal]:
    checks: tuple[Callable[[PadResult, GateFacts, GatePolicy], Refusal | None], ...] = (
        _attack,
        _no_answer,
        _step,
        _listed,
        _locked_out,
        _limit,
        _credential,
    )
    for check in checks:
        refusal = check(pad, facts, policy)
        if refusal is not None:
            yield refusal


def _last_word(pad: PadResult) -> Refusal:
    if pad.decision is PadDecision.BONA_FIDE:
        return Outcome.GRANTED, Reason.BONA_FIDE, None
    if pad.decision is PadDecision.INCONCLUSIVE:
        return Outcome.INCONCLUSIVE, Reason.INCONCLUSIVE, None
    return _denied(Reason.FAILED)


def _denied(reason: Reason, rule: str | None = None) -> Refusal:
    return Outcome.DENIED, reason, rule


def _attack(pad: PadResult, _facts: GateFacts, _policy: GatePolicy) -> Refusal | None:
    return _denied(Reason.PRESENTATION_ATTACK) if pad.decision is PadDecision.ATTACK else None


def _no_answer(pad: PadResult, _facts: GateFacts, _policy: GatePolicy) -> Refusal | None:
    if pad.decision is not PadDecision.NON_RESPONSE:
        return None
    if pad.reason is Reason.NO_FACE:
        return Outcome.INCONCLUSIVE, Reason.NO_FACE, None
    return _denied(pad.reason if pad.reason in _NO_ANSWER else Reason.FAILED)


def _step(pad: PadResult, _facts: GateFacts, policy: GatePolicy) -> Refusal | None:
    # At step NONE there is no evidence at all, so no setting may open on it.
    enough = pad.step.at_least(policy.least_step) and pad.step is not Step.NONE
    return None if enough else _denied(Reason.STEP_TOO_LOW, f"least_step.{policy.least_step}")


def _listed(_pad: PadResult, facts: GateFacts, _policy: GatePolicy) -> Refusal | None:
    return _denied(Reason.LISTED, f"block.{facts.entries[0].kind}") if facts.entries else None


def _locked_out(_pad: PadResult, facts: GateFacts, _policy: GatePolicy) -> Refusal | None:
    for state in facts.limits:
        if state.locked_ns > 0:
            return _denied(Reason.LOCKED_OUT, limit_name(state.limit))
    return None


def _limit(_pad: PadResult, facts: GateFacts, _policy: GatePolicy) -> Refusal | None:
    for state in facts.limits:
        if state.count >= state.limit.max:
            return _denied(Reason.LIMIT, limit_name(state.limit))
    return None


def _credential(_pad: PadResult, facts: GateFacts, policy: GatePolicy) -> Refusal | None:
    if policy.mode is GateMode.PRESENCE_SCREENING and policy.allow_unidentified:
        return None
    reason = _credential_fault(facts.credential, facts.now.wall_s)
    return None if reason is None else _denied(reason)


def _credential_fault(credential: Credential | None, wall_s: float) -> Reason | None:
    if credential is None:
        return Reason.NO_CREDENTIAL
    if not credential.known:
        return Reason.UNKNOWN_CREDENTIAL
    if credential.valid_from_s is not None and wall_s < credential.valid_from_s:
        return Reason.CREDENTIAL_NOT_YET_VALID
    if credential.valid_until_s is not None and wall_s >= credential.valid_until_s:
        return Reason.CREDENTIAL_EXPIRED
    return None
