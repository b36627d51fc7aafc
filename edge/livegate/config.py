"""The configuration as values; ``livegate.configfile`` reads them from TOML."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from livegate.options import Between, Matches
from livegate.types import Role, Step

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


class GateMode(enum.StrEnum):
    """What a person must show: a valid credential and a living face, or only a living face."""

    CREDENTIAL_LIVENESS = "credential+liveness"
    PRESENCE_SCREENING = "presence_screening"


class LimitKey(enum.StrEnum):
    """What a frequency limit counts by."""

    CREDENTIAL = "credential"
    TERMINAL = "terminal"
    DOOR = "door"


class Lock(enum.StrEnum):
    """What the lock does without power."""

    FAIL_SECURE = "fail_secure"
    FAIL_SAFE = "fail_safe"


class WhenFull(enum.StrEnum):
    """What happens when unacknowledged events fill the store."""

    DENY = "deny"
    DROP_OLDEST = "drop_oldest"


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


@dataclass(frozen=True, slots=True)
class DecisionPolicy:
    """The error rates the installer asked for, the least evidence the door opens on, the time an attempt may take."""

    max_apcer: Annotated[float, Between(1e-5, 0.5)] = 0.05
    max_bpcer: Annotated[float, Between(1e-5, 0.5)] = 0.1
    least_step: Step = Step.RGB
    timeout_ms: Annotated[int, Between(200, 60_000)] = 3_000


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


@dataclass(frozen=True, slots=True)
class Gate:
    """The access policy."""

    mode: GateMode = GateMode.CREDENTIAL_LIVENESS
    allow_unidentified: bool = False
    pairing_window_ms: Annotated[int, Between(0, 60_000)] = 5_000
    limit: tuple[Limit, ...] = ()


@dataclass(frozen=True, slots=True)
class DoorConfig:
    """The door this terminal stands at."""

    source: DriverChoice
    name: Name = "door"
    zone: str = ""
    lock: Lock = Lock.FAIL_SECURE
    pulse_ms: Annotated[int, Between(100, 60_000)] = 3_000


@dataclass(frozen=True, slots=True)
class StoreConfig:
    """How much history is kept, and what happens when what the console has not acknowledged fills it."""

    history_events: Annotated[int, Between(100, 100_000_000)] = 200_000
    when_full: WhenFull = WhenFull.DENY


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
    gate: Gate = field(default_factory=Gate)
    reader: tuple[DriverChoice, ...] = ()
    store: StoreConfig = field(default_factory=StoreConfig)
    mqtt: Mqtt | None = None
