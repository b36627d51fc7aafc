"""Which commit of the project trained a model."""

from __future__ import annotations

import subprocess
from pathlib import Path


def commit() -> str:
    """Return the checkout's commit, or "unknown" outside one."""
    try:
        found = subprocess.run(
            ["git", "rev-parse", "--short=12", "HEAD"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return found.stdout.strip()
