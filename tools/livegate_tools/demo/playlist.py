"""Which recorded visits are shown, and in what order."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from livegate.errors import AssetError

# One round. Whatever eight consecutive visits are taken, across the seam too, three of them are attacks.
PATTERN = "LLALLALALLALLALA"


@dataclass(frozen=True, slots=True)
class Visit:
    """A recorded visit and the truth about it: what it shows, and whether its card may pass."""

    id: str
    title: str
    pai_species: str | None
    authorised: bool
    card: tuple[str, str] | None = field(repr=False)
    """Kind and value."""

    @property
    def is_attack(self) -> bool:
        """Whether this is an attack presentation."""
        return self.pai_species is not None

    @property
    def card_valid(self) -> bool:
        """Whether the terminal knows the card; what an attacker holds was stolen from somebody it knows."""
        return self.card is not None and (self.authorised or self.is_attack)


def read_visits(manifest: Path) -> tuple[Visit, ...]:
    """Return the visits of a manifest; raise AssetError naming the line that is wrong."""
    visits = []
    for number, line in enumerate(manifest.read_text("utf-8").splitlines(), 1):
        try:
            table = json.loads(line)
            card = table["card"]
            visits.append(
                Visit(
                    table["id"],
                    table["title"],
                    table["pai_species"],
                    table["authorised"],
                    (card["kind"], card["value"]) if card else None,
                )
            )
        except (ValueError, KeyError, TypeError) as exc:
            raise AssetError(f"{manifest}: line {number} is not a visit ({exc!r}); reinstall Livegate") from exc
    return tuple(visits)


def arrange(visits: Sequence[Visit], count: int, seed: int) -> tuple[Visit, ...]:
    """Return ``count`` visits, shuffled by ``seed`` within their kinds and dealt in :data:`PATTERN`."""
    return tuple(islice(_deal(visits, random.Random(seed)), count))  # noqa: S311 - a shuffle, not a secret


def _deal(visits: Sequence[Visit], chance: random.Random) -> Iterator[Visit]:
    kinds = {"A": [v for v in visits if v.is_attack], "L": [v for v in visits if not v.is_attack]}
    hands: dict[str, list[Visit]] = {"A": [], "L": []}
    while True:
        for kind in PATTERN:
            if not hands[kind]:
                hands[kind] = chance.sample(kinds[kind], len(kinds[kind]))
            yield hands[kind].pop()
