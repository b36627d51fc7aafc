"""How well a crop classifier ranks faces, by source and species, on cut-outs exactly as the terminal makes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from livegate_tools.evaluate.metrics import auc
from livegate_tools.train.crop.cutouts import Cutouts
from livegate_tools.train.crop.loop import normalised
from livegate_tools.train.crop.network import CropNetwork
from livegate_tools.train.crop.recipe import Model
from livegate_tools.train.samples import Presentation, Sample

_BATCH = 256


@dataclass(frozen=True, slots=True)
class Ranking:
    """AUC of one source: all attacks together and by species, with how many there were; None where a class lacks."""

    source: str
    bona_fide: int
    attacks: int
    auc: float | None
    by_species: dict[str, float]


def log_odds(network: CropNetwork, cutouts: Cutouts, chosen: Sequence[int], model: Model) -> NDArray[np.float64]:
    """Return the log-odds of bona fide (len(chosen),) of the faces as the terminal cuts them out."""
    network.eval()
    rows = []
    with torch.no_grad():
        for first in range(0, len(chosen), _BATCH):
            pictures = cutouts.pictures[np.asarray(chosen[first : first + _BATCH]), 0]
            rows.append(network(normalised(pictures, model)).log_odds().numpy())
    return np.concatenate(rows).astype(np.float64) if rows else np.zeros(0)


def rankings(samples: Sequence[Sample], odds: NDArray[np.float64]) -> list[Ranking]:
    """Return the rankings by source; a source with one class only is ranked against the other class of all sources."""
    living = np.array([sample.presentation is Presentation.BONA_FIDE for sample in samples])
    sources = np.array([sample.source for sample in samples])
    species = np.array([sample.species or "" for sample in samples])
    found = []
    for source in dict.fromkeys(sources.tolist()):
        here = sources == source
        kept = here & living if (here & living).any() else living
        against = here & ~living if (here & ~living).any() else ~living
        by_species = {
            name: auc(odds[kept], odds[here & ~living & (species == name)])
            for name in sorted(set(species[here & ~living].tolist()))
        }
        whole = auc(odds[kept], odds[against]) if kept.any() and against.any() else None
        found.append(Ranking(source, int((here & living).sum()), int((here & ~living).sum()), whole, by_species))
    return found
