"""What the gate decides from: the policy of the configuration, and the facts the store read for one attempt."""

from __future__ import annotations

from dataclasses import dataclass

from livegate.config import Config, GateMode, Limit
from livegate.types import Credential, Step


@dataclass(frozen=True, slots=True)
class Clock:
    """One moment on both clocks: monotonic for ages and windows, wall time (Unix seconds) for people and dates.

    ``synchronised`` says whether the wall clock follows a time server.
    """

    wall_s: float
    monotonic_ns: int
    synchronised: bool = False


@dataclass(frozen=True, slots=True)
class GatePolicy:
    """What the installer asked of the gate."""

    mode: GateMode
    allow_unidentified: bool = False
    least_step: Step = Step.RGB
    limits: tuple[Limit, ...] = ()

    @classmethod
    def of(cls, config: Config) -> GatePolicy:
        """Return the policy a configuration asks for."""
        gate = config.gate
        return cls(gate.mode, gate.allow_unidentified, config.decision.least_step, gate.limit)


@dataclass(frozen=True, slots=True)
class ListEntry:
    """A block entry that matches this attempt: what it names ("credential", "media", "terminal") and what it asks."""

    kind: str
    value: str
    action: str = "deny"
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
