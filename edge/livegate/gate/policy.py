"""The gate's decision: alive is not authorised.

The checks, in this order; the first that speaks gives the reason:

 1. PRESENTATION_ATTACK  liveness found an attack; nothing hides it, whatever the card
 2. the result's own     liveness gave no answer: NO_FACE, or what was wrong with every picture of the face, TOO_DARK
                         and its like (inconclusive); SENSOR_MISSING, UNREADABLE, FAILED (denied)
 3. DOOR_LOCKED          the centre keeps the door locked
 4. MEMORY_LOST          the store was damaged or gone, and what refused somebody may be lost with it
 5. STEP_TOO_LOW         the evidence stands on a lower step than the configuration lets the door open on
 6. LISTED, LOCKED_OUT, STEP_UP
                         a block entry names the terminal, the credential or the spoof medium: its action is deny,
                         lockout, or step_up while a sensor is missing; the strictest of several. The action review
                         lets in and is remarked
 7. LOCKED_OUT           a limit's lockout is still running
 8. LIMIT                a limit's window is full
 9. LIST_STALE           a central list is past its end, if that is to deny; else it is remarked
10. NO_CREDENTIAL, UNKNOWN_CREDENTIAL
                         mode credential+liveness; presence_screening skips 10 to 12 if allow_unidentified is set
11. CLOCK_UNSURE, CREDENTIAL_NOT_YET_VALID, CREDENTIAL_EXPIRED, WRONG_ZONE, OUTSIDE_SCHEDULE
                         what the credential itself may; CLOCK_UNSURE where it has dates or a schedule, no time server
                         sets the clock and that is to deny; else it is remarked
12. PASSED_BACK          the credential is in already; remarked where anti-pass-back is soft
13. INCONCLUSIVE         liveness could not tell in time
14. BONA_FIDE            granted; only a bona fide result comes this far

Anything these do not name is denied as FAILED.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from types import MappingProxyType

from livegate.config import Doubt, GateMode, LimitKey
from livegate.gate.credentials import credential_fault, remarked_inside, rests_on_doubted_clock
from livegate.gate.facts import BlockAction, GateFacts, GatePolicy, LimitState, ListEntry
from livegate.gate.limits import limit_name
from livegate.quality.limits import GUIDANCE
from livegate.types import (
    Decision,
    Direction,
    Outcome,
    PadDecision,
    PadResult,
    Reason,
    Remark,
    Step,
)

Refusal = tuple[Outcome, Reason, str | None]
"""How an attempt ends short of the door, and which rule of the policy matched, if one did."""

_NO_ANSWER = frozenset({Reason.NO_FACE, Reason.SENSOR_MISSING, Reason.SENSOR_SUSPECT, Reason.UNREADABLE, Reason.FAILED})


def decide(pad: PadResult, facts: GateFacts, policy: GatePolicy, *, attempt_id: str) -> Decision:
    """Return the decision on an attempt from its liveness result, the store's facts and the policy. Pure.

    A spoof medium seen before goes by the signature of its first sighting.
    """
    outcome, reason, rule = next(_refusals(pad, facts, policy), None) or _last_word(pad)
    return Decision(
        attempt_id=attempt_id,
        outcome=outcome,
        reason=reason,
        mode=str(policy.mode),
        pad=pad if facts.media is None else replace(pad, media_signature=facts.media),
        credential=facts.credential,
        matched_rule=rule,
        counters=_counters(facts),
        lists=tuple(f"block.{entry.kind}" for entry in facts.entries),
        remarks=tuple(_remarks(facts, policy)),
    )


def let_out(pad: PadResult, facts: GateFacts, policy: GatePolicy, *, attempt_id: str) -> Decision:
    """Return what is told of somebody who showed a credential on the way out. Nobody is kept in, so nothing is asked.

    ``pad`` is the non-response of a presentation that needs no face.
    """
    return Decision(
        attempt_id=attempt_id,
        outcome=Outcome.GRANTED,
        reason=Reason.LEFT,
        mode=str(policy.mode),
        pad=pad,
        credential=facts.credential,
        counters=_counters(facts),
        lists=tuple(f"block.{entry.kind}" for entry in facts.entries),
        direction=Direction.OUT,
    )


def refuse(pad: PadResult, reason: Reason, policy: GatePolicy, *, attempt_id: str) -> Decision:
    """Return a denial made without the store's facts: what the caller falls back to when a commit or a stage failed."""
    return Decision(attempt_id, Outcome.DENIED, reason, str(policy.mode), pad)


def _counters(facts: GateFacts) -> MappingProxyType[str, int]:
    return MappingProxyType({limit_name(state.limit): state.count for state in facts.limits})


def _remarks(facts: GateFacts, policy: GatePolicy) -> Iterator[Remark]:
    if any(entry.action == BlockAction.REVIEW for entry in facts.entries):
        yield Remark.REVIEW
    if remarked_inside(facts, policy):
        yield Remark.PASSED_BACK
    if facts.credential is not None and rests_on_doubted_clock(facts.credential, facts):
        yield Remark.CLOCK_UNSURE
    if facts.list_expired:
        yield Remark.LIST_STALE


def _refusals(pad: PadResult, facts: GateFacts, policy: GatePolicy) -> Iterator[Refusal]:
    checks: tuple[Callable[[PadResult, GateFacts, GatePolicy], Refusal | None], ...] = (
        _attack,
        _no_answer,
        _door_locked,
        _memory_lost,
        _step,
        _listed,
        _locked_out,
        _limit,
        _list_stale,
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


def _attack(pad: PadResult, facts: GateFacts, _policy: GatePolicy) -> Refusal | None:
    if pad.decision is not PadDecision.ATTACK:
        return None
    return _denied(Reason.PRESENTATION_ATTACK, _rule_on_medium(facts))


def _rule_on_medium(facts: GateFacts) -> str | None:
    """Return the rule that knows the medium: an attack is denied without one, but who reads of it wants to know."""
    if any(entry.kind == "media" for entry in facts.entries):
        return "block.media"
    known = (state for state in facts.limits if state.limit.key is LimitKey.MEDIA and (_runs(state) or _is_full(state)))
    return next((limit_name(state.limit) for state in known), None)


def _no_answer(pad: PadResult, _facts: GateFacts, _policy: GatePolicy) -> Refusal | None:
    if pad.decision is not PadDecision.NON_RESPONSE:
        return None
    if pad.reason is Reason.NO_FACE or pad.reason in GUIDANCE:
        return Outcome.INCONCLUSIVE, pad.reason, None
    return _denied(pad.reason if pad.reason in _NO_ANSWER else Reason.FAILED)


def _door_locked(_pad: PadResult, facts: GateFacts, _policy: GatePolicy) -> Refusal | None:
    return _denied(Reason.DOOR_LOCKED) if facts.door_locked else None


def _memory_lost(_pad: PadResult, facts: GateFacts, _policy: GatePolicy) -> Refusal | None:
    return _denied(Reason.MEMORY_LOST) if facts.memory_lost else None


def _step(pad: PadResult, _facts: GateFacts, policy: GatePolicy) -> Refusal | None:
    # At step NONE there is no evidence at all, so no setting may open on it.
    enough = pad.step.at_least(policy.least_step) and pad.step is not Step.NONE
    return None if enough else _denied(Reason.STEP_TOO_LOW, f"least_step.{policy.least_step}")


def _listed(pad: PadResult, facts: GateFacts, _policy: GatePolicy) -> Refusal | None:
    for entry in sorted(facts.entries, key=_strictness):
        reason = _LISTED_REASONS.get(entry.action, Reason.LISTED)
        if reason is not None and not (reason is Reason.STEP_UP and pad.step is Step.ALL):
            return _denied(reason, f"block.{entry.kind}")
    return None


# An action of a later version than this is taken at its strictest.
_LISTED_REASONS: dict[str, Reason | None] = {
    BlockAction.DENY: Reason.LISTED,
    BlockAction.LOCKOUT: Reason.LOCKED_OUT,
    BlockAction.STEP_UP: Reason.STEP_UP,
    BlockAction.REVIEW: None,
}


def _strictness(entry: ListEntry) -> int:
    order: list[str] = list(BlockAction)
    return order.index(entry.action) if entry.action in order else 0


def _locked_out(_pad: PadResult, facts: GateFacts, _policy: GatePolicy) -> Refusal | None:
    running = next((state for state in facts.limits if _runs(state)), None)
    return None if running is None else _denied(Reason.LOCKED_OUT, limit_name(running.limit))


def _limit(_pad: PadResult, facts: GateFacts, _policy: GatePolicy) -> Refusal | None:
    full = next((state for state in facts.limits if _is_full(state)), None)
    return None if full is None else _denied(Reason.LIMIT, limit_name(full.limit))


def _runs(state: LimitState) -> bool:
    return state.locked_ns > 0


def _is_full(state: LimitState) -> bool:
    return state.count >= state.limit.max


def _list_stale(_pad: PadResult, facts: GateFacts, policy: GatePolicy) -> Refusal | None:
    if not facts.list_expired or policy.in_doubt.lists is Doubt.KEEP:
        return None
    return _denied(Reason.LIST_STALE, "in_doubt.lists")


def _credential(_pad: PadResult, facts: GateFacts, policy: GatePolicy) -> Refusal | None:
    if policy.mode is GateMode.PRESENCE_SCREENING and policy.allow_unidentified:
        return None
    fault = credential_fault(facts, policy)
    return None if fault is None else _denied(*fault)
