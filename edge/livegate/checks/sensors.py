"""The live cameras together: each role's state, what is wrong with it and what to do, after a moment of watching."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from livegate.capture.health import CameraHealth, CameraState
from livegate.capture.rig import Rig, Timing, open_rig
from livegate.checks.finding import Finding
from livegate.checks.geometry import serial_findings
from livegate.config import Config
from livegate.errors import ConfigError, DeviceTimeout, LivegateError, PadError
from livegate.geometry.aligner import Aligner
from livegate.geometry.opening import open_geometry
from livegate.installed.library import Library
from livegate.judge import FaceDetector
from livegate.judging import open_judge
from livegate.sensing.faults import MEANINGS, SUSPICIOUS
from livegate.sensing.watch import SensorWatch
from livegate.store.files import is_locked
from livegate.types import Face, Faults, FrameSet, Role, SensorFault, SensorState

# Long enough to see noise, a hanging picture and one bad face; cameras take some time before their first.
LOOK_S = 1.6
BEGIN_S = 3.0
_READ_S = 0.2
# Cameras settle their exposure first.
_SETTLE_S = 0.4
# A camera slower than this is none a face can be followed with.
_SILENT_S = 0.6

_STATES: Mapping[SensorState, str] = {
    SensorState.STALE: "its pictures are not of rgb's moment",
    SensorState.MISSING: "it gives no pictures",
    SensorState.BLINDED: "it sees nothing",
    SensorState.MISALIGNED: "its pictures do not lie on rgb's",
}


@dataclass
class _Look:
    """What was seen so far: of each role the newest state, and every fault."""

    states: dict[Role, SensorState] = field(default_factory=dict)
    faults: dict[Role, set[SensorFault]] = field(default_factory=dict)
    standing: Faults = field(default_factory=dict)
    """What geometry and sensing found wrong in the newest FrameSet; a camera's own faults outlast their cause."""
    certain: Faults = field(default_factory=dict)
    """What geometry alone did: nothing that stands before the terminal can look like it."""
    devices: dict[Role, str | None] = field(default_factory=dict)
    lost: dict[Role, str] = field(default_factory=dict)
    """Of each camera that gave pictures and was lost then, what ended it."""
    errors: dict[Role, str] = field(default_factory=dict)
    """The last that each camera complained of."""
    somebody: bool = False


def is_running(config: Config) -> bool:
    """Return whether a terminal runs on this configuration's state folder, and so holds its cameras."""
    return is_locked(config.terminal.state_dir)


def sensor_findings(config: Config) -> Iterator[Finding]:
    """Open all cameras together for a few seconds and yield what each role is like; nothing is changed."""
    try:
        geometry = open_geometry(config)
        rig = open_rig(config.camera, Timing(tolerance_ms=config.sensors.tolerance_ms), config.illuminator)
        watch = SensorWatch(config.sensors.when_suspect, geometry.devices, geometry.noise, rig.faults, hasty=True)
        with rig:
            look = _watched(rig, geometry.aligner, watch, _detector(config))
    except LivegateError as exc:
        yield Finding("sensors", ok=False, text=str(exc))
        return
    for camera in config.camera:
        state = look.states.get(camera.role, SensorState.MISSING)
        yield _finding(camera.role, state, look)
    yield from serial_findings(geometry.devices, look.devices)
    if look.states and not look.somebody:
        text = "nobody stood there: whether colours, unit of depth, lamp and calibration are right shows on a face"
        yield Finding("sensors", ok=True, text=f"{text}; run this again with somebody half a metre before the terminal")


def _finding(role: Role, state: SensorState, look: _Look) -> Finding:
    check = f"sensor {role}"
    faults = frozenset(look.faults.get(role, ()))
    if role in look.lost:
        end = "" if not faults else f"; before, {_said(faults)}"
        return Finding(check, ok=False, text=f"lost while it was watched: {look.lost[role]}{end}")
    if state is SensorState.OK and not faults:
        return Finding(check, ok=True, text="ok")
    if not faults:
        return Finding(
            check, ok=False, text=f"{state}: {_STATES[state]}; {look.errors.get(role, 'see its camera above')}"
        )
    standing = look.standing.get(role, frozenset())
    wrong = state is not SensorState.OK or bool(faults & SUSPICIOUS) or bool(look.certain.get(role))
    if state is not SensorState.OK:
        text = f"{state}: {_said(faults)}"
    elif standing:
        past = f"; a moment before, {_said(faults - standing)}" if faults - standing else ""
        text = f"gives pictures, but {_said(standing)}{past}"
    else:
        text = f"works now, but a moment before: {_said(faults)}"
    return Finding(check, ok=False if wrong else None, text=text)


def _said(faults: frozenset[SensorFault]) -> str:
    return "; ".join(f"{MEANINGS[fault].sentence} ({fault}): {MEANINGS[fault].remedy}" for fault in sorted(faults))


def _detector(config: Config) -> FaceDetector | None:
    """Return what finds faces; without it colours, unit and lamp are not looked at, and other checks say why."""
    try:
        return open_judge(config, Library.of(config.terminal.state_dir).shelf()).judge.detector
    except ConfigError:
        return None


def _watched(rig: Rig, aligner: Aligner, watch: SensorWatch, detector: FaceDetector | None) -> _Look:
    look = _Look()
    began_s = time.monotonic()
    until_s, settled_s, heard_s = began_s + BEGIN_S, None, began_s
    before: tuple[CameraHealth, ...] = ()
    while time.monotonic() < until_s:
        try:
            given = rig.next(_READ_S)
        except DeviceTimeout:
            _note(look, {Role.RGB: SensorState.MISSING} if settled_s is None else {}, rig.faults())
            continue
        heard_s = time.monotonic()
        if settled_s is None:
            before = rig.health()
            settled_s = time.monotonic() + _SETTLE_S
            until_s = time.monotonic() + LOOK_S
        aligned = aligner.align(given)
        marked = watch.mark(aligned)
        faces = _faces(marked, detector)
        watch.learn(aligned, faces)
        look.somebody = look.somebody or bool(faces)
        look.devices.update({role: frame.device for role, frame in given.frames.items()})
        if time.monotonic() > settled_s:
            _note(look, marked.states, marked.faults)
            look.standing = _beyond(given.faults, marked.faults)
            look.certain = _beyond(given.faults, aligned.faults)
    if settled_s is not None and time.monotonic() - heard_s > _SILENT_S:
        look.states[Role.RGB] = SensorState.MISSING
    look.lost = dict(_lost(before, rig.health()))
    look.errors = {health.role: health.last_error for health in rig.health() if health.last_error}
    return look


def _lost(before: Sequence[CameraHealth], after: Sequence[CameraHealth]) -> Iterator[tuple[Role, str]]:
    """Yield the cameras that gave pictures and were lost meanwhile, and what ended them."""
    for then, now in zip(before, after, strict=False):
        if now.frames and (now.lost > then.lost or now.state is CameraState.LOST):
            yield now.role, now.last_error or "it said nothing of why"


def _beyond(before: Faults, after: Faults) -> Faults:
    """Return those of the faults ``after`` that were none ``before``."""
    return {role: new for role, faults in after.items() if (new := faults - before.get(role, frozenset()))}


def _faces(frame_set: FrameSet, detector: FaceDetector | None) -> tuple[Face, ...] | None:
    image = frame_set.image(Role.RGB)
    if detector is None or image is None:
        return None
    try:
        return detector.detect(image)
    except PadError:
        return None


def _note(look: _Look, states: Mapping[Role, SensorState], faults: Faults) -> None:
    look.states.update(states)
    for role, found in faults.items():
        look.faults.setdefault(role, set()).update(found)
