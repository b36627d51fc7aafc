"""The event that tells whom the terminal trusts from now on."""

from __future__ import annotations

from livegate.events.environment import Environment, date_text, event
from livegate.gate.facts import Clock
from livegate.trust.keyset import Keyset
from livegate.types import AccessEvent

KEYSET_APPLIED = "keyset.applied"


def keyset_applied(before: Keyset, after: Keyset, now: Clock, environment: Environment) -> AccessEvent:
    """The keyset ``after`` counts instead of ``before``; severity "warning" where its root is another."""
    what = {
        "action": "apply",
        "version": after.version,
        "root": after.root.keyid,
        "next_root": None if after.next_root is None else after.next_root.keyid,
        "keys": [{"keyid": trusted.key.keyid, "roles": sorted(trusted.roles)} for trusted in after.keys],
        "revoked": sorted(after.revoked - before.revoked),
        "expires": date_text(after.expires_s),
    }
    severity = "notice" if after.root == before.root else "warning"
    return event(KEYSET_APPLIED, what, now, environment, severity=severity)
