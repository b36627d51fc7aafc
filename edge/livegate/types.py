"""The values that travel through the house; each arrow of the design is one frozen dataclass.

Arrays inside these values are shared, never copied, and must not be written to by whoever receives them. Values that
hold arrays are compared and hashed by identity.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

NS_PER_MS = 1_000_000


class Role(enum.StrEnum):
    """What a camera contributes to a FrameSet."""

    RGB = "rgb"
    NIR = "nir"
    DEPTH = "depth"
    RGB_RIGHT = "rgb_right"


class SensorState(enum.StrEnum):
    """What a FrameSet can say about one role."""

    OK = "ok"
    STALE = "stale"
    MISSING = "missing"
    BLINDED = "blinded"
    MISALIGNED = "misaligned"


class SensorFault(enum.StrEnum):
    """What is wrong with a sensor, in more than a state's one word."""

    COVERED = "covered"
    """All dark, all bright, of one value, or depth without returns."""
    FROZEN = "frozen"
    """The same picture for too long."""
    REPEATED = "repeated"
    """Pictures that were given before, in a loop."""
    MISDATED = "misdated"
    """Dated before its predecessor, in the future, or at a pace the camera does not have."""
    NOISE = "noise"
    """Nothing but noise."""
    NOISE_UNLIKE = "noise_unlike"
    """The noise is not that of the calibrated sensor."""
    WRONG_FORMAT = "wrong_format"
    """Not the shape or dtype of its role, or not the size it began with."""
    WRONG_UNIT = "wrong_unit"
    """Depth that is not in millimetres."""
    CHANNELS_SWAPPED = "channels_swapped"
    """Red and blue stand in each other's place."""
    ILLUMINATOR_DARK = "illuminator_dark"
    """The near-infrared lamp does not light what stands before it."""
    UNCALIBRATED = "uncalibrated"
    """Its picture is not rgb's size, and no calibration says where it lies."""
    OTHER_CALIBRATION = "other_calibration"
    """The calibration was made with other devices, or its pictures do not fit it."""
    OTHER_DEVICE = "other_device"
    """Another device than before stands in its place."""


class Step(enum.StrEnum):
    """How much of the terminal's evidence is available, best first; the order is the order of degradation."""

    ALL = "all"
    FEWER = "fewer"
    RGB = "rgb"
    TEXTURE = "texture"
    NONE = "none"

    def at_least(self, least: Step) -> bool:
        """Return whether this step is as good as ``least`` or better."""
        order = list(Step)
        return order.index(self) <= order.index(least)


class Direction(enum.StrEnum):
    """Which way through the door a reader stands for."""

    IN = "in"
    OUT = "out"


class PadDecision(enum.StrEnum):
    """The result of presentation-attack detection on one attempt (ISO/IEC 30107-1)."""

    BONA_FIDE = "bona_fide"
    ATTACK = "attack"
    INCONCLUSIVE = "inconclusive"
    NON_RESPONSE = "non_response"


class Outcome(enum.StrEnum):
    """What the gate did with an attempt."""

    GRANTED = "granted"
    DENIED = "denied"
    INCONCLUSIVE = "inconclusive"


class Reason(enum.StrEnum):
    """Why an attempt ended as it did; one word for the person, the console and the tests."""

    BONA_FIDE = "bona_fide"
    LEFT = "left"
    PRESENTATION_ATTACK = "presentation_attack"
    INCONCLUSIVE = "inconclusive"
    NO_FACE = "no_face"
    NO_CREDENTIAL = "no_credential"
    UNKNOWN_CREDENTIAL = "unknown_credential"
    CREDENTIAL_EXPIRED = "credential_expired"
    CREDENTIAL_NOT_YET_VALID = "credential_not_yet_valid"
    LISTED = "listed"
    LIMIT = "limit"
    LOCKED_OUT = "locked_out"
    PASSED_BACK = "passed_back"
    OUTSIDE_SCHEDULE = "outside_schedule"
    WRONG_ZONE = "wrong_zone"
    STEP_UP = "step_up"
    CLOCK_UNSURE = "clock_unsure"
    LIST_STALE = "list_stale"
    DOOR_LOCKED = "door_locked"
    MEMORY_LOST = "memory_lost"
    STEP_TOO_LOW = "step_too_low"
    SENSOR_MISSING = "sensor_missing"
    SENSOR_SUSPECT = "sensor_suspect"
    UNREADABLE = "unreadable"
    TOO_NEAR = "too_near"
    CUT_OFF = "cut_off"
    TOO_FAR = "too_far"
    TOO_DARK = "too_dark"
    GLARE = "glare"
    BLURRED = "blurred"
    TURNED = "turned"
    FAILED = "failed"
    STORE_FULL = "store_full"


class Guidance(enum.StrEnum):
    """What the person before the terminal should do so that their face can be judged."""

    STEP_BACK = "step_back"
    MOVE_INTO_VIEW = "move_into_view"
    COME_CLOSER = "come_closer"
    MORE_LIGHT = "more_light"
    LESS_LIGHT = "less_light"
    HOLD_STILL = "hold_still"
    FACE_CAMERA = "face_camera"


@dataclass(frozen=True, slots=True)
class Intrinsics:
    """A pinhole camera without distortion: focal lengths and principal point in pixels of a width x height picture."""

    fx: float
    fy: float
    cx: float
    cy: float
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Box:
    """An axis-parallel box in pixels of the whole picture: left, top, width, height; it may leave the picture."""

    x: float
    y: float
    w: float
    h: float

    @property
    def area(self) -> float:
        """Area in square pixels."""
        return max(self.w, 0.0) * max(self.h, 0.0)

    def iou(self, other: Box) -> float:
        """Intersection over union with another box, 0..1."""
        width = min(self.x + self.w, other.x + other.w) - max(self.x, other.x)
        height = min(self.y + self.h, other.y + other.h) - max(self.y, other.y)
        if width <= 0 or height <= 0:
            return 0.0
        shared = width * height
        return shared / (self.area + other.area - shared)


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of one camera.

    ``image`` by role: rgb and rgb_right (H, W, 3) uint8 in OpenCV's B, G, R order; nir (H, W) uint8; depth (H, W)
    uint16 in millimetres, 0 where there was no return. What a camera gives has its own size and view; in a FrameSet
    that was registered, nir and depth lie on rgb's pixels and rgb_right is rectified with rgb. ``captured_ns`` is
    monotonic (time.monotonic_ns()). ``sequence`` counts this camera's frames from 0, gaps are drops.
    """

    role: Role
    image: NDArray[Any]
    captured_ns: int
    sequence: int = 0
    intrinsics: Intrinsics | None = None
    device: str | None = None
    """What tells this device from others of its make, its serial number where it has one; None where it has none."""
    exposure_us: float | None = None
    """How long it was exposed, where the camera tells."""
    unlit: NDArray[Any] | None = None
    """nir only: the same view, (H, W) uint8, a moment before with the illuminator dark, exposed alike."""
    baseline_mm: float | None = None
    """rgb_right only, once rectified: how far it stands to the right of rgb."""

    @property
    def fits_role(self) -> bool:
        """Whether ``image`` has the shape and dtype of its role, and any pixels."""
        colour = self.role in (Role.RGB, Role.RGB_RIGHT)
        shaped = self.image.ndim == 3 and self.image.shape[2] == 3 if colour else self.image.ndim == 2
        dtype = np.uint16 if self.role is Role.DEPTH else np.uint8
        return shaped and self.image.dtype == dtype and self.image.size > 0


Faults = Mapping[Role, frozenset[SensorFault]]
"""What is known to be wrong, by role; a role with which nothing is has no entry."""


@dataclass(frozen=True, slots=True, eq=False)
class FrameSet:
    """Frames of one moment: at most one per role, with the state of every configured role.

    ``captured_ns`` is that of the rgb frame. A role whose state is not OK has no entry in ``frames``; ``faults`` says
    what is known to be wrong with a role, also with one that is OK.
    """

    frames: Mapping[Role, Frame]
    states: Mapping[Role, SensorState]
    captured_ns: int
    faults: Faults = field(default_factory=lambda: MappingProxyType({}))

    def image(self, role: Role) -> NDArray[Any] | None:
        """Return the picture of ``role``, or None when that sensor gave nothing usable."""
        frame = self.frames.get(role)
        return None if frame is None else frame.image


@dataclass(frozen=True, slots=True)
class Face:
    """One detected face with the network's three class probabilities, which sum to 1."""

    box: Box
    p_bona_fide: float
    p_attack: float

    @property
    def p_background(self) -> float:
        """Probability that there is no face here at all."""
        return max(0.0, 1.0 - self.p_bona_fide - self.p_attack)

    @property
    def confidence(self) -> float:
        """Probability that this is a face, living or not."""
        return self.p_bona_fide + self.p_attack


@dataclass(frozen=True, slots=True, eq=False)
class Observation:
    """The presented face in one FrameSet of an attempt, and how many other faces stood beside it.

    ``refused`` is why this picture of the face is too poor to be evidence, None where it is good enough; ``guidance``
    is what the person should do to be judged, or judged better.
    """

    frame_set: FrameSet
    face: Face
    others: int = 0
    refused: Reason | None = None
    guidance: Guidance | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One presentation from its first frame to now; ``observations`` is bounded and oldest first.

    All but the latest are good enough to be evidence.
    """

    attempt_id: str
    started_ns: int
    observations: tuple[Observation, ...]

    @property
    def evidence(self) -> tuple[Observation, ...]:
        """The observations that are good enough to be evidence."""
        return tuple(seen for seen in self.observations if seen.refused is None)

    @property
    def latest(self) -> Observation:
        """The newest observation."""
        return self.observations[-1]


@dataclass(frozen=True, slots=True)
class CueScore:
    """What one cue says of an attempt.

    ``score`` 0..1, higher is more bona fide; ``llr`` is the natural logarithm of the calibrated likelihood ratio of
    bona fide to attack. ``frames`` says over how many observations it was taken.
    """

    name: str
    score: float
    llr: float
    frames: int = 1


@dataclass(frozen=True, slots=True)
class PadResult:
    """The liveness verdict on an attempt: the fused score (0..1, higher is more bona fide) and what it came from."""

    decision: PadDecision
    reason: Reason
    score: float | None
    llr: float | None
    threshold: float | None
    frames: int
    step: Step
    cues: tuple[CueScore, ...] = ()
    missing: tuple[str, ...] = ()
    pai_species: str | None = None
    media_signature: str | None = None
    guidance: Guidance | None = None
    """What the person should do, where nothing was concluded and the picture of their face is poor."""
    suspect: bool = False
    """Nothing was concluded, for the picture is poor; what it shows would have been called an attack."""


@dataclass(frozen=True, slots=True)
class CredentialRead:
    """What a reader delivered: its kind ("card", "qr", "pin") and the raw value.

    The value never enters a log or an event.
    """

    kind: str
    value: str = field(repr=False)
    read_ns: int = 0
    direction: Direction = Direction.IN


@dataclass(frozen=True, slots=True)
class Credential:
    """A credential as the store knows it, by its pseudonym (keyed hash, hexadecimal); wall times in Unix seconds.

    ``schedule`` names one of the configuration's, None for at any time; ``zones`` it opens, empty for all; ``duress``
    marks one that is shown under threat.
    """

    pseudonym: str
    kind: str
    known: bool
    valid_from_s: float | None = None
    valid_until_s: float | None = None
    schedule: str | None = None
    zones: frozenset[str] = frozenset()
    duress: bool = False


class Remark(enum.StrEnum):
    """What a decision has to say besides its reason, and lets pass all the same."""

    REVIEW = "review"
    PASSED_BACK = "passed_back"
    CLOCK_UNSURE = "clock_unsure"
    LIST_STALE = "list_stale"


@dataclass(frozen=True, slots=True)
class Decision:
    """The gate's decision on an attempt: pure data, made before anything moves.

    ``direction`` is OUT where somebody left: nothing is decided then, and no door moves.
    """

    attempt_id: str
    outcome: Outcome
    reason: Reason
    mode: str
    pad: PadResult
    credential: Credential | None = None
    matched_rule: str | None = None
    counters: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    lists: tuple[str, ...] = ()
    latency_ms: float = 0.0
    remarks: tuple[Remark, ...] = ()
    direction: Direction = Direction.IN

    @property
    def duress(self) -> bool:
        """Whether the credential is one that is shown under threat."""
        return self.credential is not None and self.credential.known and self.credential.duress


@dataclass(frozen=True, slots=True)
class AccessEvent:
    """An event to be recorded: ``kind`` ("access.attempt", "door.state", ...), its data, and when it happened."""

    kind: str
    data: Mapping[str, Any]
    wall_s: float
    monotonic_ns: int
    severity: str = "info"
