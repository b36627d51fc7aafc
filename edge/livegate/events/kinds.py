"""The events of the door and the store, one function a kind; others lie in files of their own beside this one.

JSON schemas of what these return lie in events/schemas/. Raw credentials never get here, only pseudonyms.
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping
from typing import Any

from livegate.events.cloudevents import ChainHead, sequence_text
from livegate.events.environment import Environment, date_text, event, whose
from livegate.gate.door import DoorState
from livegate.gate.facts import Clock, ListEntry
from livegate.sensing.faults import SUSPICIOUS
from livegate.trust.keys import PublicKey
from livegate.types import (
    AccessEvent,
    Credential,
    Decision,
    Direction,
    Outcome,
    PadResult,
    Reason,
    Remark,
    SensorFault,
)

ACCESS_ATTEMPT = "access.attempt"
DOOR_STATE = "door.state"
SENSOR_STATE = "sensor.state"
SYSTEM_STARTED = "system.started"
CAPACITY = "capacity"
GAP = "gap"
CREDENTIAL_CHANGED = "credential.changed"
LIST_APPLIED = "list.applied"


def access_attempt(decision: Decision, now: Clock, environment: Environment) -> AccessEvent:
    """An attempt and how it ended, or that somebody left.

    Severity "alert" for a credential shown under threat, "warning" for a presentation attack, and for a face that looks
    like one and could not be judged for glare, "notice" for other denials and for a grant somebody should look at.
    """
    topic, reason = _onvif(decision)
    what = {
        "attempt_id": decision.attempt_id,
        "action": _ACTIONS[decision.direction],
        "outcome": decision.outcome,
        "reason": decision.reason,
        "pad": _pad(decision.pad),
        "policy": {
            "mode": decision.mode,
            "matched_rule": decision.matched_rule,
            "counters": dict(decision.counters),
            "lists": list(decision.lists),
            "remarks": list(decision.remarks),
            "duress": decision.duress,
        },
        "latency_ms": round(decision.latency_ms, 3),
        "onvif_topic": topic,
        "onvif_reason": reason,
    }
    who = whose(decision.credential)
    return event(ACCESS_ATTEMPT, what, now, environment, who=who, severity=_severity(decision))


def door_state(state: DoorState, now: Clock, environment: Environment, cause: int | None = None) -> AccessEvent:
    """What the door then did; ``cause`` is the sequence of the attempt that moved it, None when none did."""
    alarm = _ALARMS.get(state, "Normal" if state is not DoorState.UNKNOWN else "Unknown")
    what = {
        "action": "door",
        "state": state,
        "alarm": alarm,
        "cause": None if cause is None else sequence_text(cause),
        "onvif_topic": "tns1:Door/State/DoorAlarm" if state in _ALARMS else "tns1:Door/State/DoorMode",
    }
    return event(DOOR_STATE, what, now, environment, severity="warning" if state in _ALARMS else "info")


def sensor_state(
    role: str,
    state: str,
    before: str | None,
    now: Clock,
    environment: Environment,
    faults: Collection[SensorFault] = (),
) -> AccessEvent:
    """A sensor changed its state ("ok", "stale", "missing", ...) or its faults; ``before``: None if it was not known.

    Severity "alert" where it looks as if somebody else fed it, "info" where nothing is wrong with it.
    """
    what = {"action": "sensor", "role": role, "state": state, "before": before, "faults": sorted(map(str, faults))}
    severity = "alert" if SUSPICIOUS & set(faults) else "info" if state == "ok" and not faults else "warning"
    return event(SENSOR_STATE, what, now, environment, severity=severity)


def system_started(
    now: Clock, environment: Environment, *, first_of_boot: bool, predecessor: Any, device: PublicKey | None = None
) -> AccessEvent:
    """The daemon began, in a new boot or again; ``predecessor`` describes a stream that ended in damage.

    ``device`` is the terminal's own key, by which its checkpoints are checked.
    """
    what = {
        "action": "start",
        "cause": "boot" if first_of_boot else "restart",
        "predecessor": predecessor,
        "device_key": None if device is None else base64.b64encode(device.raw).decode(),
        "device_keyid": None if device is None else device.keyid,
    }
    return event(SYSTEM_STARTED, what, now, environment, severity="info" if predecessor is None else "error")


def gap(
    before: ChainHead, after: ChainHead, counts: Mapping[str, int], now: Clock, environment: Environment
) -> AccessEvent:
    """Events after ``before`` up to and with ``after`` were dropped: nobody fetched them and the store was full."""
    what = {
        "action": "drop",
        "from": sequence_text(before.sequence + 1),
        "to": sequence_text(after.sequence),
        "chainhash_before": before.chainhash,
        "chainhash_after": after.chainhash,
        "counts": dict(counts),
        "reason": "store_full",
    }
    return event(GAP, what, now, environment, severity="error")


def credential_changed(
    action: str, credential: Credential, reason: str, now: Clock, environment: Environment
) -> AccessEvent:
    """A credential was "added", "changed" or "removed" by hand at this terminal."""
    what = {
        "action": action,
        "valid_from": date_text(credential.valid_from_s),
        "valid_until": date_text(credential.valid_until_s),
        "schedule": credential.schedule,
        "zones": sorted(credential.zones),
        "duress": credential.duress,
        "reason": reason,
        "source": "local",
    }
    return event(CREDENTIAL_CHANGED, what, now, environment, who=whose(credential))


def list_applied(action: str, entry: ListEntry, now: Clock, environment: Environment) -> AccessEvent:
    """A block entry was "added", "changed" or "removed"; its value is a pseudonym where it names a credential."""
    what = {
        "action": action,
        "list": "block",
        "source": entry.source,
        "version": None,
        "entry": {
            "kind": entry.kind,
            "value": entry.value,
            "action": entry.action,
            "reason": entry.reason,
            "until": date_text(entry.until_s),
        },
    }
    return event(LIST_APPLIED, what, now, environment)


_ACTIONS = {Direction.IN: "enter", Direction.OUT: "leave"}
_NOTABLE = frozenset({Remark.REVIEW, Remark.PASSED_BACK})
_ALARMS = {DoorState.FORCED_OPEN: "DoorForcedOpen", DoorState.OPEN_TOO_LONG: "DoorOpenTooLong"}
# ONVIF Access Control Service Specification, tns1:AccessControl/Denied/Credential, item Reason.
_ONVIF_REASONS = {
    Reason.PRESENTATION_ATTACK: "livegate:SpoofDetected",
    Reason.CREDENTIAL_EXPIRED: "CredentialExpired",
    Reason.CREDENTIAL_NOT_YET_VALID: "CredentialNotActive",
    Reason.LISTED: "CredentialNotEnabled",
    Reason.OUTSIDE_SCHEDULE: "NotPermittedAtThisTime",
    Reason.WRONG_ZONE: "Unauthorized",
    Reason.NO_CREDENTIAL: "Unauthorized",
}


def _severity(decision: Decision) -> str:
    if decision.duress:
        return "alert"
    # Screens shine: who holds one so that nothing can be judged is no mere nuisance.
    shining = decision.pad.suspect and decision.pad.reason is Reason.GLARE
    if decision.reason is Reason.PRESENTATION_ATTACK or shining:
        return "warning"
    quiet = decision.outcome is Outcome.GRANTED and _NOTABLE.isdisjoint(decision.remarks)
    return "info" if quiet else "notice"


def _onvif(decision: Decision) -> tuple[str, str | None]:
    reason = None if decision.outcome is Outcome.GRANTED else _ONVIF_REASONS.get(decision.reason, "Other")
    if decision.duress:
        return "tns1:AccessControl/Duress", reason
    holder = "Anonymous" if decision.credential is None else "Credential"
    if decision.outcome is Outcome.GRANTED:
        return f"tns1:AccessControl/AccessGranted/{holder}", None
    if decision.reason is Reason.UNKNOWN_CREDENTIAL:
        return "tns1:AccessControl/Denied/CredentialNotFound/Card", None
    return f"tns1:AccessControl/Denied/{holder}", reason


def _pad(pad: PadResult) -> dict[str, Any]:
    return {
        "decision": pad.decision,
        "score": pad.score,
        "pai_species": pad.pai_species,
        "frames": pad.frames,
        "cues": {cue.name: {"score": cue.score, "llr": cue.llr} for cue in pad.cues},
        "missing": list(pad.missing),
        "media_signature": pad.media_signature,
        "reason": pad.reason,
        "guidance": pad.guidance,
    }
