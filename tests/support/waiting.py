"""Waiting for what another thread does."""

from __future__ import annotations

import time
from collections.abc import Callable


def eventually(condition: Callable[[], object], what: str = "", timeout_s: float = 30.0) -> None:
    """Return as soon as ``condition`` holds; fail when it never does. The bound is generous, not a timing test."""
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s, f"never came true: {what or condition}"
        time.sleep(0.01)
