"""What the terminal measures about itself: gauges and counters in base units."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from livegate.events.cloudevents import timestamp

Measures = Callable[[], Mapping[str, float]]
"""Returns measures by name: ``*_total`` counts up, anything else is a gauge; ``_seconds`` and ``_bytes`` are units."""

_STATM = Path("/proc/self/statm")


def process_measures() -> dict[str, float]:
    """Return what the operating system knows of this process."""
    measures: dict[str, float] = {"process_cpu_seconds_total": round(time.process_time(), 3)}
    try:
        resident_pages = int(_STATM.read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return measures
    return measures | {"process_resident_bytes": resident_pages * os.sysconf("SC_PAGE_SIZE")}


def finite(measures: Mapping[str, float]) -> dict[str, float]:
    """Return ``measures`` without those that are no number JSON could carry."""
    return {name: value for name, value in measures.items() if math.isfinite(value)}


def format_health(boot_id: str, measures: Mapping[str, float]) -> bytes:
    """Return the health message: ``{"time", "boot_id", "gauges": {name: number}, "counters": {name: number}}``.

    ``measures`` are :func:`finite`.
    """
    counters = {name: value for name, value in measures.items() if name.endswith("_total")}
    gauges = {name: value for name, value in measures.items() if name not in counters}
    members = {"time": timestamp(time.time()), "boot_id": boot_id, "gauges": gauges, "counters": counters}
    return json.dumps(members, separators=(",", ":"), allow_nan=False).encode()
