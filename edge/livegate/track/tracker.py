"""The tracker owns the Attempt: one presentation, from the first frame of a face to its absence."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from livegate.quality.gate import QualityGate
from livegate.track.presented import Presented, presented_face
from livegate.types import NS_PER_MS, Attempt, Face, FrameSet, Observation, Role


@dataclass(frozen=True, slots=True)
class TrackPolicy:
    """How faces over time become attempts."""

    history: int = 16
    """Observations kept as evidence; the oldest leave first."""
    rearm_ms: int = 500
    """Absence after which the next face is a new attempt."""
    min_height_share: float = 0.1
    """A face lower than this share of the picture is a passer-by, not a presentation."""


class Tracker:
    """Follows the presented face over FrameSets; pure but for its own memory, and for ``new_id``.

    ``update`` takes FrameSets in the order of their time. Evidence belongs to one face: when another face takes its
    place without absence, the attempt goes on under its id but its time and its observations begin anew.

    Frames in which ``quality`` refuses the face are no evidence: only the latest is kept, and never in place of one
    that is.
    """

    def __init__(
        self,
        policy: TrackPolicy | None = None,
        new_id: Callable[[], str] = lambda: secrets.token_hex(8),
        quality: QualityGate | None = None,
    ) -> None:
        self._policy = policy or TrackPolicy()
        self._new_id = new_id
        self.quality = quality
        self._attempt: Attempt | None = None
        self._last_seen_ns = 0

    @property
    def attempt(self) -> Attempt | None:
        """The attempt in view, or None."""
        return self._attempt

    def update(self, frame_set: FrameSet, faces: tuple[Face, ...]) -> Attempt | None:
        """Take the faces of one FrameSet; return the attempt as it now stands, or None when there is none."""
        now_ns = frame_set.captured_ns
        self.expire(now_ns)
        previous = self._attempt.latest.face.box if self._attempt else None
        presented = presented_face(self._large_enough(frame_set, faces), previous)
        if presented is None:
            return self._attempt
        seen = self._observed(frame_set, presented)
        self._last_seen_ns = now_ns
        self._attempt = self._extended(self._attempt, seen, continues=presented.continues)
        return self._attempt

    def _extended(self, attempt: Attempt | None, seen: Observation, *, continues: bool) -> Attempt:
        if attempt is None:
            return Attempt(self._new_id(), seen.frame_set.captured_ns, (seen,))
        if not continues:
            return Attempt(attempt.attempt_id, seen.frame_set.captured_ns, (seen,))
        kept = attempt.evidence[-self._policy.history + (seen.refused is None) :]
        return Attempt(attempt.attempt_id, attempt.started_ns, (*kept, seen))

    def _observed(self, frame_set: FrameSet, presented: Presented) -> Observation:
        quality = None if self.quality is None else self.quality.judge(frame_set, presented.face)
        if quality is None:
            return Observation(frame_set, presented.face, presented.others)
        return Observation(frame_set, presented.face, presented.others, quality.refused, quality.guidance)

    def expire(self, now_ns: int) -> Attempt | None:
        """End the attempt whose face has been absent long enough; return it if it ended now."""
        ended = self._attempt
        if ended is None or now_ns - self._last_seen_ns < self._policy.rearm_ms * NS_PER_MS:
            return None
        self._attempt = None
        return ended

    def restart(self) -> None:
        """Let the face in view begin a new attempt, as after a new credential."""
        self._attempt = None

    def _large_enough(self, frame_set: FrameSet, faces: tuple[Face, ...]) -> tuple[Face, ...]:
        height = _picture_height(frame_set)
        return tuple(face for face in faces if face.box.h >= self._policy.min_height_share * height)


def _picture_height(frame_set: FrameSet) -> int:
    """Return the height of the rgb picture in which the faces were found."""
    image = frame_set.image(Role.RGB)
    return 0 if image is None else int(image.shape[0])
