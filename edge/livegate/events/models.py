"""The event that tells by which model the terminal judges from now on."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from livegate.events.environment import Environment, event, reason_text
from livegate.gate.facts import Clock
from livegate.types import AccessEvent

MODEL_ACTIVATED = "model.activated"


@dataclass(frozen=True, slots=True)
class ModelInForce:
    """A model that judges: ``sha256`` is its manifest's, ``source`` "shipped" or "installed"."""

    kind: str
    version: str
    sha256: str
    source: str


def model_activated(
    name: str,
    before: ModelInForce | None,
    after: ModelInForce | None,
    fault: str | None,
    now: Clock,
    environment: Environment,
) -> AccessEvent:
    """``after`` judges under ``name`` in place of ``before``, None for no model; ``fault`` where nobody wished that."""
    what = {
        "action": "deactivate" if after is None else "activate",
        "name": name,
        "model": None if after is None else asdict(after),
        "previous": None if before is None else asdict(before),
        "reason": reason_text(fault),
    }
    return event(MODEL_ACTIVATED, what, now, environment, severity="notice" if fault is None else "warning")
