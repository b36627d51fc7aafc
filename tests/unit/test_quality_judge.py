"""The quality gate in the real judge and the whole terminal: poor pictures speak neither for anybody nor against."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from livegate import assets
from livegate.config import DecisionPolicy, GateMode, Limit, LimitKey, QualityConfig
from livegate.configfile import load
from livegate.errors import AssetError, ConfigError
from livegate.gate.facts import GatePolicy
from livegate.installed.shelf import Shelf
from livegate.judge import Judge
from livegate.quality.gate import QualityGate
from livegate.quality.limits import GUIDANCE, judge
from livegate.quality.sentences import ENGLISH
from livegate.quality.turn import turn_of
from livegate.quality_manifest import open_quality, read_gate
from livegate.track.tracker import Tracker, TrackPolicy
from livegate.types import Box, Face, Guidance, Outcome, PadDecision, Reason, Role, SensorState, Step
from support.drawn_faces import BOX, picture
from support.pipelines import Terminal, opened
from support.schemas import valid
from support.sights import frame_set

GOOD = picture()
DARK = (GOOD // 16).astype(np.uint8)
ALIVE, ATTACK = Face(BOX, 0.95, 0.03), Face(BOX, 0.001, 0.998)


def gate() -> QualityGate:
    """Return the gate that ships."""
    return read_gate(assets.folder("models") / "quality" / "manifest.toml")


def half_faced() -> NDArray[np.uint8]:
    """Return a picture whose face the shipped gate takes for turned, found by changing one cell after the other."""
    model, rng = gate().turn, np.random.default_rng(2)
    cells, most = rng.integers(0, 255, (16, 16), dtype=np.uint8), 0.0
    for _ in range(1500):
        tried = cells.copy()
        tried[tuple(rng.integers(0, 16, 2))] = rng.integers(0, 255)
        turned = turn_of(_enlarged(tried, 64), model)
        if turned > most:
            cells, most = tried, turned
    return picture(_enlarged(cells, 256))


def _enlarged(cells: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    return cv2.resize(cells, (side, side), interpolation=cv2.INTER_NEAREST).astype(np.uint8)


POOR: dict[Reason, tuple[NDArray[np.uint8], Box]] = {
    Reason.TOO_DARK: (DARK, BOX),
    Reason.GLARE: (np.clip(GOOD.astype(int) + 200, 0, 255).astype(np.uint8), BOX),
    Reason.BLURRED: (cv2.GaussianBlur(GOOD, (0, 0), 20).astype(np.uint8), BOX),
    Reason.TOO_FAR: (GOOD, Box(230, 130, 15, 20)),
    Reason.TOO_NEAR: (GOOD, Box(100, -200, 700, 900)),
    Reason.CUT_OFF: (GOOD, Box(-100, 100, 160, 200)),
    Reason.TURNED: (half_faced(), BOX),
}


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    yield from opened(tmp_path, quality=gate())


def judge_of(terminal: Terminal) -> Judge:
    found: Judge = terminal.pipeline._judge
    return found


def test_a_good_still_is_judged(terminal: Terminal) -> None:
    terminal.detector.seen = (ALIVE,)
    pad, _ = judge_of(terminal).still(frame_set(rgb=GOOD))
    assert (pad.decision, pad.reason, pad.guidance, pad.frames) == (PadDecision.BONA_FIDE, Reason.BONA_FIDE, None, 1)


@pytest.mark.parametrize("reason", POOR)
@pytest.mark.parametrize("face", [ALIVE, ATTACK], ids=["alive", "attack"])
def test_a_poor_still_is_a_non_response_with_its_reason(terminal: Terminal, reason: Reason, face: Face) -> None:
    image, box = POOR[reason]
    terminal.detector.seen = (dataclasses.replace(face, box=box),)
    pad, found = judge_of(terminal).still(frame_set(rgb=image))
    assert (pad.decision, pad.reason) == (PadDecision.NON_RESPONSE, reason)
    assert pad.guidance is GUIDANCE[reason]
    assert pad.frames == 0
    assert pad.score is not None
    assert found is not None


def test_with_the_gate_off_a_poor_still_is_judged(terminal: Terminal) -> None:
    judge_of(terminal).inspect(None)
    terminal.detector.seen = (ALIVE,)
    assert judge_of(terminal).still(frame_set(rgb=DARK))[0].decision is PadDecision.BONA_FIDE


def test_who_stands_in_the_dark_is_told_and_ends_without_an_answer(terminal: Terminal) -> None:
    terminal.picture = DARK
    first = terminal.turn(ALIVE, card="good")
    assert first.sight is not None
    assert first.sight.pad is not None
    assert first.sight.pad.decision is PadDecision.INCONCLUSIVE
    assert first.sight.pad.guidance is Guidance.MORE_LIGHT
    decision = terminal.decided(ALIVE)
    assert decision is not None
    assert (decision.outcome, decision.reason) == (Outcome.INCONCLUSIVE, Reason.TOO_DARK)
    assert (decision.pad.decision, decision.pad.guidance) == (PadDecision.NON_RESPONSE, Guidance.MORE_LIGHT)
    (event,) = terminal.events("access.attempt")
    valid("access.attempt", event["data"])
    pad = event["data"]["what"]["pad"]
    assert (pad["reason"], pad["guidance"], pad["frames"]) == ("too_dark", "more_light", 0)


def test_who_leaves_the_dark_with_a_card_shown_ends_without_an_answer(terminal: Terminal) -> None:
    terminal.picture = DARK
    terminal.turn(ALIVE, card="good")
    decision = terminal.decided()
    assert decision is not None
    assert (decision.outcome, decision.reason) == (Outcome.INCONCLUSIVE, Reason.TOO_DARK)


def test_who_blows_out_the_picture_again_and_again_is_counted_and_locked_out(tmp_path: Path) -> None:
    limit = Limit(LimitKey.CREDENTIAL, "glare", 2, 600.0, 600.0)
    policy = GatePolicy(GateMode.CREDENTIAL_LIVENESS, limits=(limit,))
    for terminal in opened(tmp_path, policy=policy, quality=gate()):
        for _ in range(2):
            terminal.picture = POOR[Reason.GLARE][0]
            decision = terminal.decided(ATTACK, card="good")
            assert decision is not None
            assert (decision.outcome, decision.reason) == (Outcome.INCONCLUSIVE, Reason.GLARE)
            terminal.rest()
        told = [event["data"]["what"] for event in terminal.events("access.attempt")]
        assert [what["reason"] for what in told] == ["glare", "glare"]
        assert all(what["pad"]["score"] < 0.5 and what["pad"]["cues"] for what in told)
        assert [event["severity"] for event in terminal.events("access.attempt")] == ["warning"] * 2
        terminal.picture = GOOD
        decision = terminal.decided(ALIVE, card="good")
        assert decision is not None
        assert (decision.outcome, decision.reason) == (Outcome.DENIED, Reason.LOCKED_OUT)


@pytest.mark.parametrize(("face", "reason"), [(ALIVE, Reason.GLARE), (ATTACK, Reason.TOO_DARK)])
def test_glare_without_suspicion_and_a_dark_picture_warn_nobody(terminal: Terminal, face: Face, reason: Reason) -> None:
    terminal.picture = POOR[reason][0]
    assert terminal.decided(face, card="good") is not None
    (event,) = terminal.events("access.attempt")
    assert (event["data"]["what"]["reason"], event["severity"]) == (str(reason), "notice")


def test_poor_frames_make_nobody_bona_fide(terminal: Terminal) -> None:
    for image in (GOOD, DARK, GOOD, DARK, DARK, DARK):
        terminal.picture = image
        snapshot = terminal.turn(ALIVE, card="good")
        assert snapshot.sight is not None
        assert snapshot.sight.pad is not None
        assert snapshot.sight.pad.decision is PadDecision.INCONCLUSIVE
        assert snapshot.decision is None
    terminal.picture = GOOD
    decision = terminal.decided(ALIVE)
    assert decision is not None
    assert decision.outcome is Outcome.GRANTED


def test_poor_frames_never_take_back_an_attack(terminal: Terminal) -> None:
    judge = judge_of(terminal)
    terminal.detector.seen = (ATTACK,)
    frames = 6
    for number in range(frames):
        seen = judge.watch(frame_set(100.0 * number, rgb=GOOD))
    assert seen.pad is not None
    assert seen.pad.decision is PadDecision.ATTACK
    for number in range(frames, 60):
        seen = judge.watch(frame_set(100.0 * number, rgb=DARK))
        assert seen.pad is not None
        assert seen.pad.decision is PadDecision.ATTACK
        assert seen.pad.media_signature is not None
    assert seen.attempt is not None
    assert len(seen.attempt.evidence) == frames


def test_a_sensor_uncovered_for_poor_frames_lifts_no_step(terminal: Terminal) -> None:
    judge = Judge(
        terminal.detector,
        judge_of(terminal).bank.cues,
        judge_of(terminal)._points,
        frozenset({Role.RGB, Role.NIR}),
        DecisionPolicy(),
    )
    judge.inspect(gate())
    terminal.detector.seen = (ALIVE,)
    covered = {Role.RGB: SensorState.OK, Role.NIR: SensorState.MISSING}
    for number in range(4):
        seen = judge.watch(dataclasses.replace(frame_set(100.0 * number, rgb=GOOD), states=covered))
    assert seen.pad is not None
    assert (seen.pad.decision, seen.pad.step) == (PadDecision.BONA_FIDE, Step.RGB)
    seen = judge.watch(frame_set(400.0, rgb=DARK, nir=np.full((480, 640), 90, np.uint8)))
    assert seen.pad is not None
    assert (seen.pad.decision, seen.pad.step, seen.pad.missing) == (PadDecision.BONA_FIDE, Step.RGB, ("nir",))
    seen = judge.watch(frame_set(500.0, rgb=GOOD, nir=np.full((480, 640), 90, np.uint8)))
    assert seen.pad is not None
    assert (seen.pad.step, seen.pad.missing) == (Step.ALL, ())


def test_evidence_keeps_its_bound_whatever_comes_between() -> None:
    tracker = Tracker(TrackPolicy(history=4), quality=gate())
    rng = np.random.default_rng(7)
    for number in range(60):
        dark = bool(rng.random() < 0.5)
        attempt = tracker.update(frame_set(100.0 * number, rgb=DARK if dark else GOOD), (ALIVE,))
        if attempt is None:
            pytest.fail("the face in view is an attempt")
        assert len(attempt.evidence) <= 4
        assert len(attempt.observations) - len(attempt.evidence) == dark
        assert attempt.latest.refused is (Reason.TOO_DARK if dark else None)
    assert len(attempt.evidence) == 4


def test_the_configuration_moves_a_limit_and_turns_the_gate_off() -> None:
    assert open_quality(QualityConfig(enabled=False)) is None
    strict = open_quality(QualityConfig(min_face_px=300.0))
    assert strict is not None
    assert strict.advice.min_face_px == 300.0
    assert strict.look(GOOD, BOX).refused is Reason.TOO_FAR
    assert judge(strict.look(GOOD, BOX).measures, gate().limits) is None


def test_a_limit_out_of_bounds_is_refused_by_name(tmp_path: Path) -> None:
    text = assets.config("demo").read_text()
    path = tmp_path / "site.toml"
    path.write_text(text + "\n[quality]\nmin_face_px = 4000\n")
    with pytest.raises(ConfigError, match=r"\[quality\].*'min_face_px': expected 16 to 400"):
        load(path)


def test_a_damaged_gate_is_named(tmp_path: Path) -> None:
    text = (assets.folder("models") / "quality" / "manifest.toml").read_text()
    for wrong in (text.replace("max_blur", "most_blur"), text.replace("weight = [", "weight = [1.0, "), "", "[model"):
        (tmp_path / "manifest.toml").write_text(wrong)
        with pytest.raises(AssetError, match=r"manifest\.toml"):
            open_quality(QualityConfig(), Shelf({"quality": tmp_path}))


def test_advice_begins_before_refusal() -> None:
    shipped = gate()
    dusk = next(
        quality
        for share in np.linspace(1.0, 0.0, 60)
        if (quality := shipped.look((GOOD * share).astype(np.uint8), BOX)).guidance is not None
    )
    assert dusk.refused is None
    assert dusk.guidance is Guidance.MORE_LIGHT


def test_every_guidance_has_a_sentence() -> None:
    assert set(ENGLISH) == set(Guidance)
