"""What one check of ``livegate check`` found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from livegate.errors import LivegateError

# A certificate's authority must be asked in time, and the root lies in a safe.
RENEW_S = 30 * 86_400.0


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found; ``ok`` is None where it is a warning, not a fault."""

    check: str
    ok: bool | None
    text: str


def tried(check: str, attempt: Callable[[], str]) -> Finding:
    """Return what ``attempt`` says, or the error it ended in."""
    try:
        return Finding(check, ok=True, text=attempt())
    except LivegateError as exc:
        return Finding(check, ok=False, text=str(exc))
