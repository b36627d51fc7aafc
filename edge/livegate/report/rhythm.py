"""How often the terminal speaks, and how long it waits."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often the sender speaks, in seconds."""

    health_s: float = 30.0
    puback_s: float = 30.0
    """A broker that has not acknowledged a message for so long is given up."""
    want_again_s: float = 0.5
    """The same ``want`` sooner than this is taken for an echo of the one being answered; different ones are answered
    a few at once, and then no more often than this."""
    store_retry_s: float = 1.0
