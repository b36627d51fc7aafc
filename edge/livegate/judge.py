"""Detect, track, cues, decide: from FrameSets to a verdict on an attempt.

The daemon, ``livegate evaluate`` and ``livegate bench`` all judge through this one class, so what is measured is what
runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from livegate import config
from livegate.cues.bank import CueBank, ScoredCue
from livegate.decide.evidence import probability
from livegate.decide.fusion import Fused, OperatingPoints
from livegate.decide.recalibration import Recalibration, shifted
from livegate.decide.verdict import Boundaries, boundaries, step_of, verdict
from livegate.detect.detector import open_detector
from livegate.installed.shelf import SHIPPED, Shelf
from livegate.media import MediaSigner
from livegate.quality.gate import QualityGate
from livegate.quality_manifest import open_quality
from livegate.scorers import (
    FUSION,
    alone,
    detector_as_cue,
    operating_points,
    texture_points,
    textures_of,
    trained_cues,
)
from livegate.track.tracker import Tracker, TrackPolicy
from livegate.types import (
    NS_PER_MS,
    Attempt,
    CueScore,
    Face,
    FrameSet,
    Observation,
    PadDecision,
    PadResult,
    Reason,
    Role,
    Step,
)

# One picture may be a blink or a blur: a person is before the door for longer, and so must the evidence be.
LEAST_FRAMES = 3


class FaceDetector(Protocol):
    """What finds faces in a picture."""

    def detect(self, image: NDArray[np.uint8]) -> tuple[Face, ...]:
        """Return the faces of a (H, W, 3) uint8 BGR picture, best first."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What the judge made of one FrameSet: every face, and the attempt in view with the verdict on it so far."""

    frame_set: FrameSet
    faces: tuple[Face, ...] = ()
    attempt: Attempt | None = None
    pad: PadResult | None = None
    overdue: bool = False
    """The attempt has had its time: its verdict is final, inconclusive or not."""


class Judge:
    """Judges attempts. Not thread-safe: one judge a thread."""

    def __init__(
        self,
        detector: FaceDetector | None,
        cues: tuple[ScoredCue, ...],
        points: OperatingPoints,
        roles: frozenset[Role],
        policy: config.DecisionPolicy,
        lost: tuple[str, ...] = (),
        best: Step = Step.ALL,
    ) -> None:
        """``best`` is the best step that what finds faces allows; without a detector that is NONE."""
        self.detector = detector
        self.best = Step.NONE if detector is None else best
        self.bank = CueBank(cues)
        self._points = points
        self._first = frozenset(cue.name for cue in cues) - points.second - _idle(cues, points)
        self._textures = frozenset(textures_of(cues))
        self._further = {cue.name: cue.cue.NEEDS for cue in cues if cue.cue.NEEDS - {Role.RGB}}
        self._policy = policy
        self._recalibration: Recalibration | None = None
        self.quality: QualityGate | None = None
        self.tracker = Tracker()
        self._roles = roles
        self._lost = lost
        self._timeout_ns = policy.timeout_ms * NS_PER_MS
        self._signer: MediaSigner | None = None
        self._signed: tuple[str, int, str | None] | None = None

    def adopt(self, policy: config.DecisionPolicy, recalibration: Recalibration | None = None) -> None:
        """Judge by ``policy`` from now on, and by the terminal's own calibration, if it has one."""
        self._policy = policy
        self._recalibration = recalibration
        self._timeout_ns = policy.timeout_ms * NS_PER_MS

    def inspect(self, quality: QualityGate | None) -> None:
        """Let pictures that ``quality`` refuses be no evidence from now on; None lets all be."""
        self.quality = self.tracker.quality = quality

    def sign_media(self, signer: MediaSigner) -> None:
        """Give the media of attacks that are watched their signature from now on."""
        self._signer = signer

    @classmethod
    def open(
        cls,
        detector: config.Detector,
        policy: config.DecisionPolicy,
        roles: frozenset[Role],
        threads: int = 1,
        shelf: Shelf = SHIPPED,
        without: frozenset[str] = frozenset(),
        quality: config.QualityConfig | None = None,
    ) -> Self:
        """Return a judge with the configured model and every trained cue of ``shelf`` that ``roles`` can feed.

        Cues whose names are in ``without`` are left out, to see what they are worth; without ``quality`` its gate is
        that which ships. With ``runtime = "none"`` the terminal's own finder finds the faces and textures judge them.
        Raise AssetError when the model, a scorer or the gate is missing or damaged, or nothing was fixed that textures
        could judge by; RuntimeMissing when no runtime for the model is installed, ConfigError for other slips.
        """
        opened = open_detector(detector, threads, shelf)
        cues = trained_cues(roles, detector, threads, shelf, without, frozenset(policy.further_cues))
        lost = tuple(sorted(name for name in shelf.faults if shelf.find(name) is None))
        if opened is None:
            points = texture_points(cues, shelf)
            from livegate.detect.finder import open_finder

            judge = cls(open_finder(shelf), cues, points, roles, policy, lost, Step.TEXTURE)
        else:
            own = detector_as_cue(opened.manifest)
            points = operating_points(own, cues, alone(opened.manifest), shelf)
            judge = cls(opened, (own, *cues), points, roles, policy, lost)
        judge.inspect(open_quality(quality or config.QualityConfig(), shelf))
        return judge

    @classmethod
    def without_faces(cls, roles: frozenset[Role], policy: config.DecisionPolicy) -> Self:
        """Return a judge that finds no face and so never says bona fide."""
        return cls(None, (), OperatingPoints({}), roles, policy)

    @property
    def boundaries(self) -> Boundaries:
        """The boundaries while every cue of this terminal speaks."""
        every = {cue.name: 0.0 for cue in self.bank.cues}
        return self._limits(self.fused(every))

    @property
    def models(self) -> dict[str, str]:
        """The fingerprint of every model that judges, by the name of its cue, and of how they are fused."""
        return {cue.name: cue.fingerprint for cue in self.bank.cues} | {FUSION: self._points.fingerprint()}

    def fused(self, llrs: Mapping[str, float]) -> Fused:
        """Return what cues say together that said ``llrs``, by name, before the terminal's own calibration."""
        return self._points.fused(llrs)

    @property
    def weighed(self) -> frozenset[str]:
        """The names of the cues that count where all of them speak."""
        return self._points.together(frozenset(cue.name for cue in self.bank.cues))

    @property
    def second(self) -> frozenset[str]:
        """The names of the cues that are asked only where the others leave it undecided."""
        return self._points.second

    def unasked(self, pad: PadResult) -> tuple[CueScore, ...]:
        """Return what the cues that spoke not in ``pad``, the newest verdict, would have said of its attempt.

        They are measured now, and nothing is decided by them.
        """
        attempt = self.tracker.attempt
        if attempt is None:
            return ()
        judged = replace(attempt, observations=attempt.evidence or attempt.observations)
        heard = {cue.name for cue in pad.cues}
        return tuple(cue for cue in self.bank.scores(judged) if cue.name not in heard)

    def still(self, frame_set: FrameSet) -> tuple[PadResult, Face | None]:
        """Judge one FrameSet as a whole attempt; the verdict is final, and the face is the one presented."""
        return self.clip([frame_set])

    def clip(self, frame_sets: Iterable[FrameSet]) -> tuple[PadResult, Face | None]:
        """Judge FrameSets as one attempt, ending at the first conclusive verdict or with the evidence."""
        self.tracker = Tracker(TrackPolicy(min_height_share=0.0), quality=self.quality)
        sight = None
        for frame_set in frame_sets:
            sight = self.watch(frame_set)
            if sight.pad is not None and sight.pad.decision is not PadDecision.INCONCLUSIVE:
                break
        if sight is None or sight.attempt is None:
            return self.no_face(sight.frame_set if sight else None), None
        return self.assess(sight.attempt, final=True), sight.attempt.latest.face

    def watch(self, frame_set: FrameSet) -> Sight:
        """Take the next FrameSet of the live stream and return what is to be seen in it."""
        image = frame_set.image(Role.RGB)
        faces = self.detector.detect(image) if self.detector is not None and image is not None else ()
        attempt = self.tracker.update(frame_set, faces)
        if attempt is None:
            return Sight(frame_set, faces)
        overdue = frame_set.captured_ns - attempt.started_ns >= self._timeout_ns
        pad = self.assess(attempt, final=False, overdue=overdue)
        return Sight(frame_set, faces, attempt, self._with_signature(attempt, pad), overdue)

    def assess(self, attempt: Attempt, *, final: bool, overdue: bool = False) -> PadResult:
        """Return the verdict on an attempt as it stands; too few frames are inconclusive unless they are ``final``.

        One that is neither ``final`` nor ``overdue`` may still bring evidence, and is not given up early. Frames of too
        poor a quality are no evidence; of an attempt that has no others they give the score, and nothing is concluded.
        Nobody is bona fide while a sensor works whose cue finds nothing to measure, or a texture is asked that cannot
        tell: others do not speak in their place. Nor, without a network, where what a sensor said does not count.
        """
        evidence = attempt.evidence
        cues, silent = self._said(replace(attempt, observations=evidence) if evidence else attempt)
        llrs = {cue.name: cue.llr for cue in cues}
        fused = self.fused(llrs)
        llr = fused.llr + self._shift(fused.cues)
        limits = self._limits(fused)
        decision = verdict(llr, limits, final=final or overdue)
        if not final and len(evidence) < LEAST_FRAMES:
            decision = PadDecision.INCONCLUSIVE
        unheard = silent & self._textures or self._is_one_mute(evidence, llrs) or self._is_one_left_out(fused, llrs)
        if decision is PadDecision.BONA_FIDE and unheard:
            decision = PadDecision.INCONCLUSIVE
        refused = None if evidence else attempt.latest.refused
        suspect = refused is not None and verdict(llr, limits) is PadDecision.ATTACK
        stands_on = self._stands_on(attempt)
        if refused is not None:
            decision = PadDecision.NON_RESPONSE if final or overdue else PadDecision.INCONCLUSIVE
        return PadResult(
            decision=decision,
            reason=refused or _REASONS[decision],
            score=probability(llr),
            llr=llr,
            threshold=limits.accept_llr,
            frames=len(evidence),
            step=self._step(stands_on),
            cues=cues,
            missing=self._missing(stands_on, silent),
            # Asked for only once the verdict stands: what kind of attack it may be never says whether it is one.
            pai_species=self.bank.species() if decision is PadDecision.ATTACK else None,
            guidance=attempt.latest.guidance if decision in _UNDECIDED else None,
            suspect=suspect,
        )

    def no_face(self, frame_set: FrameSet | None) -> PadResult:
        """Return the non-response of a presentation in which no face was found."""
        return PadResult(
            decision=PadDecision.NON_RESPONSE,
            reason=Reason.NO_FACE,
            score=None,
            llr=None,
            threshold=None,
            frames=0,
            step=self._step(frame_set) if frame_set else Step.NONE,
            missing=self._missing(frame_set, self._first) if frame_set else (),
        )

    def _with_signature(self, attempt: Attempt, pad: PadResult) -> PadResult:
        """Return ``pad`` with the medium's signature where it is an attack: taken once, when the attack is found."""
        if self._signer is None or pad.decision is not PadDecision.ATTACK:
            return pad
        known = self._signed
        if known is None or known[:2] != (attempt.attempt_id, attempt.started_ns):
            known = (
                attempt.attempt_id,
                attempt.started_ns,
                self._signer.sign(replace(attempt, observations=attempt.evidence)),
            )
            self._signed = known
        return replace(pad, media_signature=known[2])

    def _said(self, attempt: Attempt) -> tuple[tuple[CueScore, ...], frozenset[str]]:
        """Return what every cue says that was asked, and the names of those that had nothing to say.

        Those for a second opinion are asked only where the others leave it undecided.
        """
        cues, asked = self.bank.scores(attempt, self._first), self._first
        wanted = self._points.wanted({cue.name: cue.llr for cue in cues})
        if wanted:
            asked |= wanted
            cues = self.bank.scores(attempt, asked)
        return cues, asked - {cue.name for cue in cues}

    def _limits(self, fused: Fused) -> Boundaries:
        return shifted(boundaries(self._policy, fused.rates), self._shift(fused.cues))

    def _shift(self, cues: frozenset[str]) -> float:
        return 0.0 if self._recalibration is None else self._recalibration.shift(cues)

    def _stands_on(self, attempt: Attempt) -> FrameSet:
        """Return the FrameSet with the lower step of the latest and the latest evidence.

        A sensor that was covered until a frame came that is too poor to be evidence has said nothing.
        """
        latest = (attempt.latest, *attempt.evidence[-1:])
        return max((seen.frame_set for seen in latest), key=lambda frame_set: list(Step).index(self._step(frame_set)))

    def _is_one_mute(self, evidence: tuple[Observation, ...], llrs: Mapping[str, float]) -> bool:
        """Return whether a cue of more than rgb said nothing though its sensors saw the face."""
        silent = (needs for name, needs in self._further.items() if name not in llrs)
        return any(seen.frame_set.frames.keys() >= needs for needs in silent for seen in evidence)

    def _is_one_left_out(self, fused: Fused, llrs: Mapping[str, float]) -> bool:
        """Return whether, without a network, a cue of more than rgb spoke that no point of those that spoke weighs."""
        return self.best is Step.TEXTURE and not self._further.keys() & llrs.keys() <= fused.weighed

    def _step(self, frame_set: FrameSet) -> Step:
        return step_of(frame_set.states, self.best)

    def _missing(self, frame_set: FrameSet, silent: frozenset[str]) -> tuple[str, ...]:
        """Return the configured sensors that gave nothing, then the cues that could not be measured or loaded."""
        return (*sorted(self._roles - frame_set.frames.keys()), *sorted(silent), *self._lost)


def _idle(cues: tuple[ScoredCue, ...], points: OperatingPoints) -> frozenset[str]:
    """Return the textures that no point weighs: beside another network than they were fixed with they never count."""
    return frozenset(textures_of(cues)).difference(*points.points)


_REASONS = {
    PadDecision.BONA_FIDE: Reason.BONA_FIDE,
    PadDecision.ATTACK: Reason.PRESENTATION_ATTACK,
    PadDecision.INCONCLUSIVE: Reason.INCONCLUSIVE,
}
_UNDECIDED = (PadDecision.INCONCLUSIVE, PadDecision.NON_RESPONSE)
