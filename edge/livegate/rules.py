"""What the pipeline goes by: one value, swapped whole when the settings change."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

from livegate.config import Config, DecisionPolicy
from livegate.decide.recalibration import Recalibration
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
    recalibration: Recalibration | None = None

    @classmethod
    def of(cls, config: Config, environment: Environment, recalibration: Recalibration | None = None) -> Self:
        """Return the rules of a configuration; ``environment`` is what events say of the circumstances.

        ``recalibration`` is the terminal's own calibration of its decision, if it has one.
        """
        gate, policy = config.gate, GatePolicy.of(config)
        return cls(policy, gate.pairing_window_ms, config.door.pulse_ms, environment, config.decision, recalibration)
