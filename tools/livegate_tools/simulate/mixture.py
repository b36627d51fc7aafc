"""How many samples are of living people, and of which attacks the others are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

SCREENS = "screens"
"""Any of the species that start with ``replay_``, as often as the simulator draws them."""


@dataclass(frozen=True, slots=True)
class Mixture:
    """What samples are drawn: a share of living people, and species by name, all as often; None: the simulator's own.

    ``least_face_px`` is the narrowest face, living or shown, that counts as presented; others are drawn anew.

    With numbers given, samples come in a fixed order, so that of N samples exactly the share is alive and every
    species is there equally often.
    """

    alive_share: float | None = None
    species: tuple[str, ...] = ()
    least_face_px: float = 0.0

    @property
    def stamp(self) -> Mapping[str, Any]:
        """What a folder remembers of it; nothing of the simulator's own mixture."""
        share = {} if self.alive_share is None else {"alive_share": self.alive_share}
        least = {"least_face_px": self.least_face_px} if self.least_face_px else {}
        return share | least | ({"species": list(self.species)} if self.species else {})

    def is_alive(self, index: int) -> bool | None:
        """Return whether sample ``index`` is of a living person, None where the simulator decides."""
        return None if self.alive_share is None else self._alive_before(index + 1) > self._alive_before(index)

    def species_of(self, rng: np.random.Generator, index: int, shares: Mapping[str, float]) -> str:
        """Return the species of sample ``index``, an attack: the next in turn, or by ``shares`` where none were named.

        Without a share of living people every second sample counts as an attack.
        """
        if not self.species:
            return _drawn(rng, shares)
        attack = index // 2 if self.alive_share is None else index - self._alive_before(index)
        name = self.species[attack % len(self.species)]
        if name != SCREENS:
            return name
        return _drawn(rng, {known: share for known, share in shares.items() if known.startswith("replay_")})

    def _alive_before(self, index: int) -> int:
        # A hair more, so that a share of 0.2 makes one of five whatever binary fractions say.
        return int(index * (self.alive_share or 0.0) + 1e-6)


def _drawn(rng: np.random.Generator, shares: Mapping[str, float]) -> str:
    total = sum(shares.values())
    return str(rng.choice(list(shares), p=[share / total for share in shares.values()]))


ANY = Mixture()
"""The simulator's own mixture."""
