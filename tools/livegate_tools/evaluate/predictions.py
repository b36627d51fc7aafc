"""Judge one sample, and write what was judged as a line of JSON."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

from livegate.errors import PadError, PictureError
from livegate.samples.frames import Terminal, read_frame_sets
from livegate.samples.manifest import BadLine, Sample
from livegate.types import CueScore, Face, FrameSet, PadDecision, PadResult, Reason, Role


class Judge(Protocol):
    """The terminal's own path from pictures to a verdict, as ``livegate.judge.Judge`` has it."""

    def still(self, frame_set: FrameSet) -> tuple[PadResult, Face | None]:
        """Judge one FrameSet as a whole attempt."""

    def clip(self, frame_sets: Iterable[FrameSet]) -> tuple[PadResult, Face | None]:
        """Judge the FrameSets of one attempt, oldest first."""

    @property
    def second(self) -> frozenset[str]:
        """The names of the cues that are asked for a second opinion only."""

    def unasked(self, pad: PadResult) -> tuple[CueScore, ...]:
        """Return what cues that were not asked for ``pad``, the newest result, would have said."""


JudgeOpener = Callable[[frozenset[Role]], Judge]
"""Opens a Judge for a terminal with these sensors; must be picklable, worker processes open their own."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """The verdict on one sample.

    ``decision`` is never INCONCLUSIVE. ``score`` is 0..1, higher is more bona fide, and None only where no face was
    found or a picture could not be read. ``latency_ms`` is the time of judging without that of reading files, None
    where nothing was judged. ``unasked`` is what cues would have said whose second opinion was not needed; ``second``
    whether one was asked for, None where the terminal asks for none or no face was judged.
    """

    id: str
    decision: PadDecision
    score: float | None
    face: Face | None
    reason: str
    cues: tuple[CueScore, ...]
    latency_ms: float | None
    unasked: tuple[CueScore, ...] = ()
    second: bool | None = None

    def line(self) -> str:
        """Return the prediction as one line of JSON without its end."""
        return json.dumps(self._as_json(), ensure_ascii=False, allow_nan=False)

    def _as_json(self) -> dict[str, Any]:
        box = self.face.box if self.face else None
        return {
            "id": self.id,
            "decision": str(self.decision),
            "score": self.score,
            "box": [round(float(side), 2) for side in (box.x, box.y, box.w, box.h)] if box else None,
            "reason": self.reason,
            "cues": {cue.name: {"score": cue.score, "llr": cue.llr} for cue in self.cues}
            | {cue.name: {"score": cue.score, "llr": cue.llr, "asked": False} for cue in self.unasked},
            "latency_ms": round(self.latency_ms or 0.0, 3),
        }


class Evaluator:
    """Judges samples one after the other, with one Judge for each set of sensors it meets."""

    def __init__(self, open_judge: JudgeOpener, terminal: Terminal) -> None:
        self._open_judge = open_judge
        self._terminal = terminal
        self._judges: dict[frozenset[Role], Judge] = {}

    def predict(self, entry: Sample | BadLine) -> Prediction:
        """Return the one prediction of ``entry``; what cannot be read is a non-response, never an exception.

        A Judge that fails on a sample counts as the terminal does: as an attack. Raises what opening a Judge raises.
        """
        if isinstance(entry, BadLine):
            return unreadable(entry.id or "", f"line {entry.line}: {entry.problem}")
        roles = self._terminal.roles_for(entry)
        judge = self._judges.get(roles) or self._judges.setdefault(roles, self._open_judge(roles))
        reading = _Stopwatch()
        started_ns = time.perf_counter_ns()
        try:
            result, face = _judge(judge, entry, reading.over(read_frame_sets(entry, roles)))
        except PictureError as exc:
            return unreadable(entry.id, str(exc))
        except PadError as exc:
            return failed(entry.id, exc)
        latency_ms = (time.perf_counter_ns() - started_ns - reading.elapsed_ns) / 1e6
        return with_unasked(judged_as(entry.id, result, face, latency_ms), judge, result)


def unreadable(sample_id: str, why: str) -> Prediction:
    """Return the prediction of a sample whose pictures or manifest line cannot be read."""
    return Prediction(sample_id, PadDecision.NON_RESPONSE, None, None, f"{Reason.UNREADABLE}: {why}", (), None)


def failed(sample_id: str, exc: PadError) -> Prediction:
    """Return the prediction of a sample on which judging failed: as the terminal would act, an attack."""
    return Prediction(sample_id, PadDecision.ATTACK, 0.0, None, f"{Reason.FAILED}: {exc}", (), None)


def _judge(judge: Judge, sample: Sample, frame_sets: Iterator[FrameSet]) -> tuple[PadResult, Face | None]:
    return judge.clip(frame_sets) if sample.is_clip else judge.still(next(frame_sets))


def judged_as(sample_id: str, result: PadResult, face: Face | None, latency_ms: float) -> Prediction:
    """Return the prediction that a verdict is."""
    # A presentation is a whole attempt: what is not shown to be living by its end does not open the door.
    decision = PadDecision.ATTACK if result.decision is PadDecision.INCONCLUSIVE else result.decision
    score = None if result.score is None else float(result.score)
    return Prediction(sample_id, decision, score, face, str(result.reason), result.cues, latency_ms)


def with_unasked(prediction: Prediction, judge: Judge, result: PadResult) -> Prediction:
    """Return ``prediction`` with what the cues would have said that ``judge`` did not ask for ``result``, its newest.

    Measured when all is decided and timed: nothing of the prediction depends on it.
    """
    if not result.cues:
        return prediction
    try:
        unasked = judge.unasked(result)
    except PadError:
        unasked = ()
    asked = not judge.second.isdisjoint(cue.name for cue in result.cues)
    return replace(prediction, unasked=unasked, second=asked if judge.second else None)


class _Stopwatch:
    """Measures the time an iterator takes to give its items."""

    def __init__(self) -> None:
        self.elapsed_ns = 0

    def over(self, frame_sets: Iterator[FrameSet]) -> Iterator[FrameSet]:
        while True:
            started_ns = time.perf_counter_ns()
            frame_set = next(frame_sets, None)
            self.elapsed_ns += time.perf_counter_ns() - started_ns
            if frame_set is None:
                return
            yield frame_set
