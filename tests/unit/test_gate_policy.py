from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livegate.config import AntiPassBack, Doubt, Doubts, GateMode, LimitKey, PassBack, Schedule
from livegate.gate.facts import BlockAction, Clock, GateFacts, GatePolicy, LimitState, ListEntry, Presence
from livegate.gate.limits import counts, key_value, limit_name
from livegate.gate.policy import decide, let_out, refuse
from livegate.gate.schedule import is_open
from livegate.types import Credential, Direction, Outcome, PadDecision, PadResult, Reason, Remark, Step
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


UNSURE_CLOCK = Clock(WALL_S, 0, synchronised=False)
STRICT = GatePolicy(
    GateMode.CREDENTIAL_LIVENESS,
    zone="lab",
    schedules=(Schedule("always"), Schedule("never", ())),
    anti_pass_back=AntiPassBack(PassBack.HARD),
    in_doubt=Doubts(Doubt.DENY, Doubt.DENY, Doubt.DENY),
)
DATED = {"valid_from_s": WALL_S - 1, "valid_until_s": WALL_S + 1}


def entry(action: str, kind: str = "credential") -> ListEntry:
    return ListEntry(kind, "x", action)


@pytest.mark.parametrize(
    ("pad", "facts", "reason", "rule"),
    [
        (BONA_FIDE, replace(FACTS, door_locked=True), Reason.DOOR_LOCKED, None),
        (BONA_FIDE, replace(FACTS, memory_lost=("list_entry",)), Reason.MEMORY_LOST, None),
        (BONA_FIDE, replace(FACTS, door_locked=True, memory_lost=("list_entry",)), Reason.DOOR_LOCKED, None),
        (BONA_FIDE, replace(FACTS, entries=(entry("lockout"),)), Reason.LOCKED_OUT, "block.credential"),
        (replace(BONA_FIDE, step=Step.FEWER), replace(FACTS, entries=(entry("step_up"),)), Reason.STEP_UP, None),
        (BONA_FIDE, replace(FACTS, entries=(entry("of a later version"),)), Reason.LISTED, "block.credential"),
        (
            replace(BONA_FIDE, step=Step.FEWER),
            replace(FACTS, entries=(entry("review"), entry("step_up"), entry("lockout"), entry("deny", "terminal"))),
            Reason.LISTED,
            "block.terminal",
        ),
        (
            replace(BONA_FIDE, step=Step.FEWER),
            replace(FACTS, entries=(entry("step_up"), entry("lockout", "terminal"))),
            Reason.LOCKED_OUT,
            "block.terminal",
        ),
        (BONA_FIDE, replace(FACTS, list_expired=("block",)), Reason.LIST_STALE, "in_doubt.lists"),
        (BONA_FIDE, replace(with_badge(**DATED), now=UNSURE_CLOCK), Reason.CLOCK_UNSURE, "in_doubt.validity"),
        (BONA_FIDE, replace(with_badge(schedule="always"), now=UNSURE_CLOCK), Reason.CLOCK_UNSURE, "in_doubt.schedule"),
        (BONA_FIDE, with_badge(zones=frozenset({"hall", "roof"})), Reason.WRONG_ZONE, "zone.lab"),
        (BONA_FIDE, with_badge(schedule="never"), Reason.OUTSIDE_SCHEDULE, "schedule.never"),
        (BONA_FIDE, with_badge(schedule="nobody wrote this"), Reason.OUTSIDE_SCHEDULE, None),
        (BONA_FIDE, replace(FACTS, presence=Presence(True, 0)), Reason.PASSED_BACK, "anti_pass_back.hard"),
        (UNSURE, replace(FACTS, presence=Presence(True, 0)), Reason.PASSED_BACK, "anti_pass_back.hard"),
    ],
)
def test_every_rule_of_a_strict_policy(pad: PadResult, facts: GateFacts, reason: Reason, rule: str | None) -> None:
    decision = decide(pad, facts, STRICT, attempt_id="a1")
    assert (decision.outcome, decision.reason) == (Outcome.DENIED, reason)
    assert rule is None or decision.matched_rule == rule


@pytest.mark.parametrize(
    ("facts", "remarks"),
    [
        (FACTS, ()),
        (with_badge(zones=frozenset({"lab"}), schedule="always", **DATED), ()),
        (replace(FACTS, entries=(entry("step_up"),)), ()),
        (replace(FACTS, entries=(entry("review"),)), (Remark.REVIEW,)),
        (replace(FACTS, presence=Presence(False, 0)), ()),
        (replace(FACTS, now=UNSURE_CLOCK), ()),
    ],
)
def test_what_a_strict_policy_lets_in(facts: GateFacts, remarks: tuple[Remark, ...]) -> None:
    decision = decide(BONA_FIDE, facts, STRICT, attempt_id="a1")
    assert (decision.outcome, decision.remarks) == (Outcome.GRANTED, remarks)


def test_what_is_kept_in_doubt_lets_in_and_is_remarked() -> None:
    lenient = replace(STRICT, anti_pass_back=AntiPassBack(PassBack.SOFT), in_doubt=Doubts())
    facts = replace(
        with_badge(schedule="always", **DATED),
        now=UNSURE_CLOCK,
        entries=(entry("review"),),
        presence=Presence(True, 0),
        list_expired=("allow",),
    )
    decision = decide(BONA_FIDE, facts, lenient, attempt_id="a1")
    assert decision.outcome is Outcome.GRANTED
    assert decision.remarks == tuple(Remark)


def test_a_clock_set_back_revives_nothing() -> None:
    back = Clock(WALL_S - 86_400, 0, synchronised=False, floor_s=WALL_S)
    assert ended(BONA_FIDE, replace(with_badge(valid_until_s=WALL_S), now=back))[1] is Reason.CREDENTIAL_EXPIRED
    assert ended(BONA_FIDE, replace(with_badge(valid_from_s=WALL_S), now=back))[0] is Outcome.GRANTED


def test_attacks_name_the_rule_that_knows_their_medium() -> None:
    media = limit("presentation_attack", 2, 60, 600, LimitKey.MEDIA)
    facts = replace(FACTS, media="5e" * 16, limits=(LimitState(DENIED, 9, 9), LimitState(media, 2, 0)))
    decision = decide(replace(ATTACK, media_signature="5f" * 16), facts, POLICY, attempt_id="a1")
    assert (decision.reason, decision.matched_rule) == (Reason.PRESENTATION_ATTACK, limit_name(media))
    assert decision.pad.media_signature == "5e" * 16
    listed = replace(facts, entries=(ListEntry("media", "5e" * 16),))
    assert decide(ATTACK, listed, POLICY, attempt_id="a1").matched_rule == "block.media"
    assert decide(ATTACK, FACTS, POLICY, attempt_id="a1").matched_rule is None


def test_duress_opens_like_any_other_and_is_known_only_to_the_decision() -> None:
    calm = decide(BONA_FIDE, FACTS, POLICY, attempt_id="a1")
    forced = decide(BONA_FIDE, with_badge(duress=True), POLICY, attempt_id="a1")
    assert replace(forced, credential=calm.credential) == calm
    assert (calm.duress, forced.duress) == (False, True)
    assert not decide(BONA_FIDE, with_badge(duress=True, known=False), POLICY, attempt_id="a1").duress


def test_nobody_is_kept_in() -> None:
    facts = replace(
        with_badge(known=False),
        door_locked=True,
        entries=(entry("deny"),),
        limits=(LimitState(DENIED, 9, 9),),
        list_expired=("block",),
    )
    decision = let_out(silent(Reason.NO_FACE), facts, STRICT, attempt_id="a1")
    assert (decision.outcome, decision.reason) == (Outcome.GRANTED, Reason.LEFT)
    assert decision.direction is Direction.OUT
    assert not counts(limit("attempt", 3, 60, 0), decision)


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
CREDENTIALS = st.none() | st.builds(
    Credential,
    st.just("ab"),
    st.just("card"),
    st.booleans(),
    DATES,
    DATES,
    st.sampled_from((None, "always", "never", "unknown")),
    st.frozensets(st.sampled_from(("", "lab", "roof"))),
    st.booleans(),
)
POLICIES = st.builds(
    GatePolicy,
    st.sampled_from(GateMode),
    st.booleans(),
    st.sampled_from(Step),
    st.just(()),
    st.sampled_from(("", "lab")),
    st.just(STRICT.schedules),
    st.builds(AntiPassBack, st.sampled_from(PassBack), st.just(600.0)),
    st.builds(Doubts, *(st.sampled_from(Doubt) for _ in range(3))),
)
CLOCKS = st.builds(
    Clock,
    st.floats(WALL_S - 1, WALL_S + 1),
    st.just(0),
    st.booleans(),
    st.integers(-9, 9),
    DATES.map(lambda moment: moment or 0.0),
)
ENTRIES = st.lists(
    st.builds(
        ListEntry,
        st.sampled_from(("terminal", "credential", "media")),
        st.just("x"),
        st.sampled_from((*BlockAction, "unheard of")),
    ),
    max_size=3,
).map(tuple)
FACTS_OF_ANY_KIND = st.builds(
    GateFacts,
    CLOCKS,
    CREDENTIALS,
    st.just(()) | ENTRIES,
    st.builds(lambda count, locked: (LimitState(DENIED, count, locked),), st.integers(0, 4), st.integers(0, 1)),
    st.none() | st.builds(Presence, st.booleans(), st.sampled_from((0, 10**12))),
    st.sampled_from(((), ("block",))),
    st.booleans(),
)


def may_pass(credential: Credential, facts: GateFacts, policy: GatePolicy) -> bool:
    """The rules once more, said the other way round."""
    now_s = max(facts.now.wall_s, facts.now.floor_s)
    dated = (credential.valid_from_s, credential.valid_until_s) != (None, None)
    inside = facts.presence is not None and facts.presence.inside
    recently = inside and facts.presence is not None and facts.presence.age_ns < 600 * 10**9
    return (
        credential.known
        and (credential.valid_from_s is None or credential.valid_from_s <= now_s)
        and (credential.valid_until_s is None or now_s < credential.valid_until_s)
        and (not credential.zones or policy.zone in credential.zones)
        and (
            credential.schedule is None or is_open(policy.schedules, credential.schedule, now_s, facts.now.utc_offset_s)
        )
        and (facts.now.synchronised or not dated or policy.in_doubt.validity is Doubt.KEEP)
        and (facts.now.synchronised or credential.schedule is None or policy.in_doubt.schedule is Doubt.KEEP)
        and not (policy.anti_pass_back.mode is PassBack.HARD and inside)
        and not (policy.anti_pass_back.mode is PassBack.TIMED and recently)
    )


@given(PADS | st.sampled_from([replace(BONA_FIDE, step=step) for step in Step]), FACTS_OF_ANY_KIND, POLICIES)
@settings(max_examples=600)
def test_the_door_opens_only_for_the_living_who_may(pad: PadResult, facts: GateFacts, policy: GatePolicy) -> None:
    screening = policy.mode is GateMode.PRESENCE_SCREENING and policy.allow_unidentified
    (state,) = facts.limits
    actions = {entry.action for entry in facts.entries}
    free = (
        pad.decision is PadDecision.BONA_FIDE
        and pad.step is not Step.NONE
        and pad.step.at_least(policy.least_step)
        and not facts.door_locked
        and not facts.memory_lost
        and actions <= {"review", "step_up"}
        and ("step_up" not in actions or pad.step is Step.ALL)
        and state.count < DENIED.max
        and state.locked_ns == 0
        and not (facts.list_expired and policy.in_doubt.lists is Doubt.DENY)
        and (screening or (facts.credential is not None and may_pass(facts.credential, facts, policy)))
    )
    assert (ended(pad, facts, policy)[0] is Outcome.GRANTED) is free


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
