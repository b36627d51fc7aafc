"""The stages one by one, and the ways through several of them, as calls to be timed.

Each call takes a frame's number and works on that frame of the material. What a stage needs from those before it is
prepared beforehand, so that only its own work is timed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from livegate.capture.synchronise import synchronise
from livegate.clock import read_clock
from livegate.cues.bank import ScoredCue
from livegate.errors import AssetError
from livegate.events import kinds
from livegate.events.environment import Environment
from livegate.gate.facts import GateFacts, GatePolicy
from livegate.gate.policy import decide
from livegate.judge import Judge
from livegate.store.store import Store
from livegate.track.tracker import Tracker
from livegate.types import Attempt, CredentialRead, Decision, Face, Frame, FrameSet, Observation, PadResult, Role
from livegate_tools.bench.geometry import aligner, register_calls
from livegate_tools.bench.material import rgb_only
from livegate_tools.bench.timing import Call

CARD = CredentialRead("card", "bench")


@dataclass(frozen=True, slots=True)
class Prepared:
    """Frames in which a face is found, and what the stages made of each."""

    frame_sets: tuple[FrameSet, ...]
    faces: tuple[tuple[Face, ...], ...]
    pads: tuple[PadResult, ...]

    def observation(self, index: int) -> Observation:
        """Return what the cues see of a frame."""
        frame_set, faces = self.pick(index), self.faces[index % len(self.faces)]
        return Observation(frame_set, faces[0], len(faces) - 1)

    def pick(self, index: int) -> FrameSet:
        """Return the FrameSet of a frame's number; they come round again and again."""
        return self.frame_sets[index % len(self.frame_sets)]

    def pad(self, index: int) -> PadResult:
        """Return the verdict on a frame."""
        return self.pads[index % len(self.pads)]


def prepare(judge: Judge, frame_sets: Sequence[FrameSet]) -> Prepared:
    """Keep the frames with a face, in which no stage has an excuse to do nothing; AssetError when there is none."""
    found = [(frame_set, _detect(judge, frame_set)) for frame_set in frame_sets]
    kept = [(frame_set, faces) for frame_set, faces in found if faces]
    if not kept:
        raise AssetError("the model finds no face in any recorded visit; name another with --model, or train it anew")
    pads = [judge.still(frame_set)[0] for frame_set, _ in kept]
    return Prepared(tuple(frame_set for frame_set, _ in kept), tuple(faces for _, faces in kept), tuple(pads))


def stage_calls(
    judge: Judge, cues: Sequence[ScoredCue], prepared: Prepared, store: Store, policy: GatePolicy
) -> dict[str, Call]:
    """Return every stage from capture to commit by name; each of ``cues`` is a stage of its own name."""
    tracker = Tracker()
    attempt = _attempt(prepared)
    return {
        "capture_sync": lambda i: _synchronise(prepared.pick(i)),
        **register_calls(prepared.frame_sets),
        "detect": lambda i: _detect(judge, prepared.pick(i)),
        "track": lambda i: tracker.update(prepared.pick(i), prepared.faces[i % len(prepared.faces)]),
        **_quality_call(judge, prepared),
        **{cue.name: _cue_call(cue, prepared) for cue in cues},
        "decide": lambda _: judge.assess(attempt, final=True),
        "gate": lambda i: decide(prepared.pad(i), GateFacts(read_clock()), policy, attempt_id="bench"),
        "commit": lambda i: _commit(store, prepared.pad(i), policy),
    }


def way_calls(judge: Judge, prepared: Prepared, store: Store, policy: GatePolicy) -> dict[str, Call]:
    """Return the ways through several stages, all sensors in use: verdict, decision, and committed decision."""
    rig = aligner(stereo=Role.RGB_RIGHT in prepared.pick(0).frames, in_place=True)

    def judged(index: int) -> PadResult:
        return judge.still(prepared.pick(index))[0]

    def decided(index: int) -> Decision:
        synchronised = rig.align(_synchronise(prepared.pick(index)))
        pad, _ = judge.still(synchronised)
        return decide(pad, GateFacts(read_clock()), policy, attempt_id="bench")

    return {
        "all_sensors": judged,
        "frame_set_to_decision": decided,
        "frame_set_to_commit": lambda i: _commit(store, judged(i), policy),
    }


def rgb_call(judge: Judge, prepared: Prepared) -> Call:
    """Return detect to decide on the rgb picture alone."""
    frame_sets = [rgb_only(frame_set) for frame_set in prepared.frame_sets]
    return lambda index: judge.still(frame_sets[index % len(frame_sets)])


def _cue_call(cue: ScoredCue, prepared: Prepared) -> Call:
    # A new observation each time: a cue may remember what it made of the last one.
    return lambda index: cue.frame_llr(prepared.observation(index))


def _quality_call(judge: Judge, prepared: Prepared) -> dict[str, Call]:
    gate = judge.quality
    if gate is None:
        return {}

    def look(index: int) -> object:
        observation = prepared.observation(index)
        return gate.look(observation.frame_set.frames[Role.RGB].image, observation.face.box)

    return {"quality": look}


def _attempt(prepared: Prepared) -> Attempt:
    tracker = Tracker()
    found: Attempt | None = None
    for frame_set, faces in zip(prepared.frame_sets, prepared.faces, strict=True):
        found = tracker.update(frame_set, faces) or found
    if found is None:
        raise AssetError("no face in the recorded visits is large enough to be presented; reinstall Livegate")
    return found


def _detect(judge: Judge, frame_set: FrameSet) -> tuple[Face, ...]:
    if judge.detector is None:
        raise AssetError("no model is in use, there is nothing to time; leave --runtime none out")
    return judge.detector.detect(frame_set.frames[Role.RGB].image)


def _synchronise(frame_set: FrameSet) -> FrameSet:
    others: dict[Role, Sequence[Frame]] = {
        role: (frame,) for role, frame in frame_set.frames.items() if role is not Role.RGB
    }
    return synchronise(frame_set.frames[Role.RGB], others, frame_set.captured_ns)


def _commit(store: Store, pad: PadResult, policy: GatePolicy) -> None:
    now = read_clock()
    with store.transaction() as transaction:
        facts = transaction.facts(CARD, policy, now)
        decision = decide(pad, facts, policy, attempt_id="bench")
        transaction.count(decision, policy, now)
        transaction.enqueue(kinds.access_attempt(decision, now, Environment(transaction.context.identity)))
