"""Whether a manifest is worth receiving; pure."""

from __future__ import annotations

from dataclasses import dataclass

from livegate.lists.values import ListRefusal, Manifest, Refused


@dataclass(frozen=True, slots=True)
class Standing:
    """How a list stands when a manifest comes.

    The versions in force and on its way (0 for none), the highest ever in force here, and the dates' clock.
    """

    applied: int
    receiving: int
    floor: int
    now_s: float


def refusal(manifest: Manifest, standing: Standing) -> Refused | None:
    """Return why ``manifest`` is not received, None when it is.

    The very version that was in force is taken again when it is in force no more: the file was lost.
    """
    least = max(standing.applied + 1, standing.floor, standing.receiving)
    if manifest.version < least:
        return _refused(manifest, ListRefusal.VERSION_BACK, f"version {manifest.version}, expected {least} or higher")
    if manifest.expires_s <= standing.now_s:
        return _refused(manifest, ListRefusal.EXPIRED, "its 'expires' is past")
    if manifest.base is not None and manifest.base != standing.applied:
        text = f"changes version {manifest.base}, in force is {standing.applied}; send it whole"
        return _refused(manifest, ListRefusal.WRONG_BASE, text)
    return None


def _refused(manifest: Manifest, reason: ListRefusal, text: str) -> Refused:
    return Refused(manifest.version, reason, text)
