from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegate.config import GateMode, LimitKey
from livegate.gate.facts import Clock, GateFacts, GatePolicy, LimitState, ListEntry
from livegate.gate.limits import counts, key_value, limit_name
from livegate.gate.policy import decide, refuse
from livegate.types import Credential, Outcome, PadDecision, PadResult, Reason, Step
from support.stores import ATTACK, BONA_FIDE, WALL_S, limit

POLICY = GatePolicy(GateMode.CREDENTIAL_LIVENESS)
SCREENING = GatePolicy(GateMode.PRESENCE_SCREENING, allow_unidentified=True)
NOW = Clock(WALL_S, 0, True)
BADGE = Credential("ab" * 16, "card", known=True)
FACTS = GateFacts(NOW, BADGE)
DENIED = limit("denied", 3, 60, 300)
UNSURE = replace(BONA_FIDE, decision=PadDecision.INCONCLUSIVE, reason=Reason.INCONCLUSIVE)


def silent(reason: Reason) -> PadResult:
    return replace(BONA_FIDE, decision=PadDecision.NON_RESPONSE, reason=reason, score=None)


def with_badge(**changes: object) -> GateFacts:
    return replace(FACTS, credential=replace(BADGE, **changes))


def ended(pad: PadResult, facts: GateFacts = FACTS, policy: GatePolicy = POLICY) -> tuple[Outcome, Reason]:
    decision = decide(pad, facts, policy, attempt_id="a1")
    return decision.outcome, decision.reason


def test_alive_with_a_valid_credential_is_granted() -> None:
    decision = decide(BONA_FIDE, FACTS, POLICY, attempt_id="a1")
    assert (decision.outcome, decision.reason) == (Outcome.GRANTED, Reason.BONA_FIDE)
    assert decision.attempt_id == "a1"
    assert decision.mode == "credential+liveness"
    assert decision.credential == BADGE
    assert decision.matched_rule is None


@pytest.mark.parametrize(
    ("pad", "facts", "outcome", "reason"),
    [
        (ATTACK, FACTS, Outcome.DENIED, Reason.PRESENTATION_ATTACK),
        (silent(Reason.NO_FACE), FACTS, Outcome.INCONCLUSIVE, Reason.NO_FACE),
        (silent(Reason.SENSOR_MISSING), FACTS, Outcome.DENIED, Reason.SENSOR_MISSING),
        (silent(Reason.UNREADABLE), FACTS, Outcome.DENIED, Reason.UNREADABLE),
        (silent(Reason.FAILED), FACTS, Outcome.DENIED, Reason.FAILED),
        (silent(Reason.BONA_FIDE), FACTS, Outcome.DENIED, Reason.FAILED),
        (replace(BONA_FIDE, step=Step.TEXTURE), FACTS, Outcome.DENIED, Reason.STEP_TOO_LOW),
        (BONA_FIDE, replace(FACTS, entries=(ListEntry("credential", "x"),)), Outcome.DENIED, Reason.LISTED),
        (BONA_FIDE, replace(FACTS, limits=(LimitState(DENIED, 0, 1),)), Outcome.DENIED, Reason.LOCKED_OUT),
        (BONA_FIDE, replace(FACTS, limits=(LimitState(DENIED, 3, 0),)), Outcome.DENIED, Reason.LIMIT),
        (BONA_FIDE, replace(FACTS, credential=None), Outcome.DENIED, Reason.NO_CREDENTIAL),
        (BONA_FIDE, with_badge(known=False), Outcome.DENIED, Reason.UNKNOWN_CREDENTIAL),
        (BONA_FIDE, with_badge(valid_from_s=WALL_S + 1), Outcome.DENIED, Reason.CREDENTIAL_NOT_YET_VALID),
        (BONA_FIDE, with_badge(valid_until_s=WALL_S), Outcome.DENIED, Reason.CREDENTIAL_EXPIRED),
        (UNSURE, FACTS, Outcome.INCONCLUSIVE, Reason.INCONCLUSIVE),
    ],
)
def test_every_way_to_be_refused(pad: PadResult, facts: GateFacts, outcome: Outcome, reason: Reason) -> None:
    assert ended(pad, facts) == (outcome, reason)


def test_validity_holds_from_its_first_to_before_its_last_moment() -> None:
    assert ended(BONA_FIDE, with_badge(valid_from_s=WALL_S, valid_until_s=WALL_S + 0.001))[0] is Outcome.GRANTED


def test_no_policy_opens_on_no_evidence() -> None:
    assert ended(replace(BONA_FIDE, step=Step.NONE), FACTS, replace(POLICY, least_step=Step.NONE))[0] is Outcome.DENIED


def test_an_attack_is_named_whatever_else_is_wrong() -> None:
    facts = GateFacts(NOW, None, (ListEntry("terminal", "t1"),), (LimitState(DENIED, 9, 9),))
    assert ended(ATTACK, facts)[1] is Reason.PRESENTATION_ATTACK


def test_rule_counters_and_lists_are_told() -> None:
    facts = replace(FACTS, entries=(ListEntry("media", "m"),), limits=(LimitState(DENIED, 2, 0),))
    decision = decide(BONA_FIDE, facts, POLICY, attempt_id="a1")
    assert decision.matched_rule == "block.media"
    assert decision.lists == ("block.media",)
    assert dict(decision.counters) == {"credential.denied.60s": 2}


def test_screening_lets_in_anyone_alive_and_says_so() -> None:
    decision = decide(BONA_FIDE, GateFacts(NOW), SCREENING, attempt_id="a1")
    assert decision.outcome is Outcome.GRANTED
    assert decision.mode == "presence_screening"
    assert ended(ATTACK, GateFacts(NOW), SCREENING)[0] is Outcome.DENIED
    assert ended(BONA_FIDE, GateFacts(NOW, None, (ListEntry("media", "m"),)), SCREENING)[1] is Reason.LISTED


def test_screening_without_leave_to_do_so_asks_for_a_credential() -> None:
    policy = replace(SCREENING, allow_unidentified=False)
    assert ended(BONA_FIDE, GateFacts(NOW), policy) == (Outcome.DENIED, Reason.NO_CREDENTIAL)


def test_a_refusal_without_facts_is_a_denial() -> None:
    decision = refuse(BONA_FIDE, Reason.STORE_FULL, POLICY, attempt_id="a1")
    assert (decision.outcome, decision.reason) == (Outcome.DENIED, Reason.STORE_FULL)


PADS = st.builds(
    PadResult,
    st.sampled_from(PadDecision),
    st.sampled_from(Reason),
    st.none() | st.floats(0, 1),
    st.none(),
    st.none(),
    st.integers(0, 9),
    st.sampled_from(Step),
)
DATES = st.none() | st.floats(WALL_S - 2, WALL_S + 2)
CREDENTIALS = st.none() | st.builds(Credential, st.just("ab"), st.just("card"), st.booleans(), DATES, DATES)
POLICIES = st.builds(GatePolicy, st.sampled_from(GateMode), st.booleans(), st.sampled_from(Step))


@given(PADS, CREDENTIALS, POLICIES, st.integers(0, 5), st.integers(0, 1), st.booleans())
def test_the_door_opens_only_for_the_living_who_may(
    pad: PadResult, credential: Credential | None, policy: GatePolicy, count: int, locked_ns: int, listed: bool
) -> None:
    entries = (ListEntry("terminal", "t1"),) if listed else ()
    facts = GateFacts(NOW, credential, entries, (LimitState(DENIED, count, locked_ns),))
    if ended(pad, facts, policy)[0] is not Outcome.GRANTED:
        return
    assert pad.decision is PadDecision.BONA_FIDE
    assert pad.step is not Step.NONE
    assert pad.step.at_least(policy.least_step)
    assert not listed
    assert count < DENIED.max
    assert locked_ns == 0
    screening = policy.mode is GateMode.PRESENCE_SCREENING and policy.allow_unidentified
    assert screening or (credential is not None and credential.known)


@pytest.mark.parametrize(
    ("event", "pad", "facts", "counted"),
    [
        ("attempt", BONA_FIDE, FACTS, True),
        ("granted", BONA_FIDE, FACTS, True),
        ("denied", BONA_FIDE, FACTS, False),
        ("denied", ATTACK, FACTS, True),
        ("presentation_attack", ATTACK, FACTS, True),
        ("presentation_attack", BONA_FIDE, replace(FACTS, credential=None), False),
        ("denied", BONA_FIDE, replace(FACTS, limits=(LimitState(DENIED, 3, 0),)), False),
        ("attempt", BONA_FIDE, replace(FACTS, limits=(LimitState(DENIED, 3, 1),)), False),
        ("presentation_attack", ATTACK, replace(FACTS, limits=(LimitState(DENIED, 3, 1),)), True),
    ],
)
def test_what_a_limit_counts(event: str, pad: PadResult, facts: GateFacts, counted: bool) -> None:
    decision = decide(pad, facts, POLICY, attempt_id="a1")
    assert counts(limit(event, 3, 60, 0), decision) == counted


def test_limits_are_named_and_keyed() -> None:
    assert limit_name(limit("denied", 3, 0.5 + 60, 1, LimitKey.DOOR)) == "door.denied.60.5s"
    keys = [key_value(limit("denied", 3, 60, 1, key), None, "5e", "t1", "front") for key in LimitKey]
    assert keys == [None, "t1", "front", "5e"]
