"""Kernels compiled anew with every index checked, in a process of its own: what is compiled here has no such checks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_TESTS = Path(__file__).parents[1]
WITHIN = "within"
"""What a program prints at its end."""


def stays_within(program: str, *arguments: object) -> None:
    """Run a program of Python text, which may import from ``support`` and from the unit tests, to its last line."""
    path = os.pathsep.join(map(str, (_TESTS, _TESTS / "unit")))
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        env=os.environ | {"NUMBA_BOUNDSCHECK": "1", "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.stdout.strip() == WITHIN, done.stderr
