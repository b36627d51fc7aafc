"""The configuration as values; ``livegate.configfile`` reads them from TOML."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from livegate.options import Between, Matches
from livegate.types import Direction, Role, Step

Name = Annotated[str, Matches("[a-z0-9_-]+")]
DRIVER_NAME = "[a-z0-9_]+"
DriverName = Annotated[str, Matches(DRIVER_NAME)]
PartOfClientId = Annotated[str, Matches("[a-z0-9-]+")]


class Runtime(enum.StrEnum):
    """What runs the network; ``auto`` takes the first installed, ``none`` runs no network at all."""

    AUTO = "auto"
    ONNXRUNTIME = "onnxruntime"
    LITERT = "litert"
    TFLITE_RUNTIME = "tflite_runtime"
    OPENCV_DNN = "opencv_dnn"
    NONE = "none"


class Precision(enum.StrEnum):
    """Which of a model's files run; ``auto`` takes 32-bit floats, 8-bit integers only where there is nothing else."""

    AUTO = "auto"
    FP32 = "fp32"
    INT8 = "int8"


class GateMode(enum.StrEnum):
    """What a person must show: a valid credential and a living face, or only a living face."""

    CREDENTIAL_LIVENESS = "credential+liveness"
    PRESENCE_SCREENING = "presence_screening"


class LimitKey(enum.StrEnum):
    """What a frequency limit counts by."""

    CREDENTIAL = "credential"
    TERMINAL = "terminal"
    DOOR = "door"
    MEDIA = "media"


class PassBack(enum.StrEnum):
    """What happens when a credential comes in that is in already.

    ``soft`` opens and says so, ``hard`` denies until it has left, ``timed`` denies until ``reset_s`` have passed.
    """

    OFF = "off"
    SOFT = "soft"
    HARD = "hard"
    TIMED = "timed"


class Doubt(enum.StrEnum):
    """What becomes of a rule when what it rests on is in doubt (a clock, an old list): apply it as it is, or deny."""

    KEEP = "keep"
    DENY = "deny"


class Day(enum.StrEnum):
    """A day of the week, Monday first."""

    MONDAY = "mon"
    TUESDAY = "tue"
    WEDNESDAY = "wed"
    THURSDAY = "thu"
    FRIDAY = "fri"
    SATURDAY = "sat"
    SUNDAY = "sun"


class Lock(enum.StrEnum):
    """What the lock does without power."""

    FAIL_SECURE = "fail_secure"
    FAIL_SAFE = "fail_safe"


class WhenFull(enum.StrEnum):
    """What happens when unacknowledged events fill the store."""

    DENY = "deny"
    DROP_OLDEST = "drop_oldest"


class WhenSuspect(enum.StrEnum):
    """What happens while a sensor looks as if somebody else fed it: it is reported, or nobody is let in, too."""

    REPORT = "report"
    DENY = "deny"


class Protocol(enum.StrEnum):
    """MQTT version; ``auto`` tries 5 and falls back only on an unsupported-version CONNACK."""

    AUTO = "auto"
    V5 = "5"
    V311 = "3.1.1"


@dataclass(frozen=True, slots=True)
class Terminal:
    """Who this terminal is and where it keeps its state."""

    site: PartOfClientId
    id: PartOfClientId
    state_dir: Path


@dataclass(frozen=True, slots=True)
class DriverChoice:
    """A driver by name, and its options as they stood in the table; the driver itself parses them."""

    driver: DriverName
    options: Mapping[str, Any]
    where: str
    """Where the table stands ("site.toml: [door]"), for messages."""
    base: Path
    """The folder relative paths among the options are taken from."""


@dataclass(frozen=True, slots=True)
class CameraConfig:
    """One camera: what it is called, what it contributes, which driver opens it."""

    name: Name
    role: Role
    source: DriverChoice


@dataclass(frozen=True, slots=True)
class Detector:
    """Which model finds faces, and what runs it. The model is a name under models/ or a folder with a manifest."""

    model: str = "face"
    runtime: Runtime = Runtime.AUTO
    precision: Precision = Precision.AUTO


@dataclass(frozen=True, slots=True)
class DecisionPolicy:
    """The error rates the installer asked for, the least evidence the door opens on, the time an attempt may take."""

    max_apcer: Annotated[float, Between(1e-5, 0.5)] = 0.15
    max_bpcer: Annotated[float, Between(1e-5, 0.5)] = 0.1
    least_step: Step = Step.RGB
    timeout_ms: Annotated[int, Between(200, 60_000)] = 3_000
    further_cues: tuple[str, ...] = ()
    """Cues to use beyond those that are on by default."""


@dataclass(frozen=True, slots=True)
class QualityConfig:
    """Which pictures of a face are too poor to be judged; a limit that is not given is the learnt one."""

    enabled: bool = True
    min_face_px: Annotated[float, Between(16, 400)] | None = None
    """The shorter side of the face's box."""
    max_height_share: Annotated[float, Between(0.5, 4)] | None = None
    """The face's height by the picture's."""
    max_outside_share: Annotated[float, Between(0.05, 0.9)] | None = None
    """How much of the face lies outside the picture."""
    min_bright_level: Annotated[float, Between(0, 128)] | None = None
    """Grey level (0 to 255) that the brightest twentieth of the face reaches."""
    max_overexposed_share: Annotated[float, Between(0.05, 1)] | None = None
    """How much of the face is blown out."""
    max_blur: Annotated[float, Between(0.5, 1)] | None = None
    max_turn: Annotated[float, Between(0.2, 4)] | None = None
    """The nose's distance from the middle between the eyes, by the eyes' distance."""


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``max`` events of a kind by one key in a window; then locked out for ``lockout_s``.

    ``event`` is an outcome or reason of an attempt ("denied", "presentation_attack", ...) or "attempt" for any.
    """

    key: LimitKey
    event: Annotated[str, Matches("[a-z_]+")]
    max: Annotated[int, Between(1, 1_000_000)]
    window_s: Annotated[float, Between(1, 31_536_000)]
    lockout_s: Annotated[float, Between(0, 31_536_000)]
    lockout_growth: Annotated[float, Between(1, 16)] = 2.0
    """Each lockout of a key lasts so many times the one before ..."""
    lockout_max_s: Annotated[float, Between(0, 31_536_000)] = 86_400.0
    """... up to this, and never less than ``lockout_s``; a key quiet for as long begins again."""


@dataclass(frozen=True, slots=True)
class AntiPassBack:
    """Who is in comes in again only after leaving; ``reset_s`` (timed) is how long that holds, in running time."""

    mode: PassBack = PassBack.OFF
    reset_s: Annotated[float, Between(1, 31_536_000)] = 600.0


TimeOfDay = Annotated[str, Matches("([01][0-9]|2[0-3]):[0-5][0-9]|24:00")]


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a credential that names this schedule may come in: on ``days`` from ``begin`` to before ``end``, local time.

    An ``end`` not after ``begin`` lies on the next day. Tables of one name add up.
    """

    name: Name
    days: tuple[Day, ...] = tuple(Day)
    begin: TimeOfDay = "00:00"
    end: TimeOfDay = "24:00"


@dataclass(frozen=True, slots=True)
class Doubts:
    """What rules do while what they rest on is in doubt.

    ``validity`` and ``schedule`` rest on a wall clock that no time server sets; ``lists`` on a central list past its
    ``expires``.
    """

    validity: Doubt = Doubt.KEEP
    schedule: Doubt = Doubt.KEEP
    lists: Doubt = Doubt.KEEP


@dataclass(frozen=True, slots=True)
class Gate:
    """The access policy."""

    mode: GateMode = GateMode.CREDENTIAL_LIVENESS
    allow_unidentified: bool = False
    pairing_window_ms: Annotated[int, Between(0, 60_000)] = 5_000
    limit: tuple[Limit, ...] = ()
    schedule: tuple[Schedule, ...] = ()
    anti_pass_back: AntiPassBack = field(default_factory=AntiPassBack)
    in_doubt: Doubts = field(default_factory=Doubts)


@dataclass(frozen=True, slots=True)
class DoorConfig:
    """The door this terminal stands at."""

    source: DriverChoice
    name: Name = "door"
    zone: Annotated[str, Matches("[A-Za-z0-9_.-]{0,64}")] = ""
    lock: Lock = Lock.FAIL_SECURE
    pulse_ms: Annotated[int, Between(100, 60_000)] = 3_000


@dataclass(frozen=True, slots=True)
class ReaderConfig:
    """One reader of credentials, and which way through the door it stands for."""

    source: DriverChoice
    direction: Direction = Direction.IN


@dataclass(frozen=True, slots=True)
class IlluminatorConfig:
    """A near-infrared lamp: which driver switches it, and how it is used."""

    source: DriverChoice
    level: Annotated[float, Between(0.01, 1)] = 1.0
    """Share of its full light."""
    unlit_every_ms: Annotated[int, Between(0, 60_000)] = 500
    """How often it goes dark for a picture of the room's own light; 0 for never."""


@dataclass(frozen=True, slots=True)
class SensorsConfig:
    """How the pictures of all cameras come together, and how far they are believed."""

    calibration_file: Path | None = None
    """Where each camera stands and how it sees; see ``livegate calibrate cameras``."""
    tolerance_ms: Annotated[float, Between(1, 200)] = 25.0
    """Pictures further apart than this are not of one moment."""
    expose_for_face: bool = True
    """Cameras that can are exposed for the face in view, not for the whole picture."""
    when_suspect: WhenSuspect = WhenSuspect.REPORT


@dataclass(frozen=True, slots=True)
class StoreConfig:
    """How much history is kept, and what happens when what the console has not acknowledged fills it."""

    history_events: Annotated[int, Between(100, 100_000_000)] = 200_000
    when_full: WhenFull = WhenFull.DENY
    max_megabytes: Annotated[int, Between(16, 1_000_000)] = 2_048
    """The database stays below this; reaching it counts as full."""
    max_keys: Annotated[int, Between(1_000, 10_000_000)] = 1_000_000
    """So many keys are remembered for limits and spoof media; of more, the longest unseen are forgotten."""
    media_days: Annotated[float, Between(0.01, 3_650)] = 30.0
    """How long the signature of an attack's medium is remembered."""
    checkpoint_events: Annotated[int, Between(10, 100_000)] = 500
    """A signed checkpoint of the chain is recorded after so many events."""


@dataclass(frozen=True, slots=True)
class Tls:
    """PEM files for TLS; certificate and key are the terminal's own and go together."""

    ca: Path
    certificate: Path | None = None
    key: Path | None = None


@dataclass(frozen=True, slots=True)
class Mqtt:
    """The broker, and the one console whose acknowledgements release events."""

    host: str
    port: Annotated[int, Between(1, 65_535)] = 1883
    protocol: Protocol = Protocol.AUTO
    tls: Tls | None = None
    username: str | None = None
    password_file: Path | None = None
    releasing_consumer: str = "console"
    resend_after_s: Annotated[float, Between(0.1, 86_400)] = 30.0
    home_assistant: bool = False
    """Announce the terminal below ``homeassistant/`` so that Home Assistant shows it."""


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose word this terminal takes.

    ``root_key_file`` holds the root's Ed25519 public key (PEM), to which everything that comes down leads back.
    ``site_key_file`` holds 32 random bytes (64 hexadecimal digits) that the site's terminals share, so that a card or a
    spoof medium has one pseudonym at all of them; without it each terminal makes its own.
    """

    root_key_file: Path | None = None
    site_key_file: Path | None = None


@dataclass(frozen=True, slots=True)
class EvidenceConfig:
    """Pictures of attacks, encrypted to ``recipient_key_file`` (X25519 public key, PEM): only the centre opens them."""

    enabled: bool = False
    recipient_key_file: Path | None = None
    retention_days: Annotated[float, Between(0.01, 3_650)] = 14.0
    max_megabytes: Annotated[int, Between(1, 100_000)] = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The whole configuration, valid in itself; ``version`` is the SHA-256 of the file's bytes."""

    path: Path
    version: str
    terminal: Terminal
    camera: tuple[CameraConfig, ...]
    door: DoorConfig
    detector: Detector = field(default_factory=Detector)
    decision: DecisionPolicy = field(default_factory=DecisionPolicy)
    quality: QualityConfig = field(default_factory=QualityConfig)
    gate: Gate = field(default_factory=Gate)
    reader: tuple[ReaderConfig, ...] = ()
    illuminator: tuple[IlluminatorConfig, ...] = ()
    sensors: SensorsConfig = field(default_factory=SensorsConfig)
    store: StoreConfig = field(default_factory=StoreConfig)
    mqtt: Mqtt | None = None
    trust: Trust = field(default_factory=Trust)
    evidence: EvidenceConfig = field(default_factory=EvidenceConfig)
