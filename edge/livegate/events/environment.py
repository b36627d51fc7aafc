"""The circumstances that stand in every event: who, when, where, with what; and the one form all kinds share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from livegate.events.cloudevents import Identity, timestamp
from livegate.gate.facts import Clock
from livegate.types import AccessEvent, Credential, Step

MAX_REASON = 500


@dataclass(frozen=True, slots=True)
class ModelInUse:
    """The detector that judged: its name, the SHA-256 of its file, and the PAD threshold in force.

    ``ensemble_sha256`` stands for all the models that judge together and how they are fused.
    """

    name: str
    sha256: str | None = None
    threshold: float | None = None
    ensemble_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Environment:
    """Under which circumstances something happened. ``sensors`` maps a role to its state."""

    identity: Identity
    zone: str = ""
    model: ModelInUse | None = None
    calibration_sha256: str | None = None
    config_version: str | None = None
    list_versions: Mapping[str, int] = field(default_factory=dict)
    sensors: Mapping[str, str] = field(default_factory=dict)
    step: Step | None = None


def event(
    kind: str,
    what: Mapping[str, Any],
    now: Clock,
    environment: Environment,
    *,
    who: Mapping[str, Any] | None = None,
    severity: str = "info",
) -> AccessEvent:
    """Return an event of ``kind`` that answers the five questions; ``what`` is the kind's own part."""
    identity = environment.identity
    data = {
        "who": who or whose(None),
        "when": {
            "wall": timestamp(now.wall_s),
            "monotonic_ns": now.monotonic_ns,
            "clock": "synchronised" if now.synchronised else "unsynchronised",
        },
        "environment": as_data(environment),
        "to_whom": {"door": identity.door, "zone": environment.zone},
        "what": what,
    }
    return AccessEvent(kind, data, now.wall_s, now.monotonic_ns, severity)


def as_data(environment: Environment) -> dict[str, Any]:
    """Return the circumstances as an event writes them."""
    model = environment.model
    return {
        "terminal": environment.identity.terminal,
        "site": environment.identity.site,
        "firmware": environment.identity.firmware,
        "model": None if model is None else asdict(model),
        "calibration_sha256": environment.calibration_sha256,
        "config_version": environment.config_version,
        "list_versions": dict(environment.list_versions),
        "sensors": dict(environment.sensors),
        "step": environment.step,
    }


def reason_text(text: str | None) -> str | None:
    """Return why something happened, cut to MAX_REASON: what a damaged file holds must not make an event too long."""
    return text if text is None or len(text) <= MAX_REASON else f"{text[: MAX_REASON - 3]}..."


def whose(credential: Credential | None) -> dict[str, Any]:
    """Return the answer to "who": the credential's pseudonym, never its value."""
    if credential is None:
        return {"credential": None, "credential_kind": None, "match": None}
    return {"credential": credential.pseudonym, "credential_kind": credential.kind, "match": None}


def date_text(wall_s: float | None) -> str | None:
    """Return a moment that may be missing as events write it."""
    return None if wall_s is None else timestamp(wall_s)
