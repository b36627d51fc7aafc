"""What the gate decides from: the policy of the configuration, and the facts the store read for one attempt."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from livegate.config import AntiPassBack, Config, Doubts, GateMode, Limit, Schedule
from livegate.types import Credential, Step


@dataclass(frozen=True, slots=True)
class Clock:
    """One moment on both clocks: monotonic for ages and windows, wall time (Unix seconds) for people and dates.

    ``synchronised`` says whether the wall clock follows a time server, ``utc_offset_s`` how far local time is ahead of
    UTC now. ``floor_s`` is a moment known to be past: no true clock shows less. ``asleep_ns`` is how long the machine
    has slept since it was booted, which the monotonic clock leaves out.
    """

    wall_s: float
    monotonic_ns: int
    synchronised: bool = False
    utc_offset_s: int = 0
    floor_s: float = 0.0
    asleep_ns: int = 0

    def dates_s(self) -> float:
        """Return the moment by which validity, expiry and schedules are judged: a clock set back revives nothing."""
        return max(self.wall_s, self.floor_s)


@dataclass(frozen=True, slots=True)
class GatePolicy:
    """What the installer asked of the gate."""

    mode: GateMode
    allow_unidentified: bool = False
    least_step: Step = Step.RGB
    limits: tuple[Limit, ...] = ()
    zone: str = ""
    """The zone that the door leads into."""
    schedules: tuple[Schedule, ...] = ()
    anti_pass_back: AntiPassBack = field(default_factory=AntiPassBack)
    in_doubt: Doubts = field(default_factory=Doubts)

    @classmethod
    def of(cls, config: Config) -> GatePolicy:
        """Return the policy a configuration asks for."""
        gate = config.gate
        return cls(
            mode=gate.mode,
            allow_unidentified=gate.allow_unidentified,
            least_step=config.decision.least_step,
            limits=gate.limit,
            zone=config.door.zone,
            schedules=gate.schedule,
            anti_pass_back=gate.anti_pass_back,
            in_doubt=gate.in_doubt,
        )


class BlockAction(enum.StrEnum):
    """What a block entry asks for, strictest first; the order is the order in which several of them win."""

    DENY = "deny"
    LOCKOUT = "lockout"
    STEP_UP = "step_up"
    REVIEW = "review"


@dataclass(frozen=True, slots=True)
class ListEntry:
    """A block entry that matches this attempt: what it names ("credential", "media", "terminal") and what it asks.

    ``action`` is a BlockAction; what is none of them is taken as DENY.
    """

    kind: str
    value: str
    action: str = BlockAction.DENY
    reason: str = ""
    until_s: float | None = None
    source: str = "local"


@dataclass(frozen=True, slots=True)
class LimitState:
    """How a limit stands for this attempt's key, before the attempt: events in the window, lockout still to run."""

    limit: Limit
    count: int = 0
    locked_ns: int = 0


@dataclass(frozen=True, slots=True)
class Presence:
    """Which side of the door a credential was last let through to, and how long ago in running time."""

    inside: bool
    age_ns: int


@dataclass(frozen=True, slots=True)
class GateFacts:
    """Everything the store knows of an attempt, read in one transaction."""

    now: Clock
    credential: Credential | None = None
    entries: tuple[ListEntry, ...] = ()
    limits: tuple[LimitState, ...] = ()
    presence: Presence | None = None
    """None when the credential was never let through, or has been forgotten since."""
    list_expired: tuple[str, ...] = ()
    """Central lists in force ("block", "allow") that are past their ``expires``."""
    door_locked: bool = False
    """Somebody at the centre locked the door, until they release it."""
    media: str | None = None
    """The spoof medium's signature as it was first seen: what counters go by and events carry."""
    memory_lost: tuple[str, ...] = ()
    """What a damaged store may have refused by and could not keep, until somebody accepts the loss."""
