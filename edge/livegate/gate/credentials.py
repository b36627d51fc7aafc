"""What a credential itself may: when, where, and whether it is in already."""

from __future__ import annotations

from livegate.config import Doubt
from livegate.gate.facts import GateFacts, GatePolicy
from livegate.gate.pass_back import is_inside, refuses
from livegate.gate.schedule import is_open
from livegate.types import Credential, Reason

Fault = tuple[Reason, str | None]
"""Why a credential does not open, and which rule says so, if one of the configuration does."""


def credential_fault(facts: GateFacts, policy: GatePolicy) -> Fault | None:
    """Return why the attempt's credential does not open this door now, or None when it does. Pure."""
    credential = facts.credential
    if credential is None:
        return Reason.NO_CREDENTIAL, None
    if not credential.known:
        return Reason.UNKNOWN_CREDENTIAL, None
    return (
        _doubt(credential, facts, policy)
        or _validity(credential, facts)
        or _place(credential, policy)
        or _time(credential, facts, policy)
        or _passage(facts, policy)
    )


def rests_on_doubted_clock(credential: Credential, facts: GateFacts) -> bool:
    """Return whether the credential has dates or a schedule while no time server sets the clock."""
    return not facts.now.synchronised and (_has_dates(credential) or credential.schedule is not None)


def remarked_inside(facts: GateFacts, policy: GatePolicy) -> bool:
    """Return whether the credential is in already, which a soft rule lets pass."""
    return is_inside(policy.anti_pass_back, facts.presence) and not refuses(policy.anti_pass_back, facts.presence)


def _has_dates(credential: Credential) -> bool:
    return credential.valid_from_s is not None or credential.valid_until_s is not None


def _doubt(credential: Credential, facts: GateFacts, policy: GatePolicy) -> Fault | None:
    if facts.now.synchronised:
        return None
    if _has_dates(credential) and policy.in_doubt.validity is Doubt.DENY:
        return Reason.CLOCK_UNSURE, "in_doubt.validity"
    if credential.schedule is not None and policy.in_doubt.schedule is Doubt.DENY:
        return Reason.CLOCK_UNSURE, "in_doubt.schedule"
    return None


def _validity(credential: Credential, facts: GateFacts) -> Fault | None:
    now_s = facts.now.dates_s()
    if credential.valid_from_s is not None and now_s < credential.valid_from_s:
        return Reason.CREDENTIAL_NOT_YET_VALID, None
    if credential.valid_until_s is not None and now_s >= credential.valid_until_s:
        return Reason.CREDENTIAL_EXPIRED, None
    return None


def _place(credential: Credential, policy: GatePolicy) -> Fault | None:
    if not credential.zones or policy.zone in credential.zones:
        return None
    return Reason.WRONG_ZONE, f"zone.{policy.zone}"


def _time(credential: Credential, facts: GateFacts, policy: GatePolicy) -> Fault | None:
    name = credential.schedule
    if name is None or is_open(policy.schedules, name, facts.now.dates_s(), facts.now.utc_offset_s):
        return None
    return Reason.OUTSIDE_SCHEDULE, f"schedule.{name}"


def _passage(facts: GateFacts, policy: GatePolicy) -> Fault | None:
    if not refuses(policy.anti_pass_back, facts.presence):
        return None
    return Reason.PASSED_BACK, f"anti_pass_back.{policy.anti_pass_back.mode}"
