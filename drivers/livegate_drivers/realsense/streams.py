"""Which of a device's streams a camera wants, and in which mode."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Any

from livegate.errors import DriverError
from livegate.types import Role

# What a live camera is asked for where the configuration does not say.
WIDTH, HEIGHT, FPS = 640, 480, 30
# So many of a camera's modes are named in an error.
MODES_TOLD = 24

# In order of preference: what needs no conversion first.
FORMATS = {
    Role.RGB: ("bgr8", "rgb8", "yuyv", "bgra8", "rgba8"),
    Role.NIR: ("y8",),
    Role.DEPTH: ("z16",),
}
COLOUR = "color"
STREAMS = {Role.RGB: COLOUR, Role.NIR: "infrared", Role.DEPTH: "depth"}


class Preset(enum.StrEnum):
    """The D400 series' own sets of depth parameters."""

    CUSTOM = "custom"
    DEFAULT = "default"
    HAND = "hand"
    HIGH_ACCURACY = "high_accuracy"
    HIGH_DENSITY = "high_density"
    MEDIUM_DENSITY = "medium_density"
    REMOVE_IR_PATTERN = "remove_ir_pattern"


class Emitter(enum.StrEnum):
    """What the laser projector does; alternating is lit in every other frame."""

    ON = "on"
    OFF = "off"
    ALTERNATING = "alternating"


@dataclass(frozen=True, slots=True)
class Settings:
    """What a device is set to, None for as it is; ``laser`` is a share of its greatest power."""

    preset: Preset | None = None
    emitter: Emitter | None = None
    laser: float | None = None
    laser_mw: float | None = None
    exposure_us: float | None = None
    gain: float | None = None


@dataclass(frozen=True, slots=True)
class Want:
    """One stream for one role; ``infrared`` is 1 for the left, 2 for the right of the pair; None is any mode."""

    role: Role
    infrared: int = 1
    width: int | None = None
    height: int | None = None
    fps: int | None = None
    settings: Settings = field(default_factory=Settings)

    @property
    def stream(self) -> tuple[str, int]:
        """The SDK's name and index of the stream."""
        return STREAMS[self.role], self.infrared if self.role is Role.NIR else 0


@dataclass(frozen=True, slots=True)
class Chosen:
    """The sensor of a device and its mode that serve a want."""

    sensor: Any
    profile: Any


def choose(device: Any, want: Want, name: str) -> Chosen:
    """Return what serves ``want`` best; raise DriverError naming the modes there are where nothing does."""
    offered = [
        Chosen(sensor, profile)
        for sensor in device.query_sensors()
        for profile in map(_video, sensor.get_stream_profiles())
        if profile is not None and stream_of(profile) == want.stream and profile.format().name in FORMATS[want.role]
    ]
    fitting = [chosen for chosen in offered if _fits(want, chosen.profile)]
    if not fitting:
        raise DriverError(f"{name}: {_lack(want, offered)}")
    order = FORMATS[want.role].index
    return min(fitting, key=lambda chosen: (order(chosen.profile.format().name), -chosen.profile.fps()))


def shared_settings(settings: Settings) -> Settings:
    """Return what of a camera's settings concerns the whole device."""
    return Settings(settings.preset, settings.emitter, settings.laser, settings.laser_mw)


def stream_of(profile: Any) -> tuple[str, int]:
    """Return the SDK's name and index of the stream a frame or mode belongs to."""
    return profile.stream_type().name, profile.stream_index()


def _video(profile: Any) -> Any:
    return profile.as_video_stream_profile() if profile.is_video_stream_profile() else None


def _fits(want: Want, profile: Any) -> bool:
    asked = (want.width, want.height, want.fps)
    given = (profile.width(), profile.height(), profile.fps())
    return all(ask in (None, gives) for ask, gives in zip(asked, given, strict=True))


def _lack(want: Want, offered: list[Chosen]) -> str:
    profiles = [chosen.profile for chosen in offered]
    stream, index = want.stream
    called = f"{stream} {index}" if index else stream
    if not profiles:
        return f"has no {called} stream for role {want.role}; leave that camera out, or choose another"
    modes = sorted({(p.width(), p.height(), p.fps()) for p in profiles}, reverse=True)
    told = ", ".join(f"{width}x{height}@{fps}" for width, height, fps in modes[:MODES_TOLD])
    asked = f"{want.width or 'any'}x{want.height or 'any'}@{want.fps or 'any'}"
    return f"{called} does not come as {asked}; it does as {told} (USB 2 has fewer)"
