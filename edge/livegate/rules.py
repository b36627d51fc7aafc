"""What the pipeline goes by: one value, swapped whole when the settings change."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

from livegate.config import Config, DecisionPolicy
from livegate.events.environment import Environment
from livegate.gate.facts import GatePolicy


@dataclass(frozen=True, slots=True)
class Rules:
    """What the settings in force ask of the pipeline."""

    policy: GatePolicy
    pairing_window_ms: int
    pulse_ms: int
    environment: Environment
    decision: DecisionPolicy = field(default_factory=DecisionPolicy)

    @classmethod
    def of(cls, config: Config, environment: Environment) -> Self:
        """Return the rules of a configuration; ``environment`` is what events say of the circumstances."""
        gate = config.gate
        return cls(GatePolicy.of(config), gate.pairing_window_ms, config.door.pulse_ms, environment, config.decision)
