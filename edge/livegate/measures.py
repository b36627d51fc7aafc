"""What health tells of the house, in base units, beside what the link and the process say of themselves."""

from __future__ import annotations

from collections.abc import Mapping

from livegate.building import House
from livegate.config import Tls
from livegate.gate.facts import Clock

_CAMERA = ("frames", "drops", "damaged", "misdated", "frozen", "repeated", "timeouts", "lost", "resets")


def house_measures(house: House, now: Clock) -> Mapping[str, float]:
    """Return measures by name: ``*_total`` counts up, the rest are gauges. Raises StoreError."""
    counts, cameras = house.store.counts(), house.rig.health()
    mqtt = house.settings.effective.config.mqtt
    return {
        "store_dropped_events": counts.dropped,
        "store_database_bytes": counts.database_bytes,
        "store_wal_bytes": counts.wal_bytes,
        "clock_synchronised": float(now.synchronised),
        "clock_below_floor_seconds": round(max(0.0, now.floor_s - now.wall_s), 3),
        **{f"camera_{what}_total": sum(getattr(camera, what) for camera in cameras) for what in _CAMERA},
        "lamps_gone": house.rig.lamps_gone(),
        **_lists(house, now),
        **house.store.measures(),
        **house.evidence.measures(),
        **({} if mqtt is None or mqtt.tls is None else _certificates(mqtt.tls)),
    }


def _certificates(tls: Tls) -> Mapping[str, float]:
    # With TLS, the link has loaded it.
    from livegate.report.transport import certificate_measures

    return certificate_measures(tls)


def _lists(house: House, now: Clock) -> dict[str, float]:
    """Return each list's version, size, and in how many seconds it counts as old; negative when it does."""
    found: dict[str, float] = {}
    for name, applied in house.central.versions().items():
        found[f"list_{name}_version"] = applied.version
        found[f"list_{name}_entries"] = applied.entries
        found[f"list_{name}_expires_seconds"] = round(applied.expires_s - now.dates_s())
    return found
