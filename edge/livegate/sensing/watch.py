"""The sensors watched over time: which fault each role has, which roles leave, and what speaks against letting in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import overload

from livegate.config import WhenSuspect
from livegate.sensing.alignment import Misaligned
from livegate.sensing.channels import ChannelsSwapped
from livegate.sensing.cover import SoftlyCovered
from livegate.sensing.faults import MEANINGS, SUSPICIOUS, UNUSABLE_AT_ONCE
from livegate.sensing.hidden import Hidden
from livegate.sensing.identity import OtherDevice
from livegate.sensing.lamp import LampDark
from livegate.sensing.noise import NoiseUnlike
from livegate.sensing.seen import Detector, Level, Seen
from livegate.sensing.static import PureNoise
from livegate.sensing.units import WrongUnit
from livegate.types import (
    NS_PER_MS,
    Attempt,
    Face,
    Faults,
    Frame,
    FrameSet,
    PadDecision,
    PadResult,
    Reason,
    Role,
    SensorFault,
    SensorState,
)

# Without a face for so long, the next one is somebody else's.
_APART_NS = 500 * NS_PER_MS
# What a device is known by stays when it is opened anew: else whoever pulls its plug and puts their own in begins anew.
_KEPT = frozenset({SensorFault.OTHER_DEVICE, SensorFault.NOISE_UNLIKE})
# Of the pictures that are an attempt's evidence, a sensor must have seen so many. A slow one sees every sixth.
_LEAST_HEARD = 2


class SensorWatch:
    """Marks FrameSets by what was learnt of earlier ones. Not thread-safe; no method raises on any picture.

    Each FrameSet is marked, judged, and then learnt from as the cameras gave it, with the faces that were found: a role
    that has left goes on being watched, and comes back.
    """

    def __init__(
        self,
        when_suspect: WhenSuspect = WhenSuspect.REPORT,
        devices: Mapping[Role, str] | None = None,
        noise: Mapping[Role, float] | None = None,
        cameras: Callable[[], Faults] = dict,
        *,
        hasty: bool = False,
    ) -> None:
        """``devices`` and ``noise`` are what the calibration knows, by role: serial numbers and grey levels.

        ``cameras`` is asked for what is wrong with them while none gives a picture; it must not block. ``hasty`` is for
        who looks for a moment only: what takes several people to be named is named after one.
        """
        self._when_suspect = when_suspect
        self._devices = dict(devices or {})
        self._noise = dict(noise or {})
        self._cameras = cameras
        self._hasty = hasty
        self._detectors: dict[Role, list[Detector]] = {}
        self._opened: dict[Role, tuple[int, str | None]] = {}
        self._hidden = Hidden()
        self._states: Mapping[Role, SensorState] = {}
        self._at_ns = 0
        self._presentation = 0
        self._face_ns: int | None = None
        self.faults: Faults = MappingProxyType({})
        """What is known to be wrong now, by role."""

    @overload
    def mark(self, frame_set: FrameSet) -> FrameSet: ...

    @overload
    def mark(self, frame_set: None) -> None: ...

    @overload
    def mark(self, frame_set: FrameSet | None) -> FrameSet | None: ...

    def mark(self, frame_set: FrameSet | None) -> FrameSet | None:
        """Return ``frame_set`` with the faults known of each role, and without the roles that these make unusable.

        A role that is not OK already keeps its state. None says that no picture came in time.
        """
        if frame_set is None:
            self.faults = self._cameras()
            return None
        found = {role: self._faults_of(role, frame_set) for role in frame_set.states}
        self.faults = MappingProxyType({role: faults for role, (faults, _) in found.items() if faults})
        gone = {
            role: state
            for role, (_, unusable) in found.items()
            if role in frame_set.frames and (state := next((MEANINGS[f].state for f in sorted(unusable)), None))
        }
        self._states, self._at_ns = {**frame_set.states, **gone}, frame_set.captured_ns
        if not gone and self.faults == frame_set.faults:
            return frame_set
        frames = {role: frame for role, frame in frame_set.frames.items() if role not in gone}
        return replace(
            frame_set, frames=MappingProxyType(frames), states=MappingProxyType(self._states), faults=self.faults
        )

    def learn(self, frame_set: FrameSet, faces: tuple[Face, ...] | None) -> None:
        """Take the FrameSet last marked, as it was before, and the faces found in it; None where nobody looked."""
        if faces:
            if self._face_ns is None or frame_set.captured_ns - self._face_ns > _APART_NS:
                self._presentation += 1
            self._face_ns = frame_set.captured_ns
        seen = Seen(frame_set, faces, self._presentation)
        self._hidden.learn(seen, self._states)
        for role, frame in frame_set.frames.items():
            for detector in self._detectors_of(role, frame):
                detector.learn(seen)

    def ruled(self, pad: PadResult, attempt: Attempt | None = None) -> PadResult:
        """Return a verdict, or the non-response that takes its place while a sensor is suspect or hidden.

        An attack stays one. While a suspicious fault is active and so configured, anything else is a non-response, and
        so is a bona fide verdict that does without a sensor which fell silent before that very person: one that is
        blind now, or that hardly saw any of the pictures which are the ``attempt``'s evidence.
        """
        if pad.decision is not PadDecision.ATTACK and self.is_suspect():
            return replace(pad, decision=PadDecision.NON_RESPONSE, reason=Reason.SENSOR_SUSPECT, guidance=None)
        if pad.decision is PadDecision.BONA_FIDE and self._is_hidden(attempt):
            return replace(pad, decision=PadDecision.NON_RESPONSE, reason=Reason.SENSOR_MISSING)
        return pad

    def _is_hidden(self, attempt: Attempt | None) -> bool:
        awaited = self._hidden.awaited(self._states, self._at_ns)
        if any(self._states[role] is SensorState.BLINDED for role in awaited):
            return True
        evidence = () if attempt is None else attempt.evidence
        least = min(_LEAST_HEARD, len(evidence))
        return any(sum(role in seen.frame_set.frames for seen in evidence) < least for role in awaited)

    def is_suspect(self) -> bool:
        """Return whether nobody is let in now, for a suspicious fault."""
        denies = self._when_suspect is WhenSuspect.DENY
        return denies and any(faults & SUSPICIOUS for faults in self.faults.values())

    def _faults_of(self, role: Role, frame_set: FrameSet) -> tuple[frozenset[SensorFault], frozenset[SensorFault]]:
        """Return every fault of a role, and those for which it leaves."""
        told = frame_set.faults.get(role, frozenset())
        own = [detector for detector in self._detectors.get(role, ()) if detector.level is not Level.NONE]
        sure = {detector.fault for detector in own if detector.level is Level.SURE}
        unusable = frozenset(fault for fault in sure | (told & UNUSABLE_AT_ONCE) if MEANINGS[fault].state)
        return told | {detector.fault for detector in own}, unusable

    def _detectors_of(self, role: Role, frame: Frame) -> list[Detector]:
        """Return what watches a role, begun anew where its device was opened anew or is another one."""
        before, self._opened[role] = self._opened.get(role), (frame.sequence, frame.device)
        again = before is not None and (frame.sequence < before[0] or frame.device != before[1])
        if role not in self._detectors or again:
            kept = {detector.fault: detector for detector in self._detectors.get(role, ()) if detector.fault in _KEPT}
            self._detectors[role] = [kept.get(detector.fault, detector) for detector in self._made(role)]
        return self._detectors[role]

    def _made(self, role: Role) -> Iterator[Detector]:
        names = {"names": 1} if self._hasty else {}
        yield OtherDevice(role, self._devices.get(role))
        yield PureNoise(role)
        if role is Role.RGB:
            yield ChannelsSwapped(**names)
        if role is Role.DEPTH:
            yield WrongUnit(**names)
        if role is Role.NIR:
            yield LampDark(**names)
        if role is not Role.DEPTH:
            yield SoftlyCovered(role)
            yield NoiseUnlike(role, self._noise.get(role))
        if role in (Role.NIR, Role.DEPTH):
            yield Misaligned(role, **names)
