"""How a camera is, and how long to wait before it is opened again."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from livegate.types import Role


class CameraState(enum.StrEnum):
    """What a camera's thread is doing."""

    OPENING = "opening"
    STREAMING = "streaming"
    SILENT = "silent"
    LOST = "lost"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class CameraHealth:
    """What happened to one camera since it was started; counters only grow.

    ``drops`` were never looked at by anyone, ``damaged`` could not be decoded, ``misdated`` had dates that cannot be,
    ``frozen`` were withheld because the picture had not changed for too long, ``repeated`` came before in the same
    order; ``lost`` counts losses and failed openings, ``resets`` how often the device was reset; ``last_ns`` is the
    newest frame's time.
    """

    name: str
    role: Role
    state: CameraState = CameraState.OPENING
    frames: int = 0
    drops: int = 0
    damaged: int = 0
    misdated: int = 0
    frozen: int = 0
    repeated: int = 0
    timeouts: int = 0
    lost: int = 0
    resets: int = 0
    last_error: str | None = None
    last_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """What is done to have a lost device back.

    It is opened again after ``first_s``, doubling to ``most_s``. One that says nothing for ``max_silence_s``, or for
    ``begin_s`` once it was opened, is closed and opened again. Where neither helps, after ``reset_after`` times without
    a picture in between, a device that can be reset is, at most once in ``reset_every_s``.
    """

    first_s: float = 0.1
    most_s: float = 5.0
    max_silence_s: float = 5.0
    begin_s: float = 10.0
    reset_after: int = 3
    reset_every_s: float = 60.0
