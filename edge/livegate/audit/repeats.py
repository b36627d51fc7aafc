"""Which lines came before, so that one that comes again can be told from another in its place."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

# Some 40 MB at the most. A console prints again what it had not noted down yet, which are a few hundred.
MAX_REMEMBERED = 262_144


@dataclass(slots=True)
class Repeats:
    """The newest lines by their place; the oldest is forgotten first."""

    _lines: dict[tuple[int, int], bytes] = field(default_factory=dict)

    def has(self, place: tuple[int, int], line: bytes) -> bool:
        """Return whether this very line stood in ``place`` (reading, sequence) before."""
        held = self._lines.get(place)
        return held is not None and held == hashlib.sha256(line).digest()

    def add(self, place: tuple[int, int], line: bytes) -> None:
        """Remember ``line``."""
        self._lines[place] = hashlib.sha256(line).digest()
        if len(self._lines) > MAX_REMEMBERED:
            del self._lines[next(iter(self._lines))]
