"""The same presentations as other terminals would have had them: with fewer sensors, or with disturbed ones.

The networks look at a colour picture once, however many terminals it is shown to.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.cues.bank import CueBank, ScoredCue
from livegate.cues.protocol import Cue, SpeciesCue
from livegate.errors import PadError, PictureError
from livegate.judge import FaceDetector
from livegate.judge import Judge as LiveJudge
from livegate.samples.frames import Terminal, named, read_frame_sets, restricted, sensor_sets
from livegate.samples.manifest import BadLine, Sample
from livegate.types import Face, FrameSet, Observation, Role
from livegate_tools.evaluate.disturb.catalogue import DISTURBANCES
from livegate_tools.evaluate.disturb.scene import scene_of
from livegate_tools.evaluate.predictions import (
    Judge,
    JudgeOpener,
    Prediction,
    failed,
    judged_as,
    unreadable,
    with_unasked,
)

_ONE_PICTURE = frozenset({Role.RGB})


@dataclass(frozen=True, slots=True)
class Variant:
    """A terminal with ``roles``, and one disturbance at one strength; None: undisturbed."""

    roles: frozenset[Role]
    disturbance: str | None = None
    strength: float = 0.0

    @property
    def sensors(self) -> str:
        """The name of its sensors: ``rgb+nir+depth``."""
        return named(self.roles)

    def of(self, sample: Sample, frame_sets: Iterable[FrameSet]) -> Iterable[FrameSet]:
        """Yield the FrameSets of ``sample`` as this terminal would have had them."""
        scene = None if self.disturbance is None else scene_of(sample, self.disturbance)
        for frame_set in frame_sets:
            fewer = restricted(frame_set, self.roles)
            if self.disturbance is None or scene is None:
                yield fewer
            else:
                yield DISTURBANCES[self.disturbance].apply(fewer, self.strength, scene)


def subsets(roles: frozenset[Role]) -> tuple[Variant, ...]:
    """Return the terminals that have some of ``roles``, undisturbed, rgb alone first."""
    return tuple(Variant(some) for some in sensor_sets(roles))


def disturbed(roles: frozenset[Role], names: Sequence[str]) -> tuple[Variant, ...]:
    """Return a terminal with ``roles`` under each of the disturbances ``names`` that can reach it, at each strength."""
    return tuple(
        Variant(roles, name, strength)
        for name in names
        if DISTURBANCES[name].roles & roles
        for strength in DISTURBANCES[name].strengths
    )


class VariantEvaluator:
    """Judges a sample as every variant of the terminal would, one after the other."""

    def __init__(self, open_judge: JudgeOpener, terminal: Terminal, variants: Sequence[Variant]) -> None:
        self._open_judge = open_judge
        self._terminal = terminal
        self._variants = variants
        self._judges: dict[frozenset[Role], Judge] = {}
        self._memory = _Memory()

    def predict(self, entry: Sample | BadLine) -> tuple[Prediction, ...]:
        """Return the prediction of ``entry`` by the terminal itself, then that of each variant, in their order.

        What cannot be read is unreadable to all of them. Raises what opening a Judge raises.
        """
        every = 1 + len(self._variants)
        if isinstance(entry, BadLine):
            return (unreadable(entry.id or "", f"line {entry.line}: {entry.problem}"),) * every
        roles = self._terminal.roles_for(entry)
        try:
            frame_sets = list(read_frame_sets(entry, roles.union(*(variant.roles for variant in self._variants))))
        except PictureError as exc:
            return (unreadable(entry.id, str(exc)),) * every
        self._memory.forget()
        return tuple(self._judged(entry, frame_sets, variant) for variant in (Variant(roles), *self._variants))

    def _judged(self, sample: Sample, frame_sets: Sequence[FrameSet], variant: Variant) -> Prediction:
        judge = self._judges.get(variant.roles) or self._judges.setdefault(variant.roles, self._opened(variant.roles))
        seen = list(variant.of(sample, frame_sets))
        started_ns = time.perf_counter_ns()
        try:
            result, face = judge.clip(seen) if sample.is_clip else judge.still(seen[0])
        except PadError as exc:
            return failed(sample.id, exc)
        prediction = judged_as(sample.id, result, face, (time.perf_counter_ns() - started_ns) / 1e6)
        return with_unasked(prediction, judge, result)

    def _opened(self, roles: frozenset[Role]) -> Judge:
        judge = self._open_judge(roles)
        if isinstance(judge, LiveJudge):
            if judge.detector is not None:
                judge.detector = _Remembered(judge.detector, self._memory)
            judge.bank = CueBank(tuple(self._shared(cue) for cue in judge.bank.cues))
        return judge

    def _shared(self, scored: ScoredCue) -> ScoredCue:
        if scored.cue.NEEDS != _ONE_PICTURE or not isinstance(scored.cue, SpeciesCue):
            return scored
        return replace(scored, cue=_RememberedCue(scored.name, scored.cue, self._memory))


class _Memory:
    """What networks made of pictures of the sample in view, by what was asked and the picture itself."""

    def __init__(self) -> None:
        self._known: dict[tuple[Any, ...], Any] = {}
        self._kept: list[NDArray[Any]] = []

    def forget(self) -> None:
        self._known.clear()
        self._kept.clear()

    def of(self, what: tuple[Any, ...], image: NDArray[Any], ask: Callable[[], Any]) -> Any:
        key = (*what, id(image))
        if key not in self._known:
            # Held, so that no other picture takes its place and its identity.
            self._kept.append(image)
            self._known[key] = ask()
        return self._known[key]


class _Remembered:
    """A detector that looks at each picture once."""

    def __init__(self, detector: FaceDetector, memory: _Memory) -> None:
        self._detector = detector
        self._memory = memory

    def detect(self, image: NDArray[np.uint8]) -> tuple[Face, ...]:
        """Return the faces of a picture, best first."""
        faces: tuple[Face, ...] = self._memory.of(("faces",), image, lambda: self._detector.detect(image))
        return faces


class _RememberedCue:
    """A crop classifier's cue that looks at each face of each picture once."""

    NEEDS = _ONE_PICTURE

    def __init__(self, name: str, cue: Cue, memory: _Memory) -> None:
        self._name = name
        self._cue = cue
        self._memory = memory
        self.FEATURES = cue.FEATURES

    def measure(self, observation: Observation) -> NDArray[np.float64] | None:
        """Return what the cue measures."""
        values: NDArray[np.float64] | None = self._of("measure", observation, self._cue.measure)
        return values

    def species(self, observation: Observation) -> Mapping[str, float]:
        """Return which attack the cue takes it for."""
        guess: Mapping[str, float] = {}
        if isinstance(self._cue, SpeciesCue):
            guess = self._of("species", observation, self._cue.species)
        return guess

    def _of(self, what: str, observation: Observation, ask: Callable[[Observation], Any]) -> Any:
        image = observation.frame_set.frames[Role.RGB].image
        return self._memory.of((self._name, what, observation.face), image, lambda: ask(observation))
