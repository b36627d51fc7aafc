"""What the rules of a terminal come to at its door: leaving, pass-back, duress, media known again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from livegate.config import AntiPassBack, GateMode, Limit, LimitKey, PassBack, StoreConfig
from livegate.events.environment import ModelInUse
from livegate.gate.door import DoorState
from livegate.gate.facts import GatePolicy, ListEntry
from livegate.store.lists import block
from livegate.store.media import is_signature
from livegate.types import Direction, Outcome, Reason
from support.pipelines import ALIVE, ATTACK, Terminal, opened
from support.schemas import valid

CARDS = GatePolicy(GateMode.CREDENTIAL_LIVENESS)
HARD = replace(CARDS, anti_pass_back=AntiPassBack(PassBack.HARD))
MEDIA = Limit(LimitKey.MEDIA, "presentation_attack", 2, 600.0, 600.0)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    yield from opened(tmp_path, policy=replace(CARDS, limits=(MEDIA,)))


def entered(terminal: Terminal, card: str = "good") -> tuple[Outcome, Reason]:
    decision = terminal.decided(ALIVE, card=card)
    assert decision is not None
    terminal.rest()
    return decision.outcome, decision.reason


def told(terminal: Terminal) -> list[dict[str, Any]]:
    events = terminal.events("access.attempt")
    for event in events:
        valid("event", event)
        valid("access.attempt", event["data"])
    return [event["data"]["what"] | {"severity": event["severity"]} for event in events]


def adopt(terminal: Terminal, policy: GatePolicy) -> None:
    terminal.rules.append(replace(terminal.rules[-1], policy=policy))


def test_who_is_in_comes_in_again_after_leaving(terminal: Terminal) -> None:
    adopt(terminal, HARD)
    assert entered(terminal) == (Outcome.GRANTED, Reason.BONA_FIDE)
    assert entered(terminal) == (Outcome.DENIED, Reason.PASSED_BACK)
    assert terminal.turn(card="good", way=Direction.OUT).decision is None
    assert terminal.door.state() is DoorState.LOCKED
    assert entered(terminal) == (Outcome.GRANTED, Reason.BONA_FIDE)
    assert [(what["action"], what["outcome"]) for what in told(terminal)] == [
        ("enter", "granted"),
        ("enter", "denied"),
        ("leave", "granted"),
        ("enter", "granted"),
    ]
    left = told(terminal)[2]
    assert (left["reason"], left["pad"]["decision"], left["severity"]) == ("left", "non_response", "info")


def test_a_denied_attempt_is_no_passage(terminal: Terminal) -> None:
    adopt(terminal, HARD)
    attack = terminal.decided(ATTACK, card="good")
    assert attack is not None
    assert attack.reason is Reason.PRESENTATION_ATTACK
    terminal.rest()
    assert entered(terminal) == (Outcome.GRANTED, Reason.BONA_FIDE)


def test_soft_pass_back_opens_and_says_so(terminal: Terminal) -> None:
    adopt(terminal, replace(CARDS, anti_pass_back=AntiPassBack(PassBack.SOFT)))
    assert entered(terminal)[0] is Outcome.GRANTED
    assert entered(terminal)[0] is Outcome.GRANTED
    first, again = told(terminal)
    assert (first["policy"]["remarks"], first["severity"]) == ([], "info")
    assert (again["policy"]["remarks"], again["severity"]) == (["passed_back"], "notice")


def test_a_card_on_the_way_out_waits_for_no_face(terminal: Terminal) -> None:
    for _ in range(4):
        terminal.turn(ALIVE)
    terminal.turn(ALIVE, card="good", way=Direction.OUT)
    for _ in range(20):
        terminal.turn(ALIVE)
    assert terminal.door.state() is DoorState.LOCKED
    assert [(what["action"], what["reason"]) for what in told(terminal)] == [
        ("leave", "left"),
        ("enter", "no_credential"),
    ]


def test_a_stranger_leaves_too_and_is_told_of(terminal: Terminal) -> None:
    adopt(terminal, HARD)
    terminal.turn(card="never seen", way=Direction.OUT)
    (what,) = told(terminal)
    assert (what["action"], what["outcome"]) == ("leave", "granted")


def test_leaving_counts_for_no_limit(tmp_path: Path) -> None:
    every = Limit(LimitKey.CREDENTIAL, "attempt", 2, 600.0, 600.0)
    for terminal in opened(tmp_path, policy=replace(CARDS, limits=(every,))):
        for _ in range(5):
            terminal.turn(card="good", way=Direction.OUT)
        assert entered(terminal)[0] is Outcome.GRANTED


def test_a_full_store_keeps_nobody_in(tmp_path: Path) -> None:
    for terminal in opened(tmp_path, StoreConfig(history_events=100)):
        for _ in range(110):
            snapshot = terminal.turn(card="good", way=Direction.OUT)
            assert snapshot.decision is None
        assert len(told(terminal)) < 110


def test_duress_differs_in_its_event_alone(terminal: Terminal, caplog: pytest.LogCaptureFixture) -> None:
    terminal.allow("forced", duress=True)
    seen, logged = [], []
    for card in ("good", "forced"):
        caplog.clear()
        snapshots = [terminal.turn(ALIVE, card=card if not number else None) for number in range(8)]
        seen.append(
            [(shot.door, shot.decision and (shot.decision.outcome, shot.decision.reason)) for shot in snapshots]
        )
        logged.append([(r.levelname, r.message, sorted(vars(r))) for r in caplog.records])
        terminal.rest()
    assert seen[0] == seen[1]
    assert logged[0] == logged[1]
    calm, forced = told(terminal)
    assert (calm["severity"], calm["policy"]["duress"]) == ("info", False)
    assert calm["onvif_topic"] == "tns1:AccessControl/AccessGranted/Credential"
    assert (forced["severity"], forced["policy"]["duress"]) == ("alert", True)
    assert forced["onvif_topic"] == "tns1:AccessControl/Duress"
    assert calm["outcome"] == forced["outcome"] == "granted"


def test_the_same_print_with_another_card_is_known_again(terminal: Terminal) -> None:
    small = np.random.default_rng(1).uniform(20, 220, (12, 16, 3)).astype(np.float32)
    shown = cv2.resize(small, (640, 480), interpolation=cv2.INTER_CUBIC).clip(0, 255).astype(np.uint8)
    for gain, card in ((1.0, "good"), (0.7, "other"), (0.9, "third")):
        terminal.picture = (shown * gain).astype(np.uint8)
        assert terminal.decided(ATTACK, card=card) is not None
        terminal.rest()
    attacks = told(terminal)
    signatures = {what["pad"]["media_signature"] for what in attacks}
    assert len(signatures) == 1
    assert is_signature(signatures.pop())
    assert [what["policy"]["counters"]["media.presentation_attack.600s"] for what in attacks] == [0, 1, 2]
    assert attacks[-1]["policy"]["matched_rule"] == "media.presentation_attack.600s"


def test_the_living_are_never_signed(terminal: Terminal) -> None:
    terminal.picture = np.random.default_rng(1).integers(0, 255, (480, 640, 3)).astype(np.uint8)
    assert entered(terminal)[0] is Outcome.GRANTED
    assert [what["pad"]["media_signature"] for what in told(terminal)] == [None]


def test_rules_hold_from_the_next_turn_on(terminal: Terminal) -> None:
    assert entered(terminal)[0] is Outcome.GRANTED
    adopt(terminal, replace(CARDS, zone="roof"))
    pseudonym = terminal.allow("hall only", zones=frozenset({"hall"}))
    assert entered(terminal, "hall only") == (Outcome.DENIED, Reason.WRONG_ZONE)
    with terminal.store.transaction() as t:
        block(t, ListEntry("credential", pseudonym, "review", "look at them"), terminal.now())
    adopt(terminal, replace(CARDS, zone="hall"))
    assert entered(terminal, "hall only")[0] is Outcome.GRANTED
    assert told(terminal)[-1]["policy"] | {"counters": {}} == {
        "mode": "credential+liveness",
        "matched_rule": None,
        "counters": {},
        "lists": ["block.credential"],
        "remarks": ["review"],
        "duress": False,
    }
    assert "hall only" not in json.dumps(told(terminal))


def test_the_threshold_in_force_is_told(terminal: Terminal) -> None:
    rules = terminal.rules[-1]
    model = ModelInUse("scripted", None, 0.0)
    strict = replace(rules.decision, max_bpcer=0.01)
    terminal.rules.append(replace(rules, environment=replace(rules.environment, model=model), decision=strict))
    assert entered(terminal, "other") == (Outcome.DENIED, Reason.UNKNOWN_CREDENTIAL)
    (event,) = terminal.events("access.attempt")
    assert event["data"]["environment"]["model"]["threshold"] > 0.0
    assert "rgb" in event["data"]["environment"]["sensors"]
