"""What a fault test tried and what was lost: a line for the reader, and a JSON line for the table in docs/faults.md."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

REPORT = "LIVEGATE_FAULTS_REPORT"
MANY = "LIVEGATE_FAULTS_MANY"


def many() -> bool:
    """Return whether everything is to be tried as often as `make faults` does."""
    return bool(os.environ.get(MANY))


def times(few: int, often: int) -> int:
    """Return how often to try: ``few`` in CI, ``often`` by `make faults`."""
    return often if many() else few


def record(fault: str, tried: str, *, lost: int = 0, wrong: int = 0, remarks: str = "") -> None:
    """Say what was tried, what acknowledged or told events were lost, and how often a door moved wrongly.

    Called after the test's own assertions, so both are what was counted, not what was hoped.
    """
    row = {"fault": fault, "tried": tried, "lost": lost, "wrong": wrong, "remarks": remarks}
    sys.stdout.write(f"FAULT {fault}: {tried}; lost {lost}, doors wrongly opened {wrong}. {remarks}\n")
    path = os.environ.get(REPORT)
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
