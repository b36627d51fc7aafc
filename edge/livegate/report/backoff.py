"""How long to wait before trying again: doubling, bounded, and never in step with the other terminals."""

from __future__ import annotations

from random import Random, SystemRandom

_DOUBLINGS = 32


class Backoff:
    """Delays that double from ``first_s`` to ``max_s``, each drawn from the upper half of its range.

    A site whose broker comes back after a power cut would otherwise be met by all its terminals in one instant.
    """

    def __init__(self, first_s: float, max_s: float, random: Random | None = None) -> None:
        self._first_s = first_s
        self._max_s = max_s
        self._random = random or SystemRandom()
        self._tries = 0

    def next_s(self) -> float:
        """Return the next delay in seconds: at least half of min(max_s, first_s · 2^n), at most all of it."""
        whole_s = min(self._max_s, self._first_s * 2.0**self._tries)
        self._tries = min(self._tries + 1, _DOUBLINGS)
        return whole_s * self._random.uniform(0.5, 1.0)

    def reset(self) -> None:
        """Begin again at ``first_s``; for when a connection has proved itself."""
        self._tries = 0
